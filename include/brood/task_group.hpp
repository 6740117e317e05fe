// task_group.hpp: tasks that all end before the scope they belong to.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/body_nursery.hpp>
#include <brood/detail/callable.hpp>
#include <brood/task.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace brood {

namespace detail {
template <typename T, typename Body>
class group_nursery;
}  // namespace detail

/// Holds a task that belongs to a task_group: as task, but dropping it does
/// not cancel it.
template <typename T>
class group_task : public task<T> {
private:
    friend class task_group;

    explicit group_task(std::shared_ptr<detail::task_state<T>> state) noexcept
        : task<T>(std::move(state))
    {
        this->detach();
    }
};

/// Starts tasks inside with_task_group.
///
/// Threads:  to be used by the group's body and tasks only.
/// Lifetime: until with_task_group has ended.
class task_group {
public:
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Starts `work` beside the body; it runs up to its first wait at once.
    ///
    /// The handle may be dropped: the task belongs to the group. It serves to
    /// join it, for its value, or to cancel it alone, which is not a failure
    /// of the group.
    ///
    /// Errors: operation_aborted, and nothing was started, when the group is
    ///         already ending.
    template <typename T>
    group_task<T> create_task(awaitable<T> work)
    {
        auto state = std::make_shared<detail::task_state<T>>();
        nursery_.start(state, state->body(std::move(work)));
        return group_task<T>(std::move(state));
    }

private:
    template <typename T, typename Body>
    friend class detail::group_nursery;

    explicit task_group(detail::nursery& nursery) noexcept : nursery_(nursery)
    {
    }

    detail::nursery& nursery_;
};

namespace detail {

template <typename T, typename Body>
class group_nursery final : public body_nursery<T, Body> {
public:
    template <typename B>
    explicit group_nursery(std::in_place_t, B&& body)
        : body_nursery<T, Body>(std::in_place, std::forward<B>(body))
    {
        this->await_dropped_processes();
    }

private:
    awaitable<T> call(Body& body) override { return body(group_); }

    task_group group_{*this};
};

}  // namespace detail

/// Runs `body`, a callable that takes a task_group& and returns an
/// awaitable<T>, and the tasks it starts; returns what it returns.
///
/// Ends when the body and all tasks have ended: nothing that was started here
/// is left running. A child process whose handle goes with a task that ends
/// is killed, as always, and has been collected, too (with_process stops one
/// politely). When the body or a task fails, all the others are
/// cancelled and awaited; then the first exception is thrown.
///
/// Pre:          `body` is copied or moved; what it refers to must outlive
///               the awaitable. Under GCC 12, a temporary `body` may capture
///               only references and plain values; give a name to any other.
/// Completion:   once, when all have ended; never inline.
/// Cancellation: cancels body and tasks, awaits their end, then
///               operation_aborted.
/// Errors:       the first exception, in time. (asyncio throws all of them as
///               an ExceptionGroup.)
/// Threads:      as gather.
/// See:          task_group; asyncio.TaskGroup
template <typename Body>
[[nodiscard]] auto with_task_group(Body&& body)
{
    static_assert(std::is_invocable_v<std::decay_t<Body>&, task_group&>,
                  "with_task_group takes a callable of task_group&");
    static_assert(detail::safe_in_co_await<Body>,
                  "GCC 12 destroys this temporary twice: give it a name "
                  "first, `auto body = [...]...; co_await "
                  "with_task_group(body)`");
    using work = std::invoke_result_t<std::decay_t<Body>&, task_group&>;
    using group =
        detail::group_nursery<typename work::value_type, std::decay_t<Body>>;
    return detail::run_nursery(
        std::make_shared<group>(std::in_place, std::forward<Body>(body)));
}

static_assert(!std::is_aggregate_v<task_group>);

}  // namespace brood
