// amounts: durations, sizes and counts as people read them.

#pragma once

#include <cstdint>
#include <string>

namespace cli {

// "85 ms", "3.2 s", "4 min 07 s", "2 h 05 min"
std::string duration_text(double seconds);
// "00:41", "1:02:03": for a clock that runs.
std::string clock_text(double seconds);
// "512 B", "88 kB", "1.2 GB": powers of 1000, as disks and the SI count.
std::string size_text(std::uint64_t bytes);
// In at most five columns: "88M", "1.2G"; powers of 1024, as top counts.
std::string short_size_text(std::uint64_t bytes);
// "1 job", "2 jobs"
std::string count_text(std::uint64_t count, const std::string& noun);

}  // namespace cli
