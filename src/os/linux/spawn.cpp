// spawn.cpp: starting a child on Linux, by the best means the system allows.
//
// clone3 shares the parent's memory instead of copying it, brings the pidfd
// with the child's birth, and clears the signal handlers in one go. vfork and
// fork stand in where a sandbox, an emulator or an old kernel refuses it.
//
// Must stay true: all signals are blocked from before the child exists until
// it has reset its handlers, because a handler of the parent's would run in
// the parent's memory; and the child is either returned or reaped.
#include "os/spawn.hpp"

#include "os/posix/child_side.hpp"
#include "os/setting.hpp"
#include "os/wait.hpp"

#include <linux/sched.h>
#include <sched.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <cstring>

#ifndef P_PIDFD
#define P_PIDFD 3  // linux/wait.h, Linux 5.4
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL  // linux/sched.h, Linux 5.7
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL  // linux/sched.h, Linux 5.5
#endif

extern "C" char** environ;

namespace brood::os {

namespace {

// Enough for child_main, its callees and nothing else; signals are blocked,
// so no handler's frame is ever put here.
constexpr std::size_t child_stack_size = 16 * 1024;

// Blocks every signal, those of the C library's own use too, and puts the
// mask back.
class signals_blocked {
public:
    signals_blocked() noexcept
    {
        const std::uint64_t all = ~std::uint64_t{0};
        system_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_,
                    sizeof all);
    }
    ~signals_blocked()
    {
        system_call(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr,
                    sizeof before_);
    }
    signals_blocked(const signals_blocked&) = delete;
    signals_blocked& operator=(const signals_blocked&) = delete;

private:
    std::uint64_t before_ = 0;
};

#if defined(__x86_64__) && !defined(__ILP32__)

// clone3 with a call of child_main on the new stack. Own assembly, because
// the C library's clone is intercepted by ThreadSanitizer, which then takes
// the child for a thread.
BROOD_CHILD_SIDE __attribute__((noinline)) long
clone3_child(clone_args* arguments, const child_task* task) noexcept
{
#if defined(BROOD_FAULT_INJECTION)
    if (fault_injection::fails(SYS_clone3))
        return -fault_injection::error;
#endif
    long result;
    register auto function asm("r8") = &child_main;
    register auto argument asm("r9") = task;
    asm volatile("syscall\n\t"
                 "test %%rax, %%rax\n\t"
                 "jnz 1f\n\t"
                 "xor %%ebp, %%ebp\n\t"  // the end of the chain of frames
                 "mov %%r9, %%rdi\n\t"
                 "call *%%r8\n\t"  // the stack is 16-byte aligned before it
                 "hlt\n"
                 "1:"
                 : "=a"(result)
                 : "a"(SYS_clone3), "D"(arguments), "S"(sizeof *arguments),
                   "r"(function), "r"(argument)
                 : "rcx", "r11", "memory");
    return result;
}

BROOD_CHILD_SIDE __attribute__((noinline)) long
start_by_clone(const child_task& task, int* pidfd) noexcept
{
    // The parent sleeps until the child has left this memory, so its own
    // stack can lend the space.
    alignas(16) char stack[child_stack_size];
    clone_args arguments{};
    arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND;
    if (pidfd) {
        arguments.flags |= CLONE_PIDFD;
        arguments.pidfd = reinterpret_cast<std::uintptr_t>(pidfd);
    }
    if (task.plan->cgroup >= 0 && !task.join_cgroup) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<unsigned>(task.plan->cgroup);
    }
    arguments.exit_signal = SIGCHLD;
    arguments.stack = reinterpret_cast<std::uintptr_t>(stack);
    arguments.stack_size = sizeof stack;
    return clone3_child(&arguments, &task);
}

#else

long start_by_clone(const child_task&, int*) noexcept
{
    return -ENOSYS;  // no assembly for this processor: the next engine
}

#endif

// The child runs on this very frame until it calls exec, so nothing may
// return from here on its side.
BROOD_CHILD_SIDE __attribute__((noinline)) long
start_by_vfork(const child_task& task) noexcept
{
#if defined(BROOD_FAULT_INJECTION)
#if defined(SYS_vfork)
    constexpr long number = SYS_vfork;
#else
    constexpr long number = SYS_clone;  // what the C library makes of it
#endif
    if (fault_injection::fails(number))
        return -fault_injection::error;
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    const pid_t pid = ::vfork();
#pragma GCC diagnostic pop
    if (pid == 0)
        child_main(task);
    return pid < 0 ? -static_cast<long>(errno) : pid;
}

// Without the C library's fork: its handlers (pthread_atfork) take locks of
// the parent's and prepare for a life that this child will not lead.
BROOD_CHILD_SIDE __attribute__((noinline)) long
start_by_fork(const child_task& task, int* pidfd) noexcept
{
    const long flags = SIGCHLD | (pidfd ? long{CLONE_PIDFD} : 0);
    const long pid =
        system_call(SYS_clone, flags, nullptr, pidfd, nullptr, nullptr);
    if (pid == 0)
        child_main(task);
    return pid;
}

spawn_engine allowed_engine() noexcept
{
    const auto named = setting("BROOD_SPAWN_ENGINE");
    if (named == "fork")
        return spawn_engine::fork;
    if (named == "vfork")
        return spawn_engine::vfork;
    return spawn_engine::clone;
}

std::atomic<spawn_engine>& best_engine() noexcept
{
    static std::atomic<spawn_engine> engine{allowed_engine()};
    return engine;
}

// Is the way itself refused, not this child?
bool refused(long result) noexcept
{
    return result == -ENOSYS || result == -EPERM || result == -EINVAL;
}

// Is there no room for the pidfd, while a child might still do without?
bool no_pidfd(long result) noexcept
{
    return result == -EMFILE || result == -ENFILE || result == -EINVAL;
}

struct started {
    long pid;
    int pidfd = -1;
};

started start_once(spawn_engine engine, const child_task& task,
                   bool want_pidfd) noexcept
{
    started made{-ENOSYS};
    int* const pidfd = want_pidfd ? &made.pidfd : nullptr;
    switch (engine) {
    case spawn_engine::clone: made.pid = start_by_clone(task, pidfd); break;
    case spawn_engine::vfork: made.pid = start_by_vfork(task); break;
    case spawn_engine::fork: made.pid = start_by_fork(task, pidfd); break;
    }
    return made;
}

started start(spawn_engine engine, const child_task& task,
              bool want_pidfd) noexcept
{
    auto made = start_once(engine, task, want_pidfd);
    if (want_pidfd && no_pidfd(made.pid))
        made = start_once(engine, task, false);
    // A child that nobody has reaped keeps its number: opening it now still
    // finds the right one.
    if (made.pid > 0 && want_pidfd && made.pidfd < 0) {
        const long pidfd = system_call(SYS_pidfd_open, made.pid, 0);
        made.pidfd = pidfd < 0 ? -1 : static_cast<int>(pidfd);
    }
    return made;
}

// Waits for the report of a child that has its own memory: an end of file
// without one means that exec closed the pipe. False: what came is no report,
// so nothing is known of the child but that it has not called exec.
bool receive(int read_end, child_report& report) noexcept
{
    unsigned char bytes[sizeof report];
    long size = 0;
    do
        size = system_call(SYS_read, read_end, bytes, sizeof bytes);
    while (size == -EINTR);
    if (size == 0)
        return true;
    if (size != static_cast<long>(sizeof report))
        return false;
    std::memcpy(&report, bytes, sizeof report);
    return report.step > spawn_step::none && report.step <= spawn_step::exec &&
           report.error > 0;
}

// Blocks, but not for long: it is on its way out. By its pidfd where it has
// one: somebody's waitpid(-1) may be faster, and then its number is free.
void reap_failed(long pid, const descriptor& pidfd) noexcept
{
    const auto wait = [](int kind, long number) {
        long result = 0;
        do
            result = system_call(SYS_waitid, kind, number, nullptr, WEXITED,
                                 nullptr);
        while (result == -EINTR);
        return result;
    };
    if (!pidfd.is_open() || refused(wait(P_PIDFD, pidfd.number())))
        wait(P_PID, pid);
}

child finish(const started& made, const child_report& report,
             spawn_failure& failure) noexcept
{
    if (made.pid < 0) {
        failure = {spawn_step::start, static_cast<int>(-made.pid)};
        return {};
    }
    auto pidfd = above_standard(made.pidfd).fd;
    if (report.error) {
        reap_failed(made.pid, pidfd);
        failure = {report.step, report.error, report.index};
        return {};
    }
    return {static_cast<int>(made.pid), std::move(pidfd)};
}

// Only a child that is to end with us has to know us.
int parent_for(const spawn_plan& plan) noexcept
{
    return plan.parent_death_signal ? this_process() : -1;
}

// The engines whose child may have memory of its own.
child spawn_with_pipe(spawn_engine engine, const spawn_plan& plan,
                      spawn_failure& failure) noexcept
{
    auto errors = make_pipe(0);
    // Out of the way of the numbers that the child's own descriptors take.
    if (!errors.error && errors.write_end.number() < plan.first_free) {
        auto moved = duplicate(errors.write_end.number(), plan.first_free);
        errors.error = moved.error;
        errors.write_end = std::move(moved.fd);
    }
    if (errors.error) {
        failure = {spawn_step::pipe, errors.error};
        return {};
    }
    child_report report;
    const child_task task{&plan, &report, errors.write_end.number(),
                          plan.cgroup >= 0, parent_for(plan)};
    started made{-ENOSYS};
    {
        const signals_blocked blocked;
        made = start(engine, task, plan.want_pidfd);
    }
    if (made.pid < 0 && engine == spawn_engine::vfork && refused(made.pid)) {
        best_engine() = spawn_engine::fork;
        return spawn_with_pipe(spawn_engine::fork, plan, failure);
    }
    errors.write_end.close();
    if (made.pid > 0 && !report.reached &&
        !receive(errors.read_end.number(), report)) {
        system_call(SYS_kill, made.pid, SIGKILL);
        report.step = spawn_step::none;
        report.error = EPROTO;
    }
    return finish(made, report, failure);
}

child spawn_here(const spawn_plan& plan, spawn_failure& failure) noexcept
{
    if (plan.uid >= 0 || plan.gid >= 0 || plan.set_groups)
        return spawn_with_pipe(spawn_engine::fork, plan, failure);
    const spawn_engine engine = best_engine();
    if (engine != spawn_engine::clone)
        return spawn_with_pipe(engine, plan, failure);

    child_report report;
    child_task task{&plan, &report, -1, false, parent_for(plan)};
    started made{-ENOSYS};
    {
        const signals_blocked blocked;
        made = start(engine, task, plan.want_pidfd);
        // Whether it is the kernel or the cgroup that refuses: the child
        // finds out.
        if (made.pid < 0 && plan.cgroup >= 0) {
            task.join_cgroup = true;
            made = start(engine, task, plan.want_pidfd);
        }
    }
    if (made.pid < 0 && refused(made.pid)) {
        best_engine() = spawn_engine::vfork;
        return spawn_with_pipe(spawn_engine::vfork, plan, failure);
    }
    return finish(made, report, failure);
}

// The kernel sends the signal when the thread that started the child ends, not
// the process (PR_SET_PDEATHSIG(2const)). So a thread starts it that stays.
child spawn_on_starter_thread(const spawn_plan& plan,
                              spawn_failure& failure) noexcept
{
    child made;
    auto stay = on_starter_thread([&] { made = spawn_here(plan, failure); });
    if (!stay.is_held())
        failure = {spawn_step::start, EAGAIN};
    if (!failure.error)
        made.stay = std::move(stay);
    return made;
}

}  // namespace

spawn_engine current_engine() noexcept
{
    return best_engine();
}

const char* const* parent_environment() noexcept
{
    return environ;
}

child spawn(const spawn_plan& plan, spawn_failure& failure) noexcept
{
    failure = {};
    return plan.parent_death_signal ? spawn_on_starter_thread(plan, failure)
                                    : spawn_here(plan, failure);
}

}  // namespace brood::os
