// running_jobs: what is known of a run while it goes on, and how it is said.
//
// No terminal and no clock: the moment is given, lines come out.

#pragma once

#include "cli/process_usage.hpp"
#include "cli/run_events.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cli {

class running_jobs {
public:
    using time_point = std::chrono::steady_clock::time_point;

    void begin(const run_record& run, time_point now);
    void total_known(std::uint64_t total) { total_ = total; }
    void started(const running_job& job);
    void printed(const output_news& news);
    void ended(const job_record& job);
    void waiting(wait_reason why) { waiting_ = why; }
    void stopping(std::string_view why) { stopping_ = why; }
    void look(time_point now);

    std::uint64_t done() const noexcept;

    // One line with what there is most of to say, within `columns`; `fail`
    // stands around the number of failures ("" and "" for no colour). Sets
    // `used` to its columns.
    std::string status_line(time_point now, std::size_t columns,
                            std::string_view fail_on, std::string_view fail_off,
                            std::size_t& used) const;
    // The oldest jobs, a line each, `most` lines at most.
    std::vector<std::string> job_lines(time_point now, std::size_t columns,
                                       std::size_t most) const;
    // For SIGUSR1: all of them, in full, each with a line feed.
    std::string listing(time_point now) const;

private:
    struct shown_job {
        running_job job;
        std::string last_line;
    };

    std::string job_line(const shown_job& shown, time_point now,
                         std::size_t columns, std::size_t digits) const;
    std::optional<double> seconds_left(time_point now) const;

    // By number: jobs are started in that order, but for retries.
    std::map<std::uint64_t, shown_job> jobs_;
    std::optional<std::uint64_t> total_;
    time_point began_{};
    std::uint64_t ok_ = 0;
    std::uint64_t failed_ = 0;
    std::uint64_t passed_over_ = 0;  // canceled or skipped
    wait_reason waiting_ = wait_reason::none;
    std::size_t widest_ = 0;  // of all commands, in columns
    std::string stopping_;
    process_usage usage_;
};

// "42.1s", "2m07s", "1h05m": an age in six columns.
std::string age_text(double seconds);

// CPUs that this process may use.
unsigned usable_cpus();

}  // namespace cli
