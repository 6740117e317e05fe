// task.hpp: a coroutine that runs on its own, and the handle to it.
//
// A task is not tied to a scope; with_task_group's tasks are.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/child.hpp>

#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace brood {

template <typename T>
class group_task;

/// Holds a coroutine that runs beside the one that started it.
///
/// Move-only. Dropping a running task cancels it, and never blocks; detach()
/// it to let it go on. Exceptions of a task that nobody joins are lost.
///
/// Threads:  distinct tasks: any thread. One task: one thread at a time;
///           done() from any.
/// Lifetime: may outlive the coroutine that started it. Once done, it may
///           outlive the loop of brood::run, too.
/// See:      create_task, task_group; asyncio.Task
template <typename T>
class [[nodiscard]] task {
public:
    using value_type = T;

    task(task&&) noexcept = default;
    task& operator=(task&& other) noexcept
    {
        task(std::move(other)).swap(*this);
        return *this;
    }
    ~task()
    {
        if (state_ && !state_->detached())
            state_->cancel();
    }

    /// Waits until the task has ended, and gives its value.
    ///
    /// May be called any number of times, also at the same time: each join
    /// gets a copy. A value that cannot be copied is moved out by the first
    /// join to be resumed; the others get std::logic_error.
    ///
    /// Completion:   once, when the task has ended; never inline.
    /// Cancellation: stops this wait with operation_aborted, not the task.
    /// Errors:       everything the task throws; operation_aborted if it was
    ///               cancelled. std::logic_error, at once: moved from.
    /// Lifetime:     the awaitable does not need the handle any more; but
    ///               dropping the handle cancels the task.
    [[nodiscard]] awaitable<T> join() const& { return share(checked()); }

    /// The same, with the value moved out; the awaitable owns the task, and
    /// drops it at its end.
    [[nodiscard]] awaitable<T> join() &&
    {
        checked();
        return take(std::move(*this));
    }

    /// Asks the task to end: its current wait ends with operation_aborted.
    ///
    /// Returns at once; the task sees it later, and may refuse. No effect on
    /// a task that is done.
    void cancel() noexcept
    {
        if (state_)
            state_->cancel();
    }

    /// True when the task has ended, in whatever way.
    bool done() const noexcept { return !state_ || state_->done(); }

    /// Lets the task go on when this handle is dropped. It still can be
    /// joined and cancelled; brood::run still cancels it at its end.
    void detach() noexcept
    {
        if (state_)
            state_->detach();
    }

private:
    using state_type = detail::task_state<T>;
    friend class group_task<T>;
    template <typename U>
    friend awaitable<task<U>> create_task(awaitable<U> work);

    explicit task(std::shared_ptr<state_type> state) noexcept
        : state_(std::move(state))
    {
    }

    void swap(task& other) noexcept { state_.swap(other.state_); }

    const std::shared_ptr<state_type>& checked() const
    {
        if (!state_)
            throw std::logic_error("brood: the task was moved from");
        return state_;
    }

    static awaitable<T> share(std::shared_ptr<state_type> state)
    {
        co_await detail::child::join(state);
        co_return state->share();
    }

    static awaitable<T> take(task self)
    {
        co_await detail::child::join(self.state_);
        co_return self.state_->take();
    }

    std::shared_ptr<state_type> state_;
};

/// Starts `work` beside the current coroutine: `auto t = co_await
/// create_task(f());`.
///
/// Runs `work` up to its first wait before it returns; from there on both
/// go on, on the same executor. Where that may be a pool of threads, `work`
/// runs in a strand upon it, and starts when a thread is free.
///
/// Cancellation: cancelling the current coroutine does not cancel the task;
///               dropping the handle does.
/// Lifetime:     brood::run cancels and awaits, at its end, what still runs.
///               On another loop a task ends with its work, or is destroyed
///               with the context.
/// See:          task, with_task_group; asyncio.create_task
template <typename T>
[[nodiscard]] awaitable<task<T>> create_task(awaitable<T> work)
{
    auto state = std::make_shared<detail::task_state<T>>();
    detail::start_task(state, co_await asio::this_coro::executor,
                       state->body(std::move(work)));
    co_return task<T>(std::move(state));
}

static_assert(!std::is_aggregate_v<task<void>>);

}  // namespace brood
