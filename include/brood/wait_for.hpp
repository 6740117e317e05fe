// wait_for.hpp: a time limit for one awaitable.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/nursery.hpp>
#include <brood/export.hpp>
#include <brood/result.hpp>
#include <brood/sleep.hpp>
#include <brood/timeout_error.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace brood {

namespace detail {

// Fails with timeout_error when the time is up.
BROOD_API awaitable<void> alarm(tick duration);

// Two children: the work, which never fails as a child, and the alarm, which
// can do nothing but fail, and thereby cancels the work.
template <typename T>
class wait_for_nursery final : public nursery {
public:
    using value_type = T;

    wait_for_nursery(awaitable<T> work, tick limit)
        : work_(std::move(work)), limit_(limit)
    {
    }

    T take()
    {
        if (outcome_ && outcome_->has_value())
            return unwrap<T>(**std::move(outcome_));
        if (failure() && (!outcome_ || is_cancellation(outcome_->exception())))
            std::rethrow_exception(failure());
        std::rethrow_exception(outcome_->exception());
    }

private:
    void fill() override
    {
        if (outcome_)
            return stop();  // the work is over: so is the alarm
        start(std::make_shared<child>(),
              put<T>(shared_from_this(), outcome_, std::move(work_)));
        if (limit_ <= tick::zero())
            throw timeout_error();  // at once: not even a turn of the loop
        start(std::make_shared<child>(), alarm(limit_));
    }

    awaitable<T> work_;
    tick limit_;
    std::optional<result<value_of<T>>> outcome_;
};

}  // namespace detail

/// Waits for `work`, but not longer than `limit`.
///
/// When the time is up, `work` is cancelled, its end is awaited, and
/// timeout_error is thrown. If `work` has a value all the same, because it
/// finished at that moment or took no notice, that value is returned; if it
/// failed with another error, that one is thrown: nothing is lost. Cancelling
/// a wait for a child process does not end the child.
///
/// Completion:   once, when `work` has ended, however long that takes: work
///               that refuses to be cancelled has no limit. Never inline.
/// Cancellation: cancels `work`, awaits its end, and passes on its outcome:
///               normally operation_aborted.
/// Errors:       timeout_error; everything `work` throws.
/// Limits:       with a limit of zero or less, `work` runs up to its first
///               wait and is cancelled there.
/// See:          timeout_error, sleep; asyncio.wait_for
template <typename T, typename Rep, typename Period>
[[nodiscard]] awaitable<T> wait_for(awaitable<T> work,
                                    std::chrono::duration<Rep, Period> limit)
{
    return detail::run_nursery(std::make_shared<detail::wait_for_nursery<T>>(
        std::move(work), detail::to_ticks(limit)));
}

}  // namespace brood
