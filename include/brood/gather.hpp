// gather.hpp: run several awaitables at the same time, and wait for all.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/gather.hpp>
#include <brood/result.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood {

/// How many awaitables of a range gather runs at the same time.
///
/// Errors: std::invalid_argument for less than one.
class in_flight {
public:
    template <std::integral Number>
    explicit in_flight(Number limit) : limit_(static_cast<std::size_t>(limit))
    {
        if (limit < 1)
            throw std::invalid_argument("brood: in_flight needs at least 1");
    }

    std::size_t limit() const noexcept { return limit_; }

private:
    std::size_t limit_;
};

/// The type of return_exceptions.
class return_exceptions_t {
public:
    explicit constexpr return_exceptions_t() = default;
};

/// Makes gather give every awaitable's value *or* exception, as result<T>,
/// instead of ending at the first exception.
inline constexpr return_exceptions_t return_exceptions{};

/// Runs all the awaitables at the same time, and gives all their values.
///
/// `auto [a, b] = co_await gather(f(), g());`. They start in order, each
/// running up to its first wait, on the executor of the caller. An
/// awaitable<void> gives std::monostate.
///
/// The first exception cancels the others; when all of them have ended, it is
/// thrown. (asyncio.gather lets the others run on, unobserved.) What comes
/// second is lost; to see everything, add return_exceptions as the last
/// argument: then each value is a result<T>, and nothing is cancelled.
///
/// Completion:   once, when all have ended; never inline.
/// Cancellation: cancels all, awaits their end, then operation_aborted, also
///               with return_exceptions; their values are lost.
/// Errors:       the first exception, in time.
/// Threads:      on the loop of brood::run, or in a strand, the awaitables run
///               there. An executor that may be a pool of threads gets a
///               strand, in which they take turns: for parallel work, co_spawn
///               several.
/// See:          result, with_task_group; asyncio.gather
template <typename... Ts>
[[nodiscard]] awaitable<std::tuple<detail::value_of<Ts>...>>
gather(awaitable<Ts>... work)
{
    return detail::run_nursery(
        std::make_shared<detail::gather_each<detail::value_of, Ts...>>(
            std::move(work)...));
}

/// The same; each value is a result<T>. Usage: gather(f(), g(),
/// return_exceptions).
template <typename... Args>
    requires detail::ends_with<return_exceptions_t, Args...>
[[nodiscard]] auto gather(Args... work_then_return_exceptions)
{
    return detail::gather_all_but_last(
        std::tuple<Args&...>(work_then_return_exceptions...));
}

/// Runs a range of awaitables, at most `limit` of them at a time, and gives
/// their values in the order of the range.
///
/// The range is pulled lazily, an element whenever a slot becomes free: a view
/// whose elements are made when they are asked for
/// (`names | std::views::transform(fetch)`) makes as many as are running. A
/// container of awaitables is consumed: std::move it in.
///
/// Exceptions, cancellation and threads are as with the other form. What
/// pulling an element throws counts as an exception of one of them.
///
/// With in_flight, a create_subprocess on this execution context that fails
/// for want of descriptors, processes or memory is tried again meanwhile, when
/// a child of this context has ended or after a pause: 30 s and 200 attempts
/// at the most, and some 1 s where no child is running. Then its spawn_error
/// says how often it was tried, and how long.
///
/// Lifetime: a view's elements must live until the awaitable has ended.
/// Limits:   without in_flight, all run at once. No element, no value.
template <detail::range_of_awaitables Range>
[[nodiscard]] auto gather(Range&& range, in_flight limit)
    -> awaitable<std::vector<detail::range_value<Range>>>
{
    return detail::gather_range<detail::value_of>(std::forward<Range>(range),
                                                  limit.limit());
}

template <detail::range_of_awaitables Range>
[[nodiscard]] auto gather(Range&& range)
    -> awaitable<std::vector<detail::range_value<Range>>>
{
    return detail::gather_range<detail::value_of>(std::forward<Range>(range),
                                                  detail::no_limit);
}

/// The same; each value is a result<T>.
template <detail::range_of_awaitables Range>
[[nodiscard]] auto gather(Range&& range, in_flight limit, return_exceptions_t)
    -> awaitable<std::vector<result<detail::range_value<Range>>>>
{
    return detail::gather_range<detail::result_of>(std::forward<Range>(range),
                                                   limit.limit());
}

template <detail::range_of_awaitables Range>
[[nodiscard]] auto gather(Range&& range, return_exceptions_t)
    -> awaitable<std::vector<result<detail::range_value<Range>>>>
{
    return detail::gather_range<detail::result_of>(std::forward<Range>(range),
                                                   detail::no_limit);
}

static_assert(!std::is_aggregate_v<in_flight>);
static_assert(!std::is_aggregate_v<return_exceptions_t>);

}  // namespace brood
