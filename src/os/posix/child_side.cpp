// child_side.cpp: see child_side.hpp. The order of the steps matters; each
// says why it stands where it does.
#include "os/posix/child_side.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <climits>
#include <csignal>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)  // linux/close_range.h, Linux 5.11
#endif

namespace brood::os {

namespace {

constexpr int last_signal = 64;      // the kernel's _NSIG
constexpr long signal_set_size = 8;  // bytes of the kernel's sigset_t

BROOD_CHILD_SIDE long place_descriptors(const spawn_plan& plan) noexcept
{
    for (std::size_t i = 0; i != plan.fd_step_count; ++i) {
        const auto& step = plan.fd_steps[i];
        long result = 0;
        if (step.what == core::fd_step::kind::duplicate) {
            do {
                // EBUSY: another thread that shares the table is opening the
                // same number (dup(2)); only possible before it is unshared.
                result = system_call(SYS_dup3, step.source, step.target, 0);
            } while (result == -EINTR || result == -EBUSY);
        } else {
            result = system_call(SYS_fcntl, step.target, F_SETFD, 0);
        }
        if (result < 0)
            return result;
    }
    return 0;
}

// Marks one descriptor; an unused number is no error.
BROOD_CHILD_SIDE void close_on_exec(int number) noexcept
{
    system_call(SYS_fcntl, number, F_SETFD, FD_CLOEXEC);
}

// What readdir(3) would parse, without its memory (getdents64(2)).
BROOD_CHILD_SIDE int parse_number(const char* name) noexcept
{
    int number = 0;
    if (*name < '0' || *name > '9')
        return -1;
    for (; *name >= '0' && *name <= '9'; ++name) {
        if (number > (INT_MAX - 9) / 10)
            return -1;
        number = number * 10 + (*name - '0');
    }
    return number;
}

// The way for kernels and sandboxes without close_range(2). Returns 0, or
// -errno when the list cannot be read.
BROOD_CHILD_SIDE long close_listed_on_exec() noexcept
{
    const long directory = system_call(SYS_openat, AT_FDCWD, "/proc/self/fd",
                                       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return directory;
    constexpr long name_offset = 19;  // d_ino 8, d_off 8, d_reclen 2, type
    constexpr long length_offset = 16;
    alignas(8) char entries[1024];
    long size = 0;
    while ((size = system_call(SYS_getdents64, directory, entries,
                               sizeof entries)) > 0) {
        for (long at = 0; at < size;) {
            const int number = parse_number(entries + at + name_offset);
            if (number > 2)
                close_on_exec(number);
            const auto low =
                static_cast<unsigned char>(entries[at + length_offset]);
            const auto high =
                static_cast<unsigned char>(entries[at + length_offset + 1]);
            at += low | (high << 8);
        }
    }
    system_call(SYS_close, directory);
    return size;
}

// The last way: every number there could be. A limit that was lowered after
// a descriptor was opened hides it from this one alone.
BROOD_CHILD_SIDE long close_counted_on_exec() noexcept
{
    struct rlimit limit{};
    const long asked =
        system_call(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit);
    if (asked < 0)
        return asked;
    constexpr rlim_t most = 1 << 20;  // fs.nr_open's default (proc(5))
    const rlim_t end = limit.rlim_cur < most ? limit.rlim_cur : most;
    for (rlim_t number = 3; number < end; ++number)
        close_on_exec(static_cast<int>(number));
    return 0;
}

BROOD_CHILD_SIDE long close_others(const spawn_plan& plan) noexcept
{
    if (!plan.close_others)
        return 0;
    // Marked, not closed: the error pipe must live until exec.
    long result =
        system_call(SYS_close_range, 3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
    // ENOSYS before Linux 5.9, EINVAL before 5.11, EPERM under some
    // containers' system call filters.
    if (result < 0)
        result = close_listed_on_exec();
    if (result < 0)
        result = close_counted_on_exec();
    return result;
}

// Asked here, not in the parent: a thread of its own could install a handler
// in between, which would then run in the parent's memory.
BROOD_CHILD_SIDE bool is_ignored(int signal) noexcept
{
    // The handler comes first wherever there are flags behind it; only MIPS
    // has them the other way round, and there nothing is kept.
    alignas(8) long action[8] = {};
    system_call(SYS_rt_sigaction, signal, nullptr, action, signal_set_size);
    constexpr long ignore = 1;  // SIG_IGN
    return action[0] == ignore;
}

// Handlers would point into a program that exec replaces; a signal that the
// parent ignores would stay ignored in a program that does not expect it.
BROOD_CHILD_SIDE void reset_signals(const spawn_plan& plan) noexcept
{
    // All zero is SIG_DFL without flags, in every architecture's layout of
    // the kernel's struct sigaction.
    alignas(8) const char default_action[64] = {};
    for (int signal = 1; signal <= last_signal; ++signal) {
        if (signal == SIGKILL || signal == SIGSTOP)
            continue;
        if ((plan.keep_ignored >> (signal - 1) & 1) && is_ignored(signal))
            continue;
        system_call(SYS_rt_sigaction, signal, default_action, nullptr,
                    signal_set_size);
    }
}

BROOD_CHILD_SIDE long change_groups(const spawn_plan& plan) noexcept
{
    if (!plan.set_groups)
        return 0;
    return system_call(SYS_setgroups, plan.group_count, plan.groups);
}

BROOD_CHILD_SIDE long change_directory(const spawn_plan& plan) noexcept
{
    return plan.cwd ? system_call(SYS_chdir, plan.cwd) : 0;
}

// For where clone3 cannot do it (before Linux 5.7).
BROOD_CHILD_SIDE long join_cgroup(const spawn_plan& plan) noexcept
{
    const long file = system_call(SYS_openat, plan.cgroup, "cgroup.procs",
                                  O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return file;
    const long result = system_call(SYS_write, file, "0", 1);  // 0: ourselves
    system_call(SYS_close, file);
    return result;
}

BROOD_CHILD_SIDE child_report failed(spawn_step step, long result) noexcept
{
    child_report report;
    report.step = step;
    report.error = static_cast<int>(-result);
    return report;
}

// The session first: only its leader can take a terminal.
BROOD_CHILD_SIDE child_report change_session(const spawn_plan& plan) noexcept
{
    long result = 0;
    if (plan.new_session && (result = system_call(SYS_setsid)) < 0)
        return failed(spawn_step::setsid, result);
    if (plan.controlling_terminal >= 0 &&
        (result = system_call(SYS_ioctl, plan.controlling_terminal, TIOCSCTTY,
                              0)) < 0)
        return failed(spawn_step::terminal, result);
    if (plan.process_group >= 0 &&
        (result = system_call(SYS_setpgid, 0, plan.process_group)) < 0)
        return failed(spawn_step::setpgid, result);
    return {};
}

BROOD_CHILD_SIDE child_report set_limits(const spawn_plan& plan) noexcept
{
    for (std::size_t i = 0; i != plan.limit_count; ++i) {
        const auto& limit = plan.limits[i];
        const long result = system_call(SYS_prlimit64, 0, limit.resource,
                                        limit.values, nullptr);
        if (result < 0) {
            auto report = failed(spawn_step::rlimit, result);
            report.index = static_cast<int>(i);
            return report;
        }
    }
    return {};
}

BROOD_CHILD_SIDE long change_priority(const spawn_plan& plan) noexcept
{
    if (plan.nice == 0)
        return 0;
    // The bare call answers 20 - nice, so that it is never below 0
    // (getpriority(2)).
    const long asked = system_call(SYS_getpriority, PRIO_PROCESS, 0);
    if (asked < 0)
        return asked;
    return system_call(SYS_setpriority, PRIO_PROCESS, 0,
                       20 - asked + plan.nice);
}

// With the parent's rights: raising a hard limit, or a priority, takes them.
// RLIMIT_NPROC, too, comes before the user changes: the kernel then counts
// the new user's processes against it, and exec fails with EAGAIN if they are
// too many (execve(2)); set afterwards, it would let this one through.
BROOD_CHILD_SIDE child_report set_share(const spawn_plan& plan) noexcept
{
    const auto limited = set_limits(plan);
    if (limited.step != spawn_step::none)
        return limited;
    long result = 0;
    if ((result = change_priority(plan)) < 0)
        return failed(spawn_step::nice, result);
    if (plan.processors &&
        (result = system_call(SYS_sched_setaffinity, 0, plan.processor_bytes,
                              plan.processors)) < 0)
        return failed(spawn_step::affinity, result);
    return {};
}

// Groups before the user: afterwards the right to change them is gone.
BROOD_CHILD_SIDE child_report change_identity(const spawn_plan& plan) noexcept
{
    long result = 0;
    if ((result = change_groups(plan)) < 0)
        return failed(spawn_step::setgroups, result);
    if (plan.gid >= 0 &&
        (result = system_call(SYS_setresgid, plan.gid, plan.gid, plan.gid)) < 0)
        return failed(spawn_step::setgid, result);
    if (plan.uid >= 0 &&
        (result = system_call(SYS_setresuid, plan.uid, plan.uid, plan.uid)) < 0)
        return failed(spawn_step::setuid, result);
    return {};
}

// After the identity: a change of it makes the kernel forget the signal
// (PR_SET_PDEATHSIG(2const)).
BROOD_CHILD_SIDE child_report bind_to_parent(const child_task& task) noexcept
{
    const int signal = task.plan->parent_death_signal;
    if (signal == 0)
        return {};
    const long result =
        system_call(SYS_prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0);
    if (result < 0)
        return failed(spawn_step::parent_death, result);
    // A parent that has ended before this sends nothing any more. Nobody is
    // left to report to, and the program has not begun. 0: it is in another
    // pid namespace, where we cannot see it.
    const long parent = system_call(SYS_getppid);
    if (parent != task.parent && parent != 0)
        system_call(SYS_kill, system_call(SYS_getpid), SIGKILL);
    return {};
}

BROOD_CHILD_SIDE child_report apply(const child_task& task) noexcept
{
    const auto& plan = *task.plan;
    long result = 0;
    // First of all: what follows counts for the new group.
    if (task.join_cgroup && (result = join_cgroup(plan)) < 0)
        return failed(spawn_step::cgroup, result);
    // Before the descriptors are placed: it marks every number above 2, and
    // placing takes the mark off again where it is wanted.
    if ((result = close_others(plan)) < 0)
        return failed(spawn_step::close, result);
    if ((result = place_descriptors(plan)) < 0)
        return failed(spawn_step::dup2, result);
    // With the parent's identity, as a shell's cd would.
    if ((result = change_directory(plan)) < 0)
        return failed(spawn_step::chdir, result);
    if (plan.umask >= 0)
        system_call(SYS_umask, plan.umask);
    reset_signals(plan);
    auto report = change_session(plan);
    if (report.step == spawn_step::none)
        report = set_share(plan);
    if (report.step == spawn_step::none)
        report = change_identity(plan);
    if (report.step != spawn_step::none)
        return report;
    if (plan.no_new_privileges &&
        (result = system_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0)
        return failed(spawn_step::privileges, result);
    return bind_to_parent(task);
}

// True when there is nothing to run at `path`.
BROOD_CHILD_SIDE bool is_missing(const char* path) noexcept
{
    const long found = system_call(SYS_faccessat, AT_FDCWD, path, F_OK);
    return found == -ENOENT || found == -ENOTDIR;
}

// Tries each candidate. Returns only when none could be run.
BROOD_CHILD_SIDE child_report execute(const spawn_plan& plan) noexcept
{
    long first = 0;
    for (auto candidate = plan.candidates; *candidate; ++candidate) {
        const bool last_of_all = !candidate[1];
        if (!last_of_all && is_missing(*candidate))
            continue;
        // Only now: a signal that waits for us must not act on a half-made
        // child, and one that stops us would stop a parent that shares its
        // memory with us, until someone continues us.
        system_call(SYS_rt_sigprocmask, SIG_SETMASK, &plan.blocked_signals,
                    nullptr, signal_set_size);
        const long result =
            system_call(SYS_execve, *candidate, plan.argv, plan.envp);
        // A directory of PATH without the program is passed over; anything
        // else (EACCES above all) is remembered: it is the better answer.
        if (result != -ENOENT && result != -ENOTDIR && first == 0)
            first = result;
    }
    return failed(spawn_step::exec, first ? first : -ENOENT);
}

}  // namespace

BROOD_CHILD_SIDE void child_main(const child_task& task) noexcept
{
    task.report->reached = true;
    auto report = apply(task);
    if (report.step == spawn_step::none)
        report = execute(*task.plan);
    report.reached = true;
    *task.report = report;
    if (task.error_fd >= 0)
        system_call(SYS_write, task.error_fd, &report, sizeof report);
    for (;;)  // not exit(): atexit belongs to the parent
        system_call(SYS_exit_group, 127);
}

}  // namespace brood::os
