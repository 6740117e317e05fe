// run.hpp: an event loop for one main coroutine, from start to finish.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/child.hpp>
#include <brood/export.hpp>
#include <brood/keyboard_interrupt.hpp>

#include <memory>
#include <utility>

namespace brood {

namespace detail {

// Everything about `run` that does not depend on T. Throws only what is not
// the main coroutine's own exception.
BROOD_API void run_main(const std::shared_ptr<child>& main,
                        awaitable<void> body);

}  // namespace detail

/// Runs `main` on an event loop of its own; returns its value, or throws its
/// exception.
///
/// When `main` has ended, the tasks of create_task that still run are
/// cancelled and awaited; whatever else is suspended on the loop is destroyed
/// with it, and no child process of the loop is left running unless detached.
///
/// Ctrl-C: in the outermost run of the process, and only where SIGINT has its
/// default action, the first SIGINT cancels `main`, and run throws
/// keyboard_interrupt when `main` has ended with operation_aborted. If `main`
/// returns a value all the same, that is returned; if it fails otherwise,
/// that is thrown. A second Ctrl-C ends the program at once, as without
/// brood. On return SIGINT has its old action again.
///
/// A cancelled coroutine cannot wait any more: each co_await throws
/// operation_aborted. To clean up with co_await, it must say so first:
///
///     std::exception_ptr failure;
///     try { co_await work(); }
///     catch (...) { failure = std::current_exception(); }
///     co_await asio::this_coro::reset_cancellation_state(
///         asio::disable_cancellation());
///     co_await clean_up();
///
/// Errors:   what `main` throws; keyboard_interrupt; what a handler that was
///           posted to the loop throws, after `main` was cancelled and has
///           ended. std::logic_error when `main` can never end.
/// Threads:  any; each call has a loop of its own. A run inside a coroutine
///           blocks the outer loop.
/// Lifetime: the loop is gone on return, so the value must not refer to it.
/// Limits:   a task that refuses to be cancelled keeps run waiting.
/// See:      keyboard_interrupt, create_task; asyncio.run
template <typename T>
T run(awaitable<T> main)
{
    auto state = std::make_shared<detail::task_state<T>>();
    detail::run_main(state, state->body(std::move(main)));
    return state->take();
}

}  // namespace brood
