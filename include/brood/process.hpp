// process.hpp: one child process, as an Asio I/O object.
//
// Owns the child until it has been collected. Does not decide how to start it
// (command) nor what to do with its bytes (stream_reader, stream_writer).
#pragma once

#include <brood/asio.hpp>
#include <brood/command.hpp>
#include <brood/detail/any_handler.hpp>
#include <brood/detail/has_executor.hpp>
#include <brood/exit_status.hpp>
#include <brood/export.hpp>
#include <brood/output.hpp>
#include <brood/resource_usage.hpp>
#include <brood/stream_reader.hpp>
#include <brood/stream_writer.hpp>

#include BROOD_ASIO_HEADER(async_result.hpp)

#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

namespace brood {

namespace detail {
class process_core;
}  // namespace detail

/// Whom a signal goes to.
enum class signal_target {
    child,  ///< The child alone.
    group,  ///< The whole process group that the child leads.
};

/// A child process.
///
/// Exit, output and collection are three separate facts: wait() ends when the
/// child has exited, whatever its pipes do; a stream ends when everybody who
/// could write to it has closed it; and the child is collected exactly once,
/// by its own id.
///
/// Threads:  distinct objects: safe. One object, with its streams: one
///           strand. Its executor must run one thing at a time: the loop of
///           brood::run, an io_context that one thread runs, or a strand.
/// Lifetime: move-only. Dropping the handle of a running child kills it (with
///           its group, if it leads one) and has it collected in the
///           background; it never blocks. After detach(), or on_drop::detach,
///           the child runs on and is still collected when it ends.
/// Platform: Linux 5.4 and later by pidfd; without pidfds by a waiting thread.
/// See:      asyncio.subprocess.Process
class [[nodiscard]] BROOD_API process {
public:
    using executor_type = executor;

    /// A handle on nothing, like one that was moved from: all but destroying
    /// it and assigning to it throws std::logic_error.
    process() noexcept {}
    explicit process(std::shared_ptr<detail::process_core> core) noexcept;
    process(process&& other) noexcept;
    process& operator=(process&& other) noexcept;
    ~process();

    executor_type get_executor() const;

    int pid() const;
    /// The exit code, or -N for death by signal N; none while it runs.
    ///
    /// Asks the kernel (without waiting) as long as the end is not known, so
    /// that a loop around it ends. 255 when the status was lost.
    std::optional<int> returncode() { return poll(); }
    /// How the child ended; none as long as that is not known. Asks nobody.
    std::optional<exit_status> status() const;
    /// What the child used; none before its end is known, or when it was
    /// lost.
    std::optional<resource_usage> usage() const;
    /// The returncode, if the child has ended. Never blocks.
    std::optional<int> poll();

    // The ends of the pipes, as the command asked for them. A stream that is
    // not piped is a std::logic_error.
    bool has_in() const;
    bool has_out() const;
    bool has_err() const;
    stream_writer& in();
    stream_reader& out();
    stream_reader& err();
    /// The pipe of child_fd(number, piped_in), or piped_out.
    stream_writer& writer(int number);
    stream_reader& reader(int number);

    /// Waits for the child's exit and gives its returncode.
    ///
    /// Any number may wait at once; each can be cancelled alone, which does
    /// nothing to the child.
    [[nodiscard]] awaitable<int> wait();

    /// The same, for any completion token.
    ///
    /// Completion:   void(error_code, int returncode); never inline.
    /// Cancellation: every type; only stops the waiting.
    template <class Token = asio::use_awaitable_t<>>
    auto async_wait(Token&& token = Token())
    {
        return asio::async_initiate<Token, void(error_code, int)>(
            initiate_wait{core_, get_executor()}, token);
    }

    /// Writes `input` to the child, closes its standard input, reads both of
    /// its outputs to the end, and waits for its exit; all at once, so that
    /// no pipe can fill up and stall the rest.
    ///
    /// Once the child is gone, a descendant that keeps a pipe open is waited
    /// for as long as command::drain says (default: for ever, as asyncio);
    /// then output::complete() is false. Everything that the child itself
    /// wrote is there in any case. A child that does not read its input is
    /// no error.
    ///
    /// Cancellation: the child runs on and nothing is lost: a second call
    ///               goes on with the input of the first and returns all the
    ///               output. It must give no other input.
    /// Errors:       std::logic_error for input without a piped stdin, after
    ///               its close(), or other than before.
    /// Limits:       none; all the output is held in memory.
    [[nodiscard]] awaitable<output> communicate(std::string input = {});

    /// The same, for any completion token.
    ///
    /// Completion:   void(error_code, output); never inline. Nothing is
    ///               thrown: what is a std::logic_error there is
    ///               asio::error::invalid_argument here.
    /// Cancellation: every type; otherwise as above.
    template <class Token = asio::use_awaitable_t<>>
    auto async_communicate(std::string input, Token&& token = Token())
    {
        return asio::async_initiate<Token, void(error_code, output)>(
            initiate_communicate{core_, get_executor()}, token,
            std::move(input));
    }

    /// Sends a signal. False: the child has already ended, nothing was sent.
    ///
    /// Errors: std::invalid_argument for a number that is no signal, or for
    ///         the group of a child that leads none; system_error when the
    ///         system forbids it.
    bool send_signal(int signal, signal_target to = signal_target::child);
    /// SIGTERM.
    bool terminate();
    /// SIGKILL.
    bool kill();

    /// Changes the size of the terminal that a pty gave the child; the
    /// programs on it get SIGWINCH.
    ///
    /// Errors: std::logic_error for a child without one,
    ///         std::invalid_argument for a size that is not from 1 to 65535.
    void resize(int rows, int columns);

    /// Stops the child, and with it all that its containment holds together,
    /// as its command says: signals, each with a time to react, and SIGKILL
    /// at the end. Gives the returncode.
    ///
    /// Waits until nobody of them is left alive, not only the child. At once
    /// when that is so already.
    ///
    /// Completion:   no later than the graces of the sequence and 5 s.
    /// Cancellation: no more grace: kills, waits for the end, and passes the
    ///               cancellation on.
    /// Errors:       system_error with errc::not_stopped: somebody was not
    ///               even killed by SIGKILL within 5 s (it hangs in the
    ///               kernel, or has another user's rights). It is still ours.
    /// See:          containment, stop_sequence
    [[nodiscard]] awaitable<int> stop();
    /// The same by another sequence than the command's.
    [[nodiscard]] awaitable<int> stop(stop_sequence sequence);

    /// The same, for any completion token.
    ///
    /// Completion:   void(error_code, int returncode); never inline.
    /// Cancellation: every type; as above: operation_aborted once they are
    ///               dead.
    template <class Token = asio::use_awaitable_t<>>
        requires(!std::is_same_v<std::remove_cvref_t<Token>, stop_sequence>)
    auto async_stop(Token&& token = Token())
    {
        return async_stop(stop_settings(), std::forward<Token>(token));
    }
    /// The same by another sequence than the command's.
    template <class Token = asio::use_awaitable_t<>>
    auto async_stop(stop_sequence sequence, Token&& token = Token())
    {
        return asio::async_initiate<Token, void(error_code, int)>(
            initiate_stop{core_, get_executor()}, token, std::move(sequence));
    }

    /// Where create_subprocess() or the like was called.
    std::source_location created_at() const;

    /// Lets the child run on when this handle goes. (A terminal of a pty goes
    /// with the handle all the same, which hangs the child up.)
    void detach();

private:
    friend class output_events;
    using wait_handler = detail::any_handler<void(error_code, int)>;

    struct initiate_wait {
        using executor_type = executor;
        executor_type get_executor() const noexcept { return io; }
        template <class Handler>
        void operator()(Handler&& handler) const
        {
            start_wait(core, wait_handler(std::forward<Handler>(handler), io));
        }
        std::shared_ptr<detail::process_core> core;
        executor io;
    };

    struct initiate_stop {
        using executor_type = executor;
        executor_type get_executor() const noexcept { return io; }
        template <class Handler>
        void operator()(Handler&& handler, stop_sequence sequence) const
        {
            start_stop(core, std::move(sequence),
                       wait_handler(std::forward<Handler>(handler), io));
        }
        std::shared_ptr<detail::process_core> core;
        executor io;
    };

    using output_handler = detail::any_handler<void(error_code, output)>;

    struct initiate_communicate {
        using executor_type = executor;
        executor_type get_executor() const noexcept { return io; }
        template <class Handler>
        void operator()(Handler&& handler, std::string input) const
        {
            start_communicate(
                core, std::move(input),
                output_handler(std::forward<Handler>(handler), io));
        }
        std::shared_ptr<detail::process_core> core;
        executor io;
    };

    static void start_stop(const std::shared_ptr<detail::process_core>& core,
                           stop_sequence sequence, wait_handler handler);
    static void
    start_communicate(const std::shared_ptr<detail::process_core>& core,
                      std::string input, output_handler handler);
    stop_sequence stop_settings() const;

    static void start_wait(const std::shared_ptr<detail::process_core>& core,
                           wait_handler handler);
    detail::process_core& core() const;

    std::shared_ptr<detail::process_core> core_;
};

/// Starts a child on the current coroutine's executor.
///
/// Streams that the command leaves open are inherited. Waits until the child
/// has called exec, and the loop goes on meanwhile; while a gather with a limit
/// is running, also for room (see in_flight).
///
/// Cancellation: a cancelled start leaves no child: one that has been born is
///               killed, and has ended when the cancellation is told.
/// Limits:       a child with a user or a group of its own, or with
///               kill_on_parent_death(), and any child where the system allows
///               no other way, holds the loop until exec.
/// Errors:       std::invalid_argument for a command that can never work;
///               spawn_error, with the step and the path, when the system
///               refuses. No child exists then, and nothing is left open.
/// See:          spawn_process; asyncio.create_subprocess_exec
[[nodiscard]] BROOD_API awaitable<process>
create_subprocess(command what,
                  std::source_location where = std::source_location::current());

/// The same without a coroutine: starts a child whose operations complete on
/// `io`, and blocks until it has called exec. Safe from any thread.
[[nodiscard]] BROOD_API process
spawn_process(const executor& io, const command& what,
              std::source_location where = std::source_location::current());

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context>
[[nodiscard]] process
spawn_process(Context& context, const command& what,
              std::source_location where = std::source_location::current())
{
    return spawn_process(executor(context.get_executor()), what, where);
}

}  // namespace brood
