// adopt.cpp: see adopt.hpp.
#include "os/adopt.hpp"

#include "os/linux/pidfd_info.hpp"
#include "os/posix/system_call.hpp"
#include "os/wait.hpp"

#include <utility>

namespace brood::os {

namespace {

bool is_this_process(int pid) noexcept
{
    return this_process() == pid;
}

}  // namespace

found_process find_process(int pid, bool want_pidfd) noexcept
{
    found_process found;
    found.process.pid = pid;
    if (is_this_process(pid)) {
        found.error = EDEADLK;
        return found;
    }
    const bool ours = is_our_child(found.process);
    if (ours && !want_pidfd)
        return found;
    auto opened = above_standard(system_call(SYS_pidfd_open, pid, 0));
    found.process.pidfd = std::move(opened.fd);
    found.process.foreign = !ours;
    // A child of ours that nobody collects needs no pidfd. One that somebody
    // has just collected may have left its number to another process.
    if (ours) {
        if (opened.error == ESRCH || !is_our_child(found.process))
            found.error = ESRCH;
    } else {
        found.error = opened.error;
    }
    return found;
}

found_process find_by_pidfd(int pidfd) noexcept
{
    found_process found;
    found.error = check_open(pidfd);
    if (found.error)
        return found;
    const auto about = find_pid_in_proc(pidfd);
    found.error = is_this_process(about.pid) ? EDEADLK : about.error;
    if (found.error)
        return found;
    auto copy = duplicate(pidfd);
    found.process.pid = about.pid > 0 ? about.pid : -1;
    found.process.pidfd = std::move(copy.fd);
    found.error = copy.error;
    found.process.foreign = !is_our_child(found.process);
    return found;
}

}  // namespace brood::os
