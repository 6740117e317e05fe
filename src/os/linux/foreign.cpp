// foreign.cpp: a process that is not a child of ours, on Linux.
#include "os/foreign.hpp"

#include "os/linux/pidfd_info.hpp"
#include "os/linux/proc_file.hpp"
#include "os/linux/proc_stat.hpp"
#include "os/posix/system_call.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>

#include <charconv>
#include <cstdio>
#include <string_view>

namespace brood::os {

namespace {

// The kernel shows 0 to those who have no right to know; who has none may not
// follow this link either. Following it fails in any case: what has ended is
// in no directory.
bool may_look_into(int pid) noexcept
{
    char path[32];
    char target[1];
    std::snprintf(path, sizeof path, "/proc/%d/cwd", pid);
    return system_call(SYS_readlinkat, AT_FDCWD, path, target, sizeof target) !=
           -EACCES;
}

// The wait status in /proc of a process that has ended.
std::optional<int> wait_status_in_proc(int pid) noexcept
{
    int error = 0;
    const auto found = read_proc_stat(pid, error);
    if (!found || found->state != 'Z' ||
        (found->wait_status == 0 && !may_look_into(pid)))
        return std::nullopt;
    return found->wait_status;
}

}  // namespace

pid_in_proc find_pid_in_proc(int pidfd) noexcept
{
    char path[48];
    std::snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    const proc_file about(path);
    if (about.error())
        return {-1, about.error()};
    constexpr std::string_view label = "\nPid:\t";
    const auto found = about.text().find(label);
    if (found == std::string_view::npos)
        return {-1, EINVAL};
    const auto number = about.text().substr(found + label.size());
    int pid = -1;
    std::from_chars(number.data(), number.data() + number.size(), pid);
    return {pid, 0};
}

bool has_ended(const child& child) noexcept
{
    pollfd asked{child.pidfd.number(), POLLIN, 0};
    const timespec at_once{};
    return system_call(SYS_ppoll, &asked, 1, &at_once, nullptr, 0) == 1 &&
           (asked.revents & (POLLIN | POLLHUP)) != 0;
}

std::optional<exit_status> uncollected_status(const child& child) noexcept
{
    // /proc may be that of another family of process numbers than ours; its
    // own number for it is right in any case.
    const auto found = find_pid_in_proc(child.pidfd.number());
    if (found.error || found.pid <= 0)
        return std::nullopt;
    const auto status = wait_status_in_proc(found.pid);
    // Asked afterwards: as long as nobody has collected it, the number was
    // its own while we looked. A pidfd is of no use for signals then.
    const long exists =
        system_call(SYS_pidfd_send_signal, child.pidfd.number(), 0, nullptr, 0);
    if (!status || (exists != 0 && exists != -EPERM))
        return std::nullopt;
    if (WIFSIGNALED(*status))
        return exit_status::signaled(WTERMSIG(*status), WCOREDUMP(*status));
    return exit_status::exited(WEXITSTATUS(*status));
}

}  // namespace brood::os
