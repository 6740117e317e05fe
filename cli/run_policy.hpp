// run_policy: what a run decides from how its jobs ended: try again, end the
// run early, and with which exit code. Values in, values out.

#pragma once

#include "cli/job_record.hpp"
#include "cli/options.hpp"

#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>

namespace cli {

// Did a job that ended like this fail?
bool has_failed(const job_record& ended, const cleaning_options& asked);

// Is a job that has failed tried again, after so many attempts?
bool is_tried_again(const job_record& ended, const retry_policy& asked);

// How long to wait before the attempt that follows number `attempt`; jitter
// takes away up to a half, so that many that failed at once do not come back
// at once.
duration retry_pause(const retry_policy& asked, unsigned attempt,
                     std::minstd_rand& random);

// How many jobs are given to the guard beyond those that have a slot, so that
// none is empty while it waits for us: as many as it needs, or none in a run
// in which something is decided between the end of one job and the start of
// the next: whether there is one, which, when, in which slot, or what is
// written in between.
unsigned jobs_ahead(const options& asked, unsigned slots, bool has_jobserver);

// Counts the ends of jobs, and says when the run is to end early.
class halt_count {
public:
    explicit halt_count(const halt_policy& asked) : asked_(asked) {}

    void count(bool failed);
    // Why the run ends now. `total`: how many there will be in all; while
    // that is not known, a part is of those that were `read` so far, and of
    // three jobs at least: the first one alone would always be a half or all.
    std::optional<std::string> verdict(std::optional<std::uint64_t> total,
                                       std::uint64_t read) const;

private:
    halt_policy asked_;
    std::uint64_t failed_ = 0;
    std::uint64_t succeeded_ = 0;
};

// The median of what is added, at any time.
class running_median {
public:
    void add(double value);
    // None: fewer than three have been added (GNU parallel's habit).
    std::optional<double> value() const;

private:
    std::multiset<double> low_;
    std::multiset<double> high_;
};

// What the exit code is made of.
struct run_result {
    bool own_failure = false;  // the report, the input, the guard...
    int signal = 0;            // that ended the run
    std::uint64_t ok = 0;
    std::uint64_t failed = 0;  // all that follow, and more
    std::uint64_t timed_out = 0;
    std::uint64_t not_found = 0;
    std::uint64_t not_executable = 0;
    std::optional<job_record> last;  // the only one, of `one`
    bool halted_by_success = false;
};

int exit_code_of(const run_result& result, const options& asked);

}  // namespace cli
