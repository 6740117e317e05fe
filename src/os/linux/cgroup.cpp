// cgroup.cpp: see cgroup.hpp; cgroups(7) and the kernel's cgroup-v2.rst.
#include "os/cgroup.hpp"

#include "os/posix/system_call.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <optional>
#include <sstream>
#include <string_view>

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

// Where the only cgroup2 hierarchy is mounted: "36 35 98:0 / /sys/fs/cgroup
// rw - cgroup2 ..." (proc(5), mountinfo). Only a mount of the root is of use:
// the path of a process is told from there.
std::string mount_point()
{
    const auto mounts = read_whole(AT_FDCWD, "/proc/self/mountinfo");
    std::istringstream lines(mounts.value_or(std::string()));
    for (std::string line; std::getline(lines, line);) {
        if (line.find(" - cgroup2 ") == line.npos)
            continue;
        std::istringstream fields(line);
        std::string id, parent, device, root, point;
        fields >> id >> parent >> device >> root >> point;
        if (root == "/")
            return point;
    }
    return {};
}

// "0::/user.slice/..." is our place in the cgroup2 hierarchy.
std::string own_group()
{
    const auto point = mount_point();
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
    auto opened =
        above_standard(system_call(SYS_openat, AT_FDCWD, path_.c_str(),
                                   O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    directory_ = std::move(opened.fd);
    struct stat about{};
    if (!opened.error && system_call(SYS_newfstatat, directory_.number(),
                                     "cgroup.kill", &about, 0) < 0)
        opened.error = ENOTSUP;  // no cgroup2, or before Linux 5.14
    if (opened.error) {
        failure = {opened.error, path_};
        remove();
    }
}

cgroup::~cgroup()
{
    remove();
}

bool cgroup::is_empty() const noexcept
try {
    const auto events = read_whole(directory_.number(), "cgroup.events");
    return !events || events->find("populated 0") != events->npos;
} catch (const std::bad_alloc&) {
    return false;
}

int cgroup::signal(int number) const noexcept
try {
    if (is_empty())
        return ESRCH;
    if (number == SIGKILL) {
        const descriptor file(
            static_cast<int>(system_call(SYS_openat, directory_.number(),
                                         "cgroup.kill", O_WRONLY | O_CLOEXEC)));
        const long result = system_call(SYS_write, file.number(), "1", 1);
        return result < 0 ? static_cast<int>(-result) : 0;
    }
    const auto listed = read_whole(directory_.number(), "cgroup.procs");
    std::istringstream pids(listed.value_or(std::string()));
    int error = ESRCH;
    for (std::string line; std::getline(pids, line);) {
        int pid = 0;
        std::from_chars(line.data(), line.data() + line.size(), pid);
        const descriptor pidfd(
            static_cast<int>(system_call(SYS_pidfd_open, pid, 0)));
        // Between the list and the opening it may have ended, and the number
        // gone to a stranger: who is in the group now is none.
        const auto now = read_whole(directory_.number(), "cgroup.procs");
        if (!pidfd.is_open() || !now ||
            ("\n" + *now).find("\n" + line + "\n") == now->npos)
            continue;
        if (system_call(SYS_pidfd_send_signal, pidfd.number(), number, nullptr,
                        0) == 0)
            error = 0;
    }
    return error;
} catch (const std::bad_alloc&) {
    return ENOMEM;
}

bool cgroup::remove() noexcept
{
    if (path_.empty())
        return true;
    const long result =
        system_call(SYS_unlinkat, AT_FDCWD, path_.c_str(), AT_REMOVEDIR);
    if (result == -EBUSY)
        return false;
    path_.clear();
    directory_.close();
    return true;
}

}  // namespace brood::os
