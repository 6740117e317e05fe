// detail/gather.hpp: the nurseries beneath gather.
//
// `Kept<T>` is what is kept of an awaitable<T>: its value (value_of), and its
// exception is a failure; or its result (result_of), and nothing is.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/is_awaitable.hpp>
#include <brood/detail/nursery.hpp>
#include <brood/detail/patient_starts.hpp>
#include <brood/result.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood::detail {

template <typename T>
using result_of = result<value_of<T>>;

// gather(a, b, c): one child each, started at once.
template <template <typename> typename Kept, typename... Ts>
class gather_each final : public nursery {
public:
    using value_type = std::tuple<Kept<Ts>...>;

    explicit gather_each(awaitable<Ts>... work) : work_(std::move(work)...) {}

    value_type take()
    {
        check();
        return std::apply(
            [](auto&... kept) { return value_type(*std::move(kept)...); },
            kept_);
    }

private:
    void fill() override
    {
        if (std::exchange(started_, true))
            return;
        start_all(std::index_sequence_for<Ts...>());
    }

    template <std::size_t... I>
    void start_all(std::index_sequence<I...>)
    {
        (start(std::make_shared<child>(),
               put<Ts>(shared_from_this(), std::get<I>(kept_),
                       std::move(std::get<I>(work_)))),
         ...);
    }

    bool started_ = false;
    std::tuple<awaitable<Ts>...> work_;
    std::tuple<std::optional<Kept<Ts>>...> kept_;
};

// gather(..., return_exceptions)
template <typename Last, typename... Args>
inline constexpr bool ends_with = false;
template <typename Last, typename Arg, typename... Args>
inline constexpr bool ends_with<Last, Arg, Args...> =
    is_awaitable<Arg> && ends_with<Last, Args...>;
template <typename Last>
inline constexpr bool ends_with<Last, Last> = true;

template <typename... Args>
auto gather_all_but_last(std::tuple<Args&...> args)
{
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        using each =
            gather_each<result_of, typename std::tuple_element_t<
                                       I, std::tuple<Args...>>::value_type...>;
        return run_nursery(
            std::make_shared<each>(std::move(std::get<I>(args))...));
    }(std::make_index_sequence<sizeof...(Args) - 1>());
}

// gather(range)
template <typename Range>
concept range_of_awaitables =
    std::ranges::input_range<Range> &&
    is_awaitable<std::remove_cvref_t<std::ranges::range_reference_t<Range>>>;

template <range_of_awaitables Range>
using range_result = typename std::remove_cvref_t<
    std::ranges::range_reference_t<Range>>::value_type;

template <range_of_awaitables Range>
using range_value = value_of<range_result<Range>>;

inline constexpr auto no_limit = static_cast<std::size_t>(-1);

template <template <typename> typename Kept, typename T, std::ranges::view View>
class gather_view final : public nursery {
public:
    using value_type = std::vector<Kept<T>>;

    gather_view(View view, std::size_t limit)
        : view_(std::move(view)), limit_(limit)
    {
    }

    value_type take()
    {
        patient_.reset();
        // What the view owns goes before the caller goes on.
        end_.reset();
        next_.reset();
        view_.reset();
        check();
        value_type values;
        values.reserve(kept_.size());
        for (auto& kept : kept_)
            values.push_back(*std::move(kept));
        return values;
    }

private:
    void fill() override
    {
        // Who sets a limit wants what is beyond it to wait, not to fail; so
        // it is where the system sets a lower one.
        if (limit_ != no_limit && !patient_)
            patient_ = patient_starts(where());
        while (running() < limit_ && pull()) {
            awaitable<T> work = std::ranges::iter_move(*next_);
            start(std::make_shared<child>(),
                  put<T>(shared_from_this(), kept_.emplace_back(),
                         std::move(work)));
        }
    }

    // Moves on to the next element, if there is one. Not a step sooner than
    // it is needed: to step may be work, or wait, in an input range.
    bool pull()
    {
        if (!next_) {
            next_.emplace(std::ranges::begin(*view_));
            end_.emplace(std::ranges::end(*view_));
        } else if (*next_ != *end_) {
            ++*next_;
        }
        return *next_ != *end_;
    }

    std::optional<View> view_;
    std::optional<std::ranges::iterator_t<View>> next_;
    std::optional<std::ranges::sentinel_t<View>> end_;
    std::size_t limit_;
    std::shared_ptr<void> patient_;
    // A deque, for the children hold on to their places while it grows.
    std::deque<std::optional<Kept<T>>> kept_;
};

template <template <typename> typename Kept, typename Range>
auto gather_range(Range&& range, std::size_t limit)
{
    using reference = std::ranges::range_reference_t<Range>;
    static_assert(
        !std::is_lvalue_reference_v<reference> ||
            !std::is_lvalue_reference_v<Range>,
        "gather consumes the awaitables of a container: std::move it in");
    using view = std::views::all_t<Range>;
    return run_nursery(
        std::make_shared<gather_view<Kept, range_result<Range>, view>>(
            std::views::all(std::forward<Range>(range)), limit));
}

}  // namespace brood::detail
