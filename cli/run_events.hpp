// run_events: what the engine tells of a run while it goes on.
//
// The report, the log and the display are listeners. They are called in the
// engine's one thread, in the order of the events, and must not block: every
// job waits for them. What they throw ends the run with exit code 125 and the
// exception's words, so that no record is lost in silence.

#pragma once

#include "cli/job.hpp"
#include "cli/job_record.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

// One attempt that runs now.
struct running_job {
    std::uint64_t seq = 0;
    unsigned slot = 0;  // from 1
    unsigned attempt = 1;
    int pid = 0;
    std::string name;
    std::string display;  // the command as a person reads it
    std::chrono::steady_clock::time_point started;
};

// What has come from a job since the last time; at most a few times a second
// for each, and only while somebody wants_ticks().
struct output_news {
    std::uint64_t seq = 0;
    std::uint64_t out_bytes = 0;  // in all, so far
    std::uint64_t err_bytes = 0;
    std::string_view last_line;  // of either stream, without its end
};

// Why there is room, and no job is started.
enum class wait_reason {
    none,       // all slots are in use, or nothing is waited for
    load,       // --load
    memory,     // --memfree, --mem-per-job
    jobserver,  // no token
    delay,      // --delay
    resources,  // no descriptors or processes left: until a job has ended
    output,     // what has ended must be taken from us first
    retry,      // all that is left waits for its --retry-delay
};

// Writes to the standard output (0) or error (1) behind all that the engine
// has for it, and never blocks.
using run_output = std::function<void(unsigned, std::string_view)>;

class run_listener {
public:
    run_listener() = default;
    run_listener(const run_listener&) = delete;
    run_listener& operator=(const run_listener&) = delete;
    virtual ~run_listener() = default;

    // Before all others: for what a listener has to say there itself. Valid
    // until run_ended has returned.
    virtual void use_output(const run_output&) {}
    // First of all, once.
    virtual void run_started(const run_record&) {}
    // The total has become known, or is larger than it was.
    virtual void total_known(std::uint64_t) {}
    virtual void job_started(const running_job&) {}
    virtual void job_output(const output_news&) {}
    // One attempt is over (also one that could not be started: then there was
    // no job_started). A retry follows where !record.final.
    virtual void job_ended(const job_record&) {}
    // Told when it changes.
    virtual void waiting(wait_reason) {}
    // No new jobs from now on; `why` is for people ("halted: 3 jobs failed").
    virtual void stopping(std::string_view /*why*/) {}
    // Last of all, once; also when the run was stopped.
    virtual void run_ended(const end_record&) {}

    // Around everything that the engine writes to the standard output and
    // error itself, so that a display on the terminal gets out of the way.
    virtual void before_output() {}
    virtual void after_output() {}

    // Each attempt that failed is told of where a person sees it.
    virtual bool shows_failures() const { return false; }

    // A display wants to be called ten times a second.
    virtual bool wants_ticks() const { return false; }
    virtual void tick(std::chrono::steady_clock::time_point) {}
    // SIGWINCH; and SIGCONT, after which the terminal may show anything.
    virtual void terminal_changed() {}
    // SIGUSR1 or SIGINFO: somebody asks on the terminal what is running.
    virtual void listing_wanted() {}
};

}  // namespace cli
