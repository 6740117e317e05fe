// adopt_process.hpp: a process that somebody else has started.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/has_executor.hpp>
#include <brood/export.hpp>
#include <brood/process.hpp>

#include <source_location>
#include <type_traits>

namespace brood {

/// A process by its pidfd: a descriptor that goes on meaning the same process
/// when its number belongs to another one.
///
/// Threads:  a plain value; it owns nothing.
/// See:      pidfd_open(2)
class pidfd {
public:
    explicit pidfd(int number) noexcept : number_(number) {}

    int number() const noexcept { return number_; }

private:
    int number_;
};

/// Takes a process that was started elsewhere, to wait for its end and to
/// signal it.
///
/// A child of this process is then collected by brood, with its full status
/// and usage; nobody else may collect it, or the status may be lost. Any other
/// process (a grandchild, a service) is left to its own parent: brood never
/// collects it, and signals it through a pidfd alone, never by its number,
/// which may come to mean another process. How it ended is then known as far
/// as the system tells strangers; else status() is unknown, returncode() 255.
///
/// Unlike a child that brood has started, an adopted process runs on when its
/// handle is dropped, or when its loop ends. It has no streams, and no group
/// that signals could go to.
///
/// Pre:      brood has no other handle on this process.
/// Errors:   std::invalid_argument for a number that is not positive, or is
///           this process's own; system_error: ESRCH, there is no such
///           process; anything else, it is no child of this process and there
///           is no pidfd for it.
/// Threads:  safe from any thread.
/// Platform: other processes than children need pidfds, Linux 5.3. Their
///           status: from Linux 6.15 on, whoever they belong to; before that
///           it must be one of the same user that its parent has not yet
///           collected.
[[nodiscard]] BROOD_API process
adopt_process(const executor& io, int pid,
              std::source_location where = std::source_location::current());

/// The same by a pidfd, which is duplicated and stays the caller's.
///
/// One whose process has ended and was collected is adopted all the same, to
/// learn the status; its pid() is -1.
///
/// Errors: std::invalid_argument for a descriptor that is no pidfd;
///         system_error, EBADF, for one that is not open.
[[nodiscard]] BROOD_API process
adopt_process(const executor& io, pidfd which,
              std::source_location where = std::source_location::current());

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context, class Which>
[[nodiscard]] process
adopt_process(Context& context, Which which,
              std::source_location where = std::source_location::current())
{
    return adopt_process(executor(context.get_executor()), which, where);
}

static_assert(!std::is_aggregate_v<pidfd>);

}  // namespace brood
