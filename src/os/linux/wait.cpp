// wait.cpp: waiting and signalling on Linux, by pidfd where there is one.
#include "os/wait.hpp"

#include "os/foreign.hpp"
#include "os/posix/system_call.hpp"
#include "os/setting.hpp"

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <csignal>

#ifndef P_PIDFD
#define P_PIDFD 3  // linux/wait.h, Linux 5.4
#endif

namespace brood::os {

namespace {

// The kernel's own struct rusage (getrusage(2)): longs throughout.
struct kernel_rusage {
    long user_seconds, user_microseconds;
    long system_seconds, system_microseconds;
    long max_resident_kib;
    long unused_sizes[3];
    long minor_faults, major_faults;
    long unused_swaps;
    long blocks_read, blocks_written;
    long unused_counts[3];
    long voluntary_switches, involuntary_switches;
};

// linux/pidfd.h, Linux 6.13; the exit code since 6.15.
struct pidfd_information {
    std::uint64_t mask;
    std::uint64_t cgroup;
    std::uint32_t ids[11];
    std::int32_t exit_code;
};
static_assert(sizeof(pidfd_information) == 64);
constexpr std::uint64_t pidfd_information_exit = 1 << 3;
constexpr auto pidfd_get_information = _IOWR(0xFF, 11, pidfd_information);

// linux/pidfd.h, Linux 6.9.
constexpr unsigned pidfd_signal_process_group = 1 << 2;

resource_usage to_usage(const kernel_rusage& from) noexcept
{
    using std::chrono::microseconds;
    using std::chrono::seconds;
    const auto count = [](long n) { return static_cast<std::uint64_t>(n); };
    resource_usage usage;
    usage.user_time =
        seconds(from.user_seconds) + microseconds(from.user_microseconds);
    usage.system_time =
        seconds(from.system_seconds) + microseconds(from.system_microseconds);
    usage.max_resident_bytes = count(from.max_resident_kib) * 1024;
    usage.minor_faults = count(from.minor_faults);
    usage.major_faults = count(from.major_faults);
    usage.blocks_read = count(from.blocks_read);
    usage.blocks_written = count(from.blocks_written);
    usage.voluntary_switches = count(from.voluntary_switches);
    usage.involuntary_switches = count(from.involuntary_switches);
    return usage;
}

exit_status from_wait_status(int status) noexcept
{
    if (WIFSIGNALED(status))
        return exit_status::signaled(WTERMSIG(status), WCOREDUMP(status));
    return exit_status::exited(WEXITSTATUS(status));
}

exit_status from_siginfo(const siginfo_t& info) noexcept
{
    if (info.si_code == CLD_EXITED)
        return exit_status::exited(info.si_status);
    return exit_status::signaled(info.si_status, info.si_code == CLD_DUMPED);
}

// What a pidfd still tells about a child that someone else collected, or
// that the kernel discarded because SIGCHLD is ignored.
exit_status lost_status(const child& child) noexcept
{
    pidfd_information information{};
    information.mask = pidfd_information_exit;
    if (child.pidfd.is_open() &&
        system_call(SYS_ioctl, child.pidfd.number(), pidfd_get_information,
                    &information) == 0 &&
        (information.mask & pidfd_information_exit))
        return from_wait_status(information.exit_code);
    return {};
}

// Does the system refuse to do this by pidfd? Linux 5.3 can make pidfds but
// not wait for them, and a filter of system calls may forbid either.
bool is_refused(long result) noexcept
{
    return result == -EINVAL || result == -ENOSYS || result == -EPERM;
}

long wait_once(const child& child, siginfo_t& info, int options,
               kernel_rusage* usage) noexcept
{
    info = {};
    const auto wait = [&](int kind, int number) {
        long result = 0;
        do
            result =
                system_call(SYS_waitid, kind, number, &info, options, usage);
        while (result == -EINTR);
        return result;
    };
    if (child.pidfd.is_open()) {
        const long result = wait(P_PIDFD, child.pidfd.number());
        if (!is_refused(result))
            return result;
    }
    return wait(P_PID, child.pid);
}

// 0, -1 and -pid of 1 would address whole groups, or every process there is.
bool is_a_child(const child& child) noexcept
{
    return child.pid > 1;
}

// kill(2), where no pidfd can be used; a negative number is a group's.
long kill_by_number(const child& child, int number, int signal) noexcept
{
    if (!is_our_child(child))
        return -ESRCH;
    return system_call(SYS_kill, number, signal);
}

// The parent may collect it at any moment. Before that /proc has its status,
// after that the pidfd; so the pidfd is asked last.
child_end end_of_foreign(const child& child) noexcept
{
    child_end end;
    if (!has_ended(child))
        return end;
    end.state = child_state::lost;
    if (const auto status = uncollected_status(child))
        end.status = *status;
    else
        end.status = lost_status(child);
    return end;
}

child_end ask(const child& child, int options) noexcept
{
    if (child.foreign)
        return end_of_foreign(child);
    child_end end;
    siginfo_t info;
    kernel_rusage usage{};
    const long result =
        wait_once(child, info, WEXITED | WNOHANG | options, &usage);
    if (result == -ECHILD) {
        end.state = child_state::lost;
        end.status = lost_status(child);
    } else if (info.si_signo == SIGCHLD) {  // else: still running
        end.state = child_state::ended;
        end.status = from_siginfo(info);
        end.usage = to_usage(usage);
    }
    return end;
}

// Learnt once, with a pidfd of our own: later, EPERM is an answer.
// BROOD_GROUP_SIGNALS=number takes the way of older kernels.
bool may_signal_group_by_pidfd() noexcept
{
    static const bool may = [] {
        if (setting("BROOD_GROUP_SIGNALS") == "number")
            return false;
        const long own =
            system_call(SYS_pidfd_open, system_call(SYS_getpid), 0);
        if (own < 0)
            return own == -EMFILE || own == -ENFILE || own == -ENOMEM;
        const descriptor pidfd(static_cast<int>(own));
        return !is_refused(system_call(SYS_pidfd_send_signal, pidfd.number(), 0,
                                       nullptr, pidfd_signal_process_group));
    }();
    return may;
}

}  // namespace

child_end reap(const child& child) noexcept
{
    return ask(child, 0);
}

child_end peek(const child& child) noexcept
{
    return ask(child, WNOWAIT);
}

bool is_running(const child& child) noexcept
{
    if (child.foreign)
        return !has_ended(child);
    siginfo_t info;
    return wait_once(child, info, WEXITED | WNOHANG | WNOWAIT, nullptr) == 0 &&
           info.si_signo != SIGCHLD;
}

bool is_our_child(const child& child) noexcept
{
    siginfo_t info;
    return !child.foreign && is_a_child(child) &&
           wait_once(child, info, WEXITED | WNOHANG | WNOWAIT, nullptr) == 0;
}

int this_process() noexcept
{
    return static_cast<int>(system_call(SYS_getpid));
}

void wait_for_exit(int pid) noexcept
{
    siginfo_t info;
    const child awaited{pid, descriptor()};
    wait_once(awaited, info, WEXITED | WNOWAIT, nullptr);
}

int send_signal(const child& child, int signal) noexcept
{
    if (!child.foreign && !is_a_child(child))
        return ESRCH;
    long result = -ENOSYS;
    if (child.pidfd.is_open())
        result = system_call(SYS_pidfd_send_signal, child.pidfd.number(),
                             signal, nullptr, 0);
    if (is_refused(result) && !child.foreign)
        result = kill_by_number(child, child.pid, signal);
    return static_cast<int>(-result);
}

int signal_group(const child& child, int signal) noexcept
{
    if (!is_a_child(child))
        return ESRCH;
    long result = -EINVAL;
    const bool by_pidfd = signals_group_by_pidfd(child);
    if (by_pidfd)
        result = system_call(SYS_pidfd_send_signal, child.pidfd.number(),
                             signal, nullptr, pidfd_signal_process_group);
    if (!by_pidfd || result == -EINVAL || result == -ENOSYS)
        result = kill_by_number(child, -child.pid, signal);
    return static_cast<int>(-result);
}

bool signals_group_by_pidfd(const child& child) noexcept
{
    return child.pidfd.is_open() && may_signal_group_by_pidfd();
}

}  // namespace brood::os
