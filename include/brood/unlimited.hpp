// unlimited.hpp: "no limit", for durations and for sizes.
#pragma once

#include <chrono>
#include <cstddef>

namespace brood {

/// No limit, wherever brood takes a duration.
inline constexpr std::chrono::nanoseconds unlimited =
    std::chrono::nanoseconds::max();

/// No limit, wherever brood takes a number of bytes.
inline constexpr std::size_t unlimited_bytes = static_cast<std::size_t>(-1);

}  // namespace brood
