// machine_limits: how much the machine has, and how much of it is in use.

#pragma once

#include "cli/options.hpp"

#include <cstdint>
#include <optional>

namespace cli {

// The processors that we may use: the affinity, and the cgroup's share of
// time (cpu.max, cpu.cfs_quota_us), rounded up; at least 1.
unsigned available_processors();

// How many jobs at once; 0: no limit.
unsigned slots_of(const job_limit& asked);

// The tasks that run or wait for a processor now. Not the average of the last
// minute, which answers too late by that minute.
std::optional<double> running_tasks();

// Bytes that can be had without swapping, also within the memory cgroup.
std::optional<std::uint64_t> available_memory();

}  // namespace cli
