// process_usage: what the running jobs use now, with all their children.
//
// From /proc, all of it: which processes belong to a job is known only by
// going up from each of them. Where there is no /proc, nothing is used.

#pragma once

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace cli {

class process_usage {
public:
    using clock = std::chrono::steady_clock;

    // Looks again if it is worth it: at most once a second, and for no more
    // than a hundredth of the time on a machine full of processes.
    void sample(const std::vector<int>& jobs, clock::time_point now);

    // Bytes in memory of the job with this process; 0: not known.
    std::uint64_t memory_of(int job) const;
    std::uint64_t memory() const noexcept { return memory_; }
    // CPUs in use by all of them, since the sample before.
    double cpus() const noexcept { return cpus_; }

private:
    struct job_usage {
        std::uint64_t memory = 0;
        std::uint64_t ticks = 0;  // of CPU time, with children waited for
    };

    std::unordered_map<int, job_usage> jobs_;
    std::uint64_t memory_ = 0;
    double cpus_ = 0;
    clock::time_point last_{};
    clock::time_point next_{};
};

}  // namespace cli
