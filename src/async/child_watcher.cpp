// child_watcher.cpp: see child_watcher.hpp.
#include <brood/child_watcher.hpp>

#include "async/child_registry.hpp"
#include "os/posix/child_signal.hpp"
#include "os/spawn.hpp"

#include <brood/errors.hpp>

#include <stdexcept>
#include <string>
#include <system_error>

namespace brood {

namespace {

void require_pidfds()
{
    if (const int error = os::pidfd_refusal())
        throw described_error(
            error_code(error, system_category()),
            "brood: child_watcher::pidfd: this system gives no pidfds (it is "
            "older than Linux 5.3, or a filter of system calls refuses "
            "pidfd_open and clone3); choose child_watcher::automatic, which "
            "takes a thread then, or allow them");
}

void require_sigchld()
{
    if (os::sigchld_is_ignored())
        throw described_error(
            errc::sigchld_ignored,
            "brood: child_watcher::sigchld: this process ignores SIGCHLD "
            "(SIG_IGN or SA_NOCLDWAIT), and a handler would end that for its "
            "other children, too; give it SIG_DFL or a handler first, or "
            "choose another watcher");
}

}  // namespace

void use_child_watcher(const executor& io, child_watcher way)
{
    switch (way) {
    case child_watcher::pidfd: require_pidfds(); break;
    case child_watcher::sigchld: require_sigchld(); break;
    case child_watcher::automatic:
    case child_watcher::threaded: break;
    default:
        throw std::invalid_argument("brood: use_child_watcher: " +
                                    std::to_string(static_cast<int>(way)) +
                                    " is no child_watcher");
    }
    detail::child_registry::of(io).choose(way);
}

child_watcher child_watcher_of(const executor& io)
{
    const auto chosen = detail::child_registry::of(io).watcher();
    if (chosen != child_watcher::automatic)
        return chosen;
    return os::pidfd_refusal() == 0 ? child_watcher::pidfd
                                    : child_watcher::threaded;
}

}  // namespace brood
