// attributes.hpp: the system's numbers for what a command names.
#pragma once

#include <brood/limit_kind.hpp>

#include <cstdint>
#include <vector>

namespace brood::os {

// What prlimit(2) calls it.
int resource_number(limit_kind kind) noexcept;

// Processors as the set of bits that sched_setaffinity(2) takes.
std::vector<unsigned long> processor_set(const std::vector<int>& processors);

// Signals as the kernel's set: bit n - 1 is signal n.
std::uint64_t signal_set(const std::vector<int>& signals) noexcept;

}  // namespace brood::os
