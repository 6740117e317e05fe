// resource_usage.hpp: what a child used, as the kernel counted it.
#pragma once

#include <chrono>
#include <cstdint>

namespace brood {

/// What a child, and those of its descendants that it waited for, used.
///
/// Threads: a value: distinct objects are independent.
/// Platform: getrusage(2). max_resident_bytes can start at the parent's own
/// size, because the kernel carries the mark across exec.
struct resource_usage {
    std::chrono::microseconds user_time{};
    std::chrono::microseconds system_time{};
    std::uint64_t max_resident_bytes = 0;
    std::uint64_t minor_faults = 0;
    std::uint64_t major_faults = 0;
    /// In blocks of 512 bytes, to and from a device: what the page cache held
    /// is not read, and what was written and removed at once may not count.
    std::uint64_t blocks_read = 0;
    std::uint64_t blocks_written = 0;
    std::uint64_t voluntary_switches = 0;
    std::uint64_t involuntary_switches = 0;
};

}  // namespace brood
