// subprocess_exec.hpp: starts a child for a protocol.
#pragma once

#include <brood/asio.hpp>
#include <brood/command.hpp>
#include <brood/detail/any_handler.hpp>
#include <brood/detail/callable.hpp>
#include <brood/detail/has_executor.hpp>
#include <brood/detail/is_awaitable.hpp>
#include <brood/detail/protocol_factory.hpp>
#include <brood/export.hpp>
#include <brood/protocol.hpp>
#include <brood/transport.hpp>

#include BROOD_ASIO_HEADER(async_result.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)

#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

namespace brood {

namespace detail {

// Which of the two verbs it is: each refuses the other's commands.
enum class subprocess_verb { exec, shell };

BROOD_API subprocess_transport
start_subprocess(subprocess_verb verb, const executor& io, command what,
                 const make_protocol<subprocess_protocol>& factory,
                 std::source_location where);

// A start under way: how it is cancelled, also when the child is there and
// nobody has been told yet.
struct subprocess_stop {
    asio::cancellation_signal signal;
    bool is_wanted = false;
};

// The same as an operation. `started` gets the exception or the transport, in
// a turn of the loop, after connection_made().
using subprocess_started =
    std::function<void(std::exception_ptr, subprocess_transport)>;
BROOD_API void
start_subprocess_later(subprocess_verb verb, const executor& io, command what,
                       const make_protocol<subprocess_protocol>& factory,
                       subprocess_started started,
                       std::shared_ptr<subprocess_stop> stop,
                       std::source_location where);

template <class Factory>
auto start_subprocess_with(subprocess_verb verb, const executor& io,
                           command what, Factory& factory,
                           std::source_location where)
{
    std::shared_ptr<protocol_of<Factory>> protocol;
    auto transport =
        start_subprocess(verb, io, std::move(what),
                         noting<subprocess_protocol>(factory, protocol), where);
    return std::pair(std::move(transport), std::move(protocol));
}

// What waits for the start of a child.
template <class Protocol>
struct subprocess_waiter : subprocess_stop {
    using signature = void(std::exception_ptr, subprocess_transport,
                           std::shared_ptr<Protocol>);

    any_handler<signature> handler;
    std::shared_ptr<Protocol> protocol;
};

template <class Factory>
class initiate_subprocess {
public:
    using executor_type = executor;
    initiate_subprocess(subprocess_verb verb, const executor& io, command what,
                        Factory factory, std::source_location where)
        : verb_(verb), io_(io), what_(std::move(what)),
          factory_(std::move(factory)), where_(where)
    {
    }
    executor_type get_executor() const noexcept { return io_; }
    template <class Handler>
    void operator()(Handler&& handler)
    {
        const auto waits =
            std::make_shared<subprocess_waiter<protocol_of<Factory>>>();
        waits->handler = {std::forward<Handler>(handler), io_};
        waits->handler.on_cancel([weak = std::weak_ptr(waits)] {
            if (const auto self = weak.lock()) {
                self->is_wanted = true;
                self->signal.emit(asio::cancellation_type::all);
            }
        });
        start_subprocess_later(
            verb_, io_, std::move(what_),
            noting<subprocess_protocol>(factory_, waits->protocol),
            [waits](std::exception_ptr failure,
                    subprocess_transport transport) {
                if (failure)
                    waits->protocol.reset();
                waits->handler.complete_in_this_turn(
                    std::move(failure), std::move(transport),
                    std::move(waits->protocol));
            },
            waits, where_);
    }

private:
    subprocess_verb verb_;
    executor io_;
    command what_;
    Factory factory_;
    std::source_location where_;
};

// `Factory` is deduced as a forwarding reference's type.
template <class Factory, class Token>
auto initiate_start(subprocess_verb verb, const executor& io, Factory& factory,
                    command what, Token& token, std::source_location where)
{
    using made = std::remove_cvref_t<Factory>;
    using signature = typename subprocess_waiter<protocol_of<made>>::signature;
    using result = decltype(asio::async_initiate<Token, signature>(
        std::declval<initiate_subprocess<made>>(), token));
    static_assert(!is_awaitable<result> || safe_in_co_await<Factory>,
                  "brood: GCC 12 destroys this factory twice; give it a name "
                  "first: auto factory = ...; co_await "
                  "async_subprocess_exec(io, factory, ...)");
    return asio::async_initiate<Token, signature>(
        initiate_subprocess<made>(verb, io, std::move(what), factory, where),
        token);
}

}  // namespace detail

/// Starts a child for a protocol that `factory` makes.
///
/// Its standard streams are pipes, unless the command says otherwise. Returns
/// the transport and the protocol when the child runs; connection_made()
/// follows, in a turn of the loop. The calling thread waits until the child
/// has called exec.
///
/// Pre:      `what` was made by exec(); see subprocess_shell.
/// Errors:   std::invalid_argument for a command that can never work;
///           spawn_error, with the step and the path, when the system
///           refuses; what the factory throws. No child exists then. That
///           includes a factory that gives none (std::invalid_argument).
/// Threads:  safe from any thread. `io` must run one thing at a time.
/// Lifetime: see subprocess_transport.
/// See:      create_subprocess; asyncio.loop.subprocess_exec
template <class Factory>
    requires detail::protocol_factory<Factory, subprocess_protocol>
[[nodiscard]] auto
subprocess_exec(const executor& io, Factory factory, command what,
                std::source_location where = std::source_location::current())
{
    return detail::start_subprocess_with(detail::subprocess_verb::exec, io,
                                         std::move(what), factory, where);
}

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context, class Factory>
    requires detail::protocol_factory<Factory, subprocess_protocol>
[[nodiscard]] auto
subprocess_exec(Context& context, Factory factory, command what,
                std::source_location where = std::source_location::current())
{
    return subprocess_exec(executor(context.get_executor()), std::move(factory),
                           std::move(what), where);
}

/// The same for a line that the shell runs.
///
/// Pre:      `what` was made by shell().
/// See:      asyncio.loop.subprocess_shell
template <class Factory>
    requires detail::protocol_factory<Factory, subprocess_protocol>
[[nodiscard]] auto
subprocess_shell(const executor& io, Factory factory, command what,
                 std::source_location where = std::source_location::current())
{
    return detail::start_subprocess_with(detail::subprocess_verb::shell, io,
                                         std::move(what), factory, where);
}

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context, class Factory>
    requires detail::protocol_factory<Factory, subprocess_protocol>
[[nodiscard]] auto
subprocess_shell(Context& context, Factory factory, command what,
                 std::source_location where = std::source_location::current())
{
    return subprocess_shell(executor(context.get_executor()),
                            std::move(factory), std::move(what), where);
}

/// subprocess_exec as an operation, which completes once connection_made() has
/// returned.
///
/// Waits for nothing else, except for room while a gather with a limit is
/// running on the context (see in_flight).
///
/// Completion:   void(std::exception_ptr, subprocess_transport,
///               std::shared_ptr<Protocol>); once; never inline.
/// Cancellation: every type; a start that is cancelled leaves no child: before
///               the completion, one that is there already is killed and
///               collected, and its protocol told nothing more.
/// Errors:       as for subprocess_exec, by the exception_ptr.
/// Lifetime:     within a co_await, a factory that is a lambda with captures
///               has a name (see the page of gotchas about GCC 12).
template <class Factory, class Token = asio::use_awaitable_t<>>
    requires detail::protocol_factory<Factory, subprocess_protocol>
auto async_subprocess_exec(
    const executor& io, Factory&& factory, command what,
    Token&& token = Token(),
    std::source_location where = std::source_location::current())
{
    return detail::initiate_start<Factory>(detail::subprocess_verb::exec, io,
                                           factory, std::move(what), token,
                                           where);
}

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context, class Factory,
          class Token = asio::use_awaitable_t<>>
    requires detail::protocol_factory<Factory, subprocess_protocol>
auto async_subprocess_exec(
    Context& context, Factory&& factory, command what, Token&& token = Token(),
    std::source_location where = std::source_location::current())
{
    return async_subprocess_exec(
        executor(context.get_executor()), std::forward<Factory>(factory),
        std::move(what), std::forward<Token>(token), where);
}

/// The same for a line that the shell runs.
template <class Factory, class Token = asio::use_awaitable_t<>>
    requires detail::protocol_factory<Factory, subprocess_protocol>
auto async_subprocess_shell(
    const executor& io, Factory&& factory, command what,
    Token&& token = Token(),
    std::source_location where = std::source_location::current())
{
    return detail::initiate_start<Factory>(detail::subprocess_verb::shell, io,
                                           factory, std::move(what), token,
                                           where);
}

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context, class Factory,
          class Token = asio::use_awaitable_t<>>
    requires detail::protocol_factory<Factory, subprocess_protocol>
auto async_subprocess_shell(
    Context& context, Factory&& factory, command what, Token&& token = Token(),
    std::source_location where = std::source_location::current())
{
    return async_subprocess_shell(
        executor(context.get_executor()), std::forward<Factory>(factory),
        std::move(what), std::forward<Token>(token), where);
}

}  // namespace brood
