// detail/child.hpp: one coroutine that runs beside its caller.
//
// The mechanism beneath create_task, gather, wait_for, task groups and run:
// an inner awaitable runs in a co_spawn of its own, with a cancellation
// signal of its own, because Asio's cancellation state belongs to a whole
// co_spawn and honours only what that one's filter lets through.
//
// A child knows no result type; its body leaves the value somewhere (put).
//
// Always true: everything but done() and cancel() happens on the child's
// executor, which runs one thing at a time (serial_executor), so the signal
// is emitted only where Asio allows it. The end is never told inside start.
#pragma once

#include <brood/asio.hpp>
#include <brood/export.hpp>
#include <brood/result.hpp>

#include BROOD_ASIO_HEADER(cancellation_signal.hpp)

#include <atomic>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace brood::detail {

class child;
class waiter;

// Told, on the child's executor, that a child is over.
class BROOD_API child_owner {
public:
    virtual void child_ended(child& ended) = 0;

protected:
    ~child_owner() = default;
};

class BROOD_API child : public std::enable_shared_from_this<child> {
public:
    child();
    virtual ~child();
    child(const child&) = delete;
    child& operator=(const child&) = delete;

    // Runs `body` on `serial` up to its first suspension, where that is
    // where we are; else posts it there. Called once.
    void start(executor serial, awaitable<void> body,
               std::shared_ptr<child_owner> owner);

    // Asks the body to end; what it does about that is its business. Any
    // thread; nothing happens inside the call, so destructors may call it.
    void cancel() noexcept;

    // Any thread. True also when the context was destroyed around it.
    bool done() const noexcept { return done_.load(); }

    // Once done: why the body failed; null if it did not.
    const std::exception_ptr& failure() const noexcept { return failure_; }

    // Once done: its frame was destroyed before its end, because the context
    // went away, or an operation let go of its handler.
    bool was_abandoned() const noexcept { return abandoned_; }

    // Suspends until done, however it ends. Cancelling that stops only the
    // waiting. Any executor.
    static awaitable<void> join(std::shared_ptr<child> self);

private:
    friend class nursery;
    class end_handler;
    struct join_operation;

    void cancel_now();
    void ended(std::exception_ptr failure);
    void abandon() noexcept;
    void finish(std::exception_ptr failure) noexcept;

    executor serial_;
    asio::cancellation_signal signal_;
    std::shared_ptr<child_owner> owner_;
    std::vector<std::shared_ptr<waiter>> joiners_;
    std::exception_ptr failure_;
    std::atomic<bool> done_ = false;
    bool abandoned_ = false;
    // cancel() was called, so operation_aborted is what was asked for.
    bool cancel_asked_ = false;
    std::list<std::shared_ptr<child>>::iterator place_;  // the nursery's
};

// Starts a child that belongs to nobody but its execution context, where
// `run` finds it.
BROOD_API void start_task(const std::shared_ptr<child>& task,
                          const executor& current, awaitable<void> body);

// Whether it is the operation_aborted with which a cancellation ends.
BROOD_API bool is_cancellation(const std::exception_ptr& failure) noexcept;

// What an awaitable<T> leaves behind: void as a value is monostate.
template <typename T>
using value_of = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <typename T>
T unwrap(value_of<T>&& value)
{
    if constexpr (!std::is_void_v<T>)
        return std::move(value);
}

// GCC takes a coroutine's frame for visible outside although it holds a
// result of a type from somebody's anonymous namespace, and warns of it.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

template <typename T, typename Place>
awaitable<void> put_into(std::shared_ptr<std::optional<Place>> place,
                         awaitable<T> work)
{
    try {
        if (!work.valid())
            throw std::invalid_argument("brood: the awaitable was moved from");
        if constexpr (std::is_void_v<T>) {
            co_await std::move(work);
            place->emplace(std::monostate());
        } else {
            place->emplace(co_await std::move(work));
        }
    } catch (...) {
        if constexpr (std::is_same_v<Place, result<value_of<T>>>)
            place->emplace(std::current_exception());
        else
            throw;
    }
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

// A child's body: leaves what comes out of `work` in `place`, which `keep`
// keeps alive. That is the value, and an exception passes on; or, where the
// place is for a result, either of them.
template <typename T, typename Place>
awaitable<void> put(std::shared_ptr<void> keep, std::optional<Place>& place,
                    awaitable<T> work)
{
    return put_into<T>(
        std::shared_ptr<std::optional<Place>>(std::move(keep), &place),
        std::move(work));
}

// A child that keeps its value.
template <typename T>
class task_state final : public child {
public:
    awaitable<void> body(awaitable<T> work)
    {
        return put<T>(shared_from_this(), value_, std::move(work));
    }

    // Once done: the value, moved out; or the exception again.
    T take()
    {
        check();
        return unwrap<T>(*std::exchange(value_, std::nullopt));
    }

    // Once done: a copy of the value; moved out where T cannot be copied.
    T share()
    {
        if constexpr (std::is_copy_constructible_v<value_of<T>>) {
            check();
            return unwrap<T>(value_of<T>(*value_));
        } else {
            return take();
        }
    }

    // Whether it goes on without its handle. (Kept here, not in the handle,
    // where GCC 12 takes it for uninitialised in an optional.)
    void detach() noexcept { detached_ = true; }
    bool detached() const noexcept { return detached_; }

private:
    void check() const
    {
        if (failure())
            std::rethrow_exception(failure());
        if (!value_)
            throw std::logic_error("brood: the task's value was taken");
    }

    std::optional<value_of<T>> value_;
    bool detached_ = false;
};

}  // namespace brood::detail
