// start_patience.cpp: see start_patience.hpp.
#include "core/start_patience.hpp"

#include <algorithm>

namespace brood::core {

std::optional<start_patience::milliseconds>
start_patience::attempt_failed(bool children_running, milliseconds elapsed,
                               std::uint32_t random) noexcept
{
    ++attempts_;
    if (attempts_ >= most_attempts || elapsed >= longest_time ||
        (!children_running && waits_ >= most_idle_waits))
        return std::nullopt;
    constexpr int most_doublings = 10;  // far beyond the longest wait
    const auto whole =
        std::min(shortest_wait * (1 << std::min(waits_++, most_doublings)),
                 longest_wait);
    const auto half = whole / 2;
    const milliseconds wait = half + milliseconds(random % (half.count() + 1));
    return std::min(wait, longest_time - elapsed);
}

std::string effort_text(int attempts, std::chrono::milliseconds elapsed,
                        int children)
{
    const auto tenths = (elapsed.count() + 50) / 100;
    return "after " + std::to_string(attempts) +
           (attempts == 1 ? " attempt in " : " attempts in ") +
           std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) +
           " s, with " + (children == 0 ? "no" : std::to_string(children)) +
           (children == 1 ? " child running" : " children running");
}

}  // namespace brood::core
