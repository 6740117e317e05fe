// child_watcher.hpp: how the ends of children are noticed.
//
// By itself brood takes the best way that the machine has, and that is nearly
// always right. A program chooses for what a way costs, or where it runs in
// an environment that takes one away.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/has_executor.hpp>
#include <brood/export.hpp>

namespace brood {

/// How the ends of children are noticed. In each way a child is asked for by
/// its own id, and collected in its loop.
///
/// See: asyncio's PidfdChildWatcher, ThreadedChildWatcher and
///      MultiLoopChildWatcher
enum class child_watcher {
    /// A pidfd where the system gives one, else a thread. The default.
    automatic,
    /// A pidfd in the loop: one descriptor a child, nothing else. Linux 5.3.
    pidfd,
    /// A thread for each child that is waited for; no descriptor. Signals to
    /// a group go by its number then, as they did before Linux 6.9.
    threaded,
    /// One SIGCHLD handler of the process, for the loops of all threads that
    /// chose it; one descriptor a loop, and neither a descriptor nor a thread
    /// a child. Each signal costs a system call for each child that is
    /// waited for.
    ///
    /// This changes the process: the handler is there while at least one
    /// such child is waited for. It calls the one that was there before it,
    /// and puts it back when it goes, unless yours has replaced it
    /// meanwhile. poll, select, nanosleep and the like return EINTR in the
    /// thread that it runs on, also under SA_RESTART (signal(7)).
    ///
    /// Where no signal comes (blocked in every thread, or a handler set later
    /// that does not call the one before), an end is noticed within a second.
    sigchld,
};

/// Has the ends of the children that `io`'s execution context starts or adopts
/// from now on noticed in this way. Those that it has already keep theirs.
///
/// The choice is tried at once: what this machine, or this process, can never
/// do fails here, before any child is started. Where it fails later for one
/// child (no descriptors left, no room in epoll, SIGCHLD ignored by then),
/// that child is watched by a thread, or, where there is none to be had, is
/// looked at now and then. An adopted process that is no child of this one
/// has a pidfd whatever is chosen.
///
/// Errors:  system_error; nothing has changed then. The system's code (ENOSYS,
///          EPERM...) where it refuses pidfds; errc::sigchld_ignored where
///          SIGCHLD is SIG_IGN or has SA_NOCLDWAIT: a handler would change
///          what becomes of your other children; errc::context_closed where
///          the context was shut down.
/// Threads: safe from any thread.
/// See:     adopt_process.hpp; the page of gotchas about SIGCHLD
BROOD_API void use_child_watcher(const executor& io, child_watcher way);

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context>
void use_child_watcher(Context& context, child_watcher way)
{
    use_child_watcher(executor(context.get_executor()), way);
}

/// What the next child of `io`'s execution context is watched by: what was
/// chosen, and for `automatic` what that means on this machine.
///
/// Threads: safe from any thread.
[[nodiscard]] BROOD_API child_watcher child_watcher_of(const executor& io);

/// The same for an execution context.
template <detail::has_executor Context>
[[nodiscard]] child_watcher child_watcher_of(Context& context)
{
    return child_watcher_of(executor(context.get_executor()));
}

}  // namespace brood
