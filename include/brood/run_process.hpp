// run_process.hpp: one child from start to finish; always ends on time.
#pragma once

#include <brood/asio.hpp>
#include <brood/command.hpp>
#include <brood/completed_process.hpp>
#include <brood/detail/any_handler.hpp>
#include <brood/detail/has_executor.hpp>
#include <brood/export.hpp>

#include BROOD_ASIO_HEADER(async_result.hpp)

#include <source_location>
#include <string>
#include <utility>

namespace brood {

/// Runs a command from start to finish, and gives all that came of it.
///
/// Unless the command says otherwise: its standard input is empty, both
/// outputs are captured, and the child leads a process group. The end of the
/// run is the end of everything that the command's containment holds
/// together: what the child leaves behind is stopped, too.
///
/// timeout, idle_timeout and output_limit stop the child by the command's
/// stop_sequence; the result holds what it wrote until then and says why.
/// Once the child is gone, somebody who keeps a pipe open is waited for no
/// longer than command::drain (250 ms; a run that was stopped does not wait for
/// ever either).
///
/// Completion:   within timeout + the graces of the stop sequence + drain +
///               5 s. Who not even SIGKILL has ended by then is left behind,
///               and the result says so; a child, to the reaper, its status
///               unknown.
/// Cancellation: stops and collects the child, then passes it on.
/// Errors:       std::invalid_argument, spawn_error: as create_subprocess. How
///               the child ended is no error; see completed_process::check.
/// Limits:       command::capture (64 MiB of each stream), output_limit.
/// See:          check_output, create_subprocess; subprocess.run
[[nodiscard]] BROOD_API awaitable<completed_process>
run_process(command what,
            std::source_location where = std::source_location::current());

/// Runs a command and gives its standard output.
///
/// Errors: as run_process; called_process_error when it did not end with code
///         0 by itself, or when its output was longer than command::capture.
/// See:    subprocess.check_output
[[nodiscard]] BROOD_API awaitable<std::string>
check_output(command what,
             std::source_location where = std::source_location::current());

namespace detail {

using run_handler = any_handler<void(error_code, completed_process)>;

BROOD_API void start_run(const executor& io, command what, run_handler handler,
                         std::source_location where);

class initiate_run {
public:
    using executor_type = executor;
    initiate_run(const executor& io, command what, std::source_location where)
        : io_(io), what_(std::move(what)), where_(where)
    {
    }
    executor_type get_executor() const noexcept { return io_; }
    template <class Handler>
    void operator()(Handler&& handler)
    {
        start_run(io_, std::move(what_),
                  run_handler(std::forward<Handler>(handler), io_), where_);
    }

private:
    executor io_;
    command what_;
    std::source_location where_;
};

}  // namespace detail

/// The same for any completion token.
///
/// Completion:   void(error_code, completed_process); once; never inline.
///               Nothing is thrown: the code says that the child could not be
///               started, and completed_process::failure holds the exception.
/// Cancellation: every type; the partial result comes with operation_aborted.
template <class Token = asio::use_awaitable_t<>>
auto async_run_process(
    const executor& io, command what, Token&& token = Token(),
    std::source_location where = std::source_location::current())
{
    return asio::async_initiate<Token, void(error_code, completed_process)>(
        detail::initiate_run(io, std::move(what), where), token);
}

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context, class Token = asio::use_awaitable_t<>>
auto async_run_process(
    Context& context, command what, Token&& token = Token(),
    std::source_location where = std::source_location::current())
{
    return async_run_process(executor(context.get_executor()), std::move(what),
                             std::forward<Token>(token), where);
}

}  // namespace brood
