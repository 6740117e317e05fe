// with_process.hpp: a child that lives no longer than a scope.
#pragma once

#include <brood/asio.hpp>
#include <brood/command.hpp>
#include <brood/detail/body_nursery.hpp>
#include <brood/detail/callable.hpp>
#include <brood/export.hpp>
#include <brood/process.hpp>

#include BROOD_ASIO_HEADER(cancellation_state.hpp)
#include BROOD_ASIO_HEADER(this_coro.hpp)

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace brood {

namespace detail {

// Stops what is left of the child.
BROOD_API awaitable<void> end_of_scope(process& child);

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"  // see put_into()
#endif

// The body comes as a function, so that this does not depend on its type.
template <typename T>
awaitable<T> live_with(command what, std::function<awaitable<T>(process&)> body,
                       std::source_location where)
{
    std::optional<value_of<T>> value;
    std::exception_ptr failure;
    auto child = co_await create_subprocess(std::move(what), where);
    try {
        if constexpr (std::is_void_v<T>) {
            co_await body(child);
            value.emplace();
        } else {
            value.emplace(co_await body(child));
        }
    } catch (...) {
        failure = std::current_exception();
    }
    // The cancellation that ended the body must not end what follows, too; a
    // further one reaches stop(), which then hurries. Here, because awaiting
    // anything would already throw.
    co_await asio::this_coro::reset_cancellation_state(
        asio::enable_terminal_cancellation());
    try {
        co_await end_of_scope(child);
    } catch (...) {
        if (!failure)
            failure = std::current_exception();
    }
    if (failure)
        std::rethrow_exception(failure);
    co_return unwrap<T>(*std::move(value));
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

template <typename T, typename Body>
class process_nursery final : public body_nursery<T, Body> {
public:
    template <typename B>
    process_nursery(command what, B&& body, std::source_location where)
        : body_nursery<T, Body>(std::in_place, std::forward<B>(body)),
          what_(std::move(what)), where_(where)
    {
    }

private:
    awaitable<T> call(Body& body) override
    {
        return live_with<T>(std::move(what_), std::ref(body), where_);
    }

    command what_;
    std::source_location where_;
};

}  // namespace detail

/// Starts a child for as long as `body` runs, a callable that takes a
/// process& and returns an awaitable<T>; returns what it returns.
///
/// However `body` ends (with a value, an exception, or cancelled), the child
/// is stopped by the command's stop_sequence, with all that its containment
/// holds together, and collected; only then does the caller go on. A child
/// that has ended by then is not disturbed.
///
/// Pre:          `body` as in with_task_group.
/// Completion:   once, when the child is gone; never inline.
/// Cancellation: cancels `body`, awaits its end, stops the child, then
///               operation_aborted. A second one leaves out the graces.
/// Errors:       those of create_subprocess, `body` and process::stop.
/// Lifetime:     the process is `body`'s to use, not to keep; detach() does
///               not save the child.
/// See:          with_task_group, run_process
template <typename Body>
[[nodiscard]] auto
with_process(command what, Body&& body,
             std::source_location where = std::source_location::current())
{
    static_assert(std::is_invocable_v<std::decay_t<Body>&, process&>,
                  "with_process takes a callable of process&");
    static_assert(detail::safe_in_co_await<Body>,
                  "GCC 12 destroys this temporary twice: give it a name "
                  "first, `auto body = [...]...; co_await "
                  "with_process(what, body)`");
    using work = std::invoke_result_t<std::decay_t<Body>&, process&>;
    using scope =
        detail::process_nursery<typename work::value_type, std::decay_t<Body>>;
    return detail::run_nursery(std::make_shared<scope>(
        std::move(what), std::forward<Body>(body), where));
}

}  // namespace brood
