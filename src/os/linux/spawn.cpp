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

#include "os/linux/clone.hpp"
#include "os/setting.hpp"
#include "os/wait.hpp"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <cstring>

#ifndef P_PIDFD
#define P_PIDFD 3  // linux/wait.h, Linux 5.4
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000  // sched.h, Linux 5.2
#endif

extern "C" char** environ;

namespace brood::os {

namespace {

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

BROOD_CHILD_SIDE __attribute__((noinline)) long
start_by_clone(const child_task& task, int* pidfd) noexcept
{
    // The parent sleeps until the child has left this memory, so its own
    // stack can lend the space.
    child_stack stack;
    return clone_child(stack, CLONE_VFORK, task, pidfd);
}

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

// `once` makes one attempt, with a pidfd or without.
template <class Once>
started start(Once once, bool want_pidfd) noexcept
{
    auto made = once(want_pidfd);
    if (want_pidfd && no_pidfd(made.pid))
        made = once(false);
    // A child that nobody has reaped keeps its number: opening it now still
    // finds the right one.
    if (made.pid > 0 && want_pidfd && made.pidfd < 0) {
        const long pidfd = system_call(SYS_pidfd_open, made.pid, 0);
        made.pidfd = pidfd < 0 ? -1 : static_cast<int>(pidfd);
    }
    return made;
}

started start(spawn_engine engine, const child_task& task,
              bool want_pidfd) noexcept
{
    return start([&](bool pidfd) { return start_once(engine, task, pidfd); },
                 want_pidfd);
}

enum class received { end, report, nonsense, nothing };

// What a child that may have its own memory has said. An end of file without a
// report means that exec closed the pipe. Nonsense: nothing is known of the
// child but that it has not called exec. Nothing: only where the pipe does not
// wait.
received receive(int read_end, child_report& report) noexcept
{
    unsigned char bytes[sizeof report];
    long size = 0;
    do
        size = system_call(SYS_read, read_end, bytes, sizeof bytes);
    while (size == -EINTR);
    if (size == -EAGAIN)
        return received::nothing;
    if (size == 0)
        return received::end;
    if (size != static_cast<long>(sizeof report))
        return received::nonsense;
    std::memcpy(&report, bytes, sizeof report);
    const bool is_sound = report.step > spawn_step::none &&
                          report.step <= spawn_step::exec && report.error > 0;
    return is_sound ? received::report : received::nonsense;
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

// The pipe by which a child says what went wrong; exec closes it.
pipe_ends make_report_pipe(const spawn_plan& plan) noexcept
{
    auto errors = make_pipe(0);
    // Out of the way of the numbers that the child's own descriptors take.
    if (!errors.error && errors.write_end.number() < plan.first_free) {
        auto moved = duplicate(errors.write_end.number(), plan.first_free);
        errors.error = moved.error;
        errors.write_end = std::move(moved.fd);
    }
    return errors;
}

// The engines whose child may have memory of its own.
child spawn_with_pipe(spawn_engine engine, const spawn_plan& plan,
                      spawn_failure& failure) noexcept
{
    auto errors = make_report_pipe(plan);
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
        receive(errors.read_end.number(), report) == received::nonsense) {
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

// What a child that runs beside us uses of ours, until it calls exec.
struct child_memory {
    child_stack stack;
    child_report report;
    child_task task;
    std::shared_ptr<void> plans;  // owns the plan, too
};

// The ways to start one: it shares our memory, and we go on.
enum class beside : int { clone3, clone, refused };

beside allowed_beside() noexcept
{
    const auto named = setting("BROOD_SPAWN_ENGINE");
    return named.empty() || named == "async" ? beside::clone3 : beside::refused;
}

std::atomic<beside>& way_beside() noexcept
{
    static std::atomic<beside> way{can_clone ? allowed_beside()
                                             : beside::refused};
    return way;
}

// Valgrind, which has no clone3, ends a program that tries clone like this.
bool is_under_valgrind() noexcept
{
    return setting("LD_PRELOAD").find("vgpreload") != std::string_view::npos;
}

// A change of identity needs memory of its own; a parent's death, a thread
// that stays.
bool can_start_beside(const spawn_plan& plan) noexcept
{
#if defined(BROOD_FAULT_INJECTION)
    // Its calls and the child's are counted in any order.
    if (fault_injection::remaining >= 0 && !fault_injection::beside)
        return false;
#endif
    return way_beside() != beside::refused && plan.parent_death_signal == 0 &&
           plan.uid < 0 && plan.gid < 0 && !plan.set_groups;
}

started start_beside(child_memory& memory, bool want_pidfd) noexcept
{
    auto& task = memory.task;
    const auto start_by = [&](beside way) {
        return start(
            [&](bool pidfd) {
                started made{-ENOSYS};
                int* const to = pidfd ? &made.pidfd : nullptr;
                made.pid = way == beside::clone3
                               ? clone_child(memory.stack, 0, task, to)
                               : clone_child_plainly(memory.stack, task, to);
                return made;
            },
            want_pidfd);
    };
    const signals_blocked blocked;
    started made{-ENOSYS};
    if (way_beside() == beside::clone3) {
        made = start_by(beside::clone3);
        if (made.pid >= 0 || (task.plan->cgroup < 0 && !refused(made.pid)))
            return made;
    }
    // Whether it is the kernel or the cgroup that refuses: the child finds
    // out.
    task.join_cgroup = task.plan->cgroup >= 0;
    if (way_beside() == beside::clone3 && task.join_cgroup)
        made = start_by(beside::clone3);
    if (!refused(made.pid))
        return made;
    way_beside() = is_under_valgrind() ? beside::refused : beside::clone;
    if (way_beside() == beside::clone)
        made = start_by(beside::clone);
    if (refused(made.pid))
        way_beside() = beside::refused;
    return made;
}

// None with a failure; none without one: not in this way.
spawn_start begin_beside(const spawn_plan& plan, std::shared_ptr<void> plans,
                         spawn_failure& failure)
{
    auto errors = make_report_pipe(plan);
    int on = 1;
    if (errors.error ||  // the others may need no descriptor
        system_call(SYS_ioctl, errors.read_end.number(), FIONBIO, &on) < 0)
        return {};
    // Not filled with zeros: the stack is large.
    const auto memory = std::make_shared_for_overwrite<child_memory>();
    memory->plans = std::move(plans);
    memory->task = {&plan, &memory->report, errors.write_end.number(), false,
                    -1};
    const auto made = start_beside(*memory, plan.want_pidfd);
    if (made.pid < 0) {
        if (!refused(made.pid))
            failure = {spawn_step::start, static_cast<int>(-made.pid)};
        return {};
    }
    spawn_start begun;
    begun.child.pid = static_cast<int>(made.pid);
    begun.child.pidfd = above_standard(made.pidfd).fd;
    begun.child.memory = memory;
    begun.report = std::move(errors.read_end);
    return begun;
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

int pidfd_refusal() noexcept
{
    const long own = system_call(SYS_pidfd_open, this_process(), 0);
    if (own >= 0) {
        system_call(SYS_close, own);
        return 0;
    }
    if (!refused(own))
        return 0;
    // It brings its own. Without arguments it starts nothing: EINVAL is the
    // answer of a kernel that would (clone(2)).
    if (can_clone && best_engine() == spawn_engine::clone &&
        system_call(SYS_clone3, nullptr, 0) == -EINVAL)
        return 0;
    return static_cast<int>(-own);
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

spawn_start begin_spawn(const spawn_plan& plan, std::shared_ptr<void> memory,
                        spawn_failure& failure) noexcept
try {
    failure = {};
    spawn_start begun;
    if (can_start_beside(plan))
        begun = begin_beside(plan, std::move(memory), failure);
    if (begun.child.pid < 0 && !failure.error)
        begun.child = spawn(plan, failure);
    return begun;
} catch (...) {  // out of memory
    failure = {spawn_step::start, ENOMEM};
    return {};
}

bool finish_spawn(child& begun, int report, spawn_failure& failure) noexcept
{
    failure = {};
    child_report said;
    const auto seen = receive(report, said);
    if (seen == received::nothing)
        return false;
    if (seen == received::nonsense) {
        said.step = spawn_step::none;
        said.error = EPROTO;
    }
    if (said.error) {
        // On its way out, or gone: and then nothing of ours is in use. Unless
        // somebody has stopped it there.
        send_signal(begun, SIGKILL);
        reap_failed(begun.pid, begun.pidfd);
        begun = child();
        failure = {said.step, said.error, said.index};
    }
    begun.memory.reset();
    return true;
}

}  // namespace brood::os
