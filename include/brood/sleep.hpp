// sleep.hpp: wait for a while.
#pragma once

#include <brood/asio.hpp>
#include <brood/export.hpp>

#include <chrono>
#include <type_traits>

namespace brood {

namespace detail {

using tick = std::chrono::steady_clock::duration;

BROOD_API awaitable<void> sleep_for(tick duration);

// Longer than the clock can count is as long as it can count: an overflow
// would turn "for ever" into "not at all".
template <typename Rep, typename Period>
constexpr tick to_ticks(std::chrono::duration<Rep, Period> duration)
{
    using seconds = std::chrono::duration<double>;
    // Half the range, so that a time point made of it cannot overflow.
    constexpr tick longest = tick::max() / 2;
    if (!(seconds(duration) < seconds(longest)))  // also: not a number
        return longest;
    if (seconds(duration) <= seconds(-longest))
        return -longest;
    return std::chrono::ceil<tick>(duration);
}

}  // namespace detail

/// Waits for `duration`, by a clock that nobody sets.
///
/// Zero or less gives every other coroutine of the loop that is ready its
/// turn, and goes on.
///
/// Completion:   once, not before the time is up; never inline.
/// Cancellation: the wait ends at once with operation_aborted.
/// Limits:       a duration too long for the clock counts as the longest
///               one it has (146 years).
/// See:          wait_for; asyncio.sleep
template <typename Rep, typename Period>
[[nodiscard]] awaitable<void> sleep(std::chrono::duration<Rep, Period> duration)
{
    return detail::sleep_for(detail::to_ticks(duration));
}

/// Not seconds: say sleep(1s). A bare number would call POSIX's sleep(3),
/// which blocks the thread and with it the loop.
template <typename Number>
    requires std::is_arithmetic_v<Number>
awaitable<void> sleep(Number) = delete;

}  // namespace brood
