// cgroup.cpp: see cgroup.hpp; cgroups(7) and the kernel's cgroup-v2.rst.
#include "os/cgroup.hpp"

#include "os/linux/mount_info.hpp"
#include "os/posix/system_call.hpp"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <exception>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace brood::os {

namespace {

std::optional<std::string> read_whole(int directory, const char* name)
{
    const descriptor file(static_cast<int>(
        system_call(SYS_openat, directory, name, O_RDONLY | O_CLOEXEC)));
    if (!file.is_open())
        return std::nullopt;
    std::string text;
    char bytes[4096];
    for (;;) {
        const long size =
            system_call(SYS_read, file.number(), bytes, sizeof bytes);
        if (size == -EINTR)
            continue;
        if (size < 0)
            return std::nullopt;
        if (size == 0)
            return text;
        text.append(bytes, static_cast<std::size_t>(size));
    }
}

// "0::/user.slice/..." is our place in the cgroup2 hierarchy.
std::string own_group()
{
    const auto mounts = read_whole(AT_FDCWD, "/proc/self/mountinfo");
    const auto point = cgroup2_mount_point(mounts.value_or(std::string()));
    const auto groups = read_whole(AT_FDCWD, "/proc/self/cgroup");
    std::istringstream lines(groups.value_or(std::string()));
    for (std::string line; !point.empty() && std::getline(lines, line);)
        if (line.starts_with("0::/"))
            return point + line.substr(3);
    return {};
}

std::string next_name()
{
    static std::atomic<unsigned> count{0};
    return "brood-" + std::to_string(::getpid()) + "-" +
           std::to_string(++count);
}

// Innermost first.
std::vector<std::string> groups_below(const std::string& path)
{
    namespace fs = std::filesystem;
    std::vector<std::string> found;
    std::error_code ec;
    for (fs::recursive_directory_iterator each(path, ec), end;
         !ec && each != end; each.increment(ec))
        if (each->is_directory(ec))
            found.push_back(each->path());
    std::reverse(found.begin(), found.end());
    return found;
}

void signal_members(const std::string& group, int number, int& error)
{
    const auto list = group + "/cgroup.procs";
    const auto listed = read_whole(AT_FDCWD, list.c_str());
    std::istringstream pids(listed.value_or(std::string()));
    for (std::string line; std::getline(pids, line);) {
        int pid = 0;
        std::from_chars(line.data(), line.data() + line.size(), pid);
        const descriptor pidfd(
            static_cast<int>(system_call(SYS_pidfd_open, pid, 0)));
        // Between the list and the opening it may have ended, and the number
        // gone to a stranger: who is in the group now is none.
        const auto now = read_whole(AT_FDCWD, list.c_str());
        if (!pidfd.is_open() || !now ||
            ("\n" + *now).find("\n" + line + "\n") == now->npos)
            continue;
        if (system_call(SYS_pidfd_send_signal, pidfd.number(), number, nullptr,
                        0) == 0)
            error = 0;
    }
}

}  // namespace

cgroup::cgroup(const std::string& parent, cgroup_failure& failure)
{
    const auto above = parent.empty() ? own_group() : parent;
    if (above.empty()) {
        failure = {ENOENT, "the cgroup2 hierarchy"};
        return;
    }
    // A name that a process of before us left behind is passed over.
    constexpr int most_attempts = 1000;
    long made = -EEXIST;
    for (int i = 0; made == -EEXIST && i != most_attempts; ++i) {
        path_ = above + "/" + next_name();
        made = system_call(SYS_mkdirat, AT_FDCWD, path_.c_str(), 0755);
    }
    if (made < 0) {
        failure = {static_cast<int>(-made), std::exchange(path_, {})};
        return;
    }
    const auto open_here = [&failure, this](int from, const char* name,
                                            int flags) {
        auto opened = above_standard(
            system_call(SYS_openat, from, name, flags | O_CLOEXEC));
        // ENOENT: no cgroup2, or before Linux 5.14.
        if (opened.error && failure.error == 0)
            failure = {opened.error == ENOENT ? ENOTSUP : opened.error, path_};
        return std::move(opened.fd);
    };
    directory_ = open_here(AT_FDCWD, path_.c_str(), O_RDONLY | O_DIRECTORY);
    if (failure.error == 0)
        kill_ = open_here(directory_.number(), "cgroup.kill", O_WRONLY);
    if (failure.error == 0)
        events_ = open_here(directory_.number(), "cgroup.events", O_RDONLY);
    if (failure.error)
        remove();
}

cgroup::~cgroup()
{
    remove();
}

bool cgroup::is_empty() const noexcept
{
    char bytes[256];
    const long size =
        system_call(SYS_pread64, events_.number(), bytes, sizeof bytes, 0);
    if (size < 0)
        return size == -ENODEV || size == -EBADF;  // it has been removed
    const std::string_view text(bytes, static_cast<std::size_t>(size));
    return text.find("populated 0") != text.npos;
}

int cgroup::signal(int number) const noexcept
try {
    if (number == SIGKILL) {
        const long result = system_call(SYS_write, kill_.number(), "1", 1);
        if (result < 0)
            return static_cast<int>(-result);
        return is_empty() ? ESRCH : 0;
    }
    int error = ESRCH;
    signal_members(path_, number, error);
    for (const auto& each : groups_below(path_))
        signal_members(each, number, error);
    return error;
} catch (const std::exception&) {  // out of memory
    return ENOMEM;
}

bool cgroup::remove() noexcept
try {
    if (path_.empty())
        return true;
    // Only directories can be removed there, and they must go first.
    for (const auto& each : groups_below(path_))
        system_call(SYS_unlinkat, AT_FDCWD, each.c_str(), AT_REMOVEDIR);
    const long result =
        system_call(SYS_unlinkat, AT_FDCWD, path_.c_str(), AT_REMOVEDIR);
    if (result == -EBUSY)
        return false;
    path_.clear();
    directory_.close();
    kill_.close();
    events_.close();
    return true;
} catch (const std::exception&) {  // out of memory
    return false;
}

}  // namespace brood::os
