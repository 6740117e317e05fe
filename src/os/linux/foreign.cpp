// foreign.cpp: a process that is not a child of ours, on Linux.
#include "os/foreign.hpp"

#include "os/linux/pidfd_info.hpp"
#include "os/posix/system_call.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace brood::os {

namespace {

// The beginning of a small file of /proc, of which one read gives all. Never
// allocates.
class proc_file {
public:
    explicit proc_file(const char* path) noexcept
    {
        long number = 0;
        do
            number =
                system_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
        while (number == -EINTR);
        const auto file = above_standard(number);
        error_ = file.error;
        if (error_)
            return;
        const long size =
            system_call(SYS_read, file.fd.number(), bytes_, sizeof bytes_ - 1);
        if (size < 0)
            error_ = static_cast<int>(-size);
        else
            size_ = static_cast<std::size_t>(size);
    }

    std::string_view text() const noexcept { return {bytes_, size_}; }
    int error() const noexcept { return error_; }

private:
    // Ends with a NUL, whatever was read.
    char bytes_[2048] = {};
    std::size_t size_ = 0;
    int error_ = 0;
};

// What stands behind the name, which may hold anything: the state, which is
// field 3, and so on (proc_pid_stat(5)).
std::string_view fields_behind_name(std::string_view text) noexcept
{
    const auto name_end = text.rfind(") ");
    return name_end == text.npos ? std::string_view()
                                 : text.substr(name_end + 2);
}

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
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const proc_file stat(path);
    auto fields = fields_behind_name(stat.text());
    if (!fields.starts_with('Z'))
        return std::nullopt;
    constexpr int exit_code = 52;  // proc_pid_stat(5), Linux 3.5
    for (int field = 3; field != exit_code; ++field) {
        const auto space = fields.find(' ');
        if (space == fields.npos)
            return std::nullopt;
        fields.remove_prefix(space + 1);
    }
    const int status = std::atoi(fields.data());
    if (status == 0 && !may_look_into(pid))
        return std::nullopt;
    return status;
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
    return {std::atoi(about.text().data() + found + label.size()), 0};
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
