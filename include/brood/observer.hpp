// observer.hpp: someone who is told what becomes of children.
//
// For logs, metrics and debugging. It sees, and changes nothing.
#pragma once

#include <brood/asio.hpp>
#include <brood/command.hpp>
#include <brood/detail/has_executor.hpp>
#include <brood/errors.hpp>
#include <brood/exit_status.hpp>
#include <brood/export.hpp>
#include <brood/stop_reason.hpp>

#include <memory>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

namespace brood {

namespace detail {
class observation;
}  // namespace detail

/// Which child something happened to.
///
/// Threads: a plain value; copy it to keep it.
class process_event {
public:
    process_event(int pid, command what, std::source_location where)
        : pid_(pid), what_(std::move(what)), where_(where)
    {
    }

    /// -1 for one that could not be started. Once the child has exited, the
    /// number may be another process's.
    int pid() const noexcept { return pid_; }
    /// What it was started for; printed, it hides what is redacted.
    const command& what() const noexcept { return what_; }
    /// Where create_subprocess, run_process or the like was called.
    const std::source_location& where() const noexcept { return where_; }

private:
    friend class detail::observation;

    int pid_;
    command what_;
    std::source_location where_;
};

static_assert(!std::is_aggregate_v<process_event>);

/// An output of a child.
enum class output_stream { out, err };

/// Is told what becomes of children: of those of one command
/// (command::observe), or of all that an execution context starts
/// (use_observer). Each function does nothing unless it is overridden.
///
/// The functions are noexcept: an observer has no caller to whom an exception
/// could go, and to lose it would hide an error, so it ends the program.
/// One that can fail catches what it throws itself. What it is told is over
/// already; it must not block, because the loop waits for it.
///
/// Threads: called in the thread where the thing happens: the one that starts
///          the child, runs its loop, or drops its handle. An observer of
///          several threads' children is called by each of them.
/// Limits:  none; a child without an observer costs the test of a pointer.
class BROOD_API observer {
public:
    observer() = default;
    observer(const observer&) = delete;
    observer& operator=(const observer&) = delete;
    virtual ~observer();

    /// The child runs its program.
    virtual void spawned(const process_event& event) noexcept;
    /// run_process() read this from the child. (What you read yourself, from
    /// process::out() or by communicate(), is not told.)
    virtual void output(const process_event& event, output_stream which,
                        std::string_view bytes) noexcept;
    /// How the child ended. Told when brood learns of it: somebody waits, or
    /// asks. What is dropped or detached ends unseen.
    virtual void exited(const process_event& event,
                        const exit_status& status) noexcept;
    /// A signal of the stop sequence is sent, `why` by run_process; none: by
    /// process::stop(), at the end of a scope, or to those whom the child
    /// left behind.
    virtual void stopped(const process_event& event, stop_reason why,
                         int signal) noexcept;
    /// The system refused to start it. A command that can never work, a
    /// std::invalid_argument, is not told.
    virtual void start_failed(const process_event& event,
                              const spawn_error& error) noexcept;
    /// The handle of the running child was dropped, and so the child is
    /// killed, without detach() or on_drop::detach. Often a mistake;
    /// process_event::where() tells which child it is.
    virtual void dropped_running(const process_event& event) noexcept;
};

/// Has `watcher` told of every child that `io`'s execution context starts
/// from now on. It takes the place of the one before; null: nobody.
///
/// Threads: safe from any thread.
BROOD_API void use_observer(const executor& io,
                            std::shared_ptr<observer> watcher);

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context>
void use_observer(Context& context, std::shared_ptr<observer> watcher)
{
    use_observer(executor(context.get_executor()), std::move(watcher));
}

}  // namespace brood
