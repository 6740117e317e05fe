// interrupt.cpp: see interrupt.hpp.
#include "os/posix/interrupt.hpp"

#include "os/posix/system_call.hpp"

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

namespace brood::os {

namespace {

std::atomic<bool> taken = false;

// What the handler reads. Lock-free, as signal-safety(7) demands.
std::atomic<int> pipe_number = -1;
std::atomic<int> handlers_running = 0;
std::atomic<pid_t> owner = 0;
static_assert(std::atomic<int>::is_always_lock_free &&
              std::atomic<pid_t>::is_always_lock_free);

extern "C" void brood_on_interrupt(int)
{
    const int saved_errno = errno;
    if (::getpid() != owner.load()) {
        // A fork of ours that has not exec'd. This is its own Ctrl-C, and the
        // pipe is not its own; the action is the default one again by now.
        ::raise(SIGINT);
    } else {
        ++handlers_running;
        if (const int number = pipe_number.load(); number >= 0)
            system_call(SYS_write, number, "", 1);
        --handlers_running;
    }
    errno = saved_errno;
}

// SA_SIGINFO does not matter: the kernel, too, looks at the pointer first.
bool is_default(const struct sigaction& action) noexcept
{
    return action.sa_handler == SIG_DFL;
}

bool is_ours(const struct sigaction& action) noexcept
{
    return action.sa_handler == brood_on_interrupt;
}

}  // namespace

interrupt::interrupt() noexcept
{
    if (taken.exchange(true))
        return;
    active_ = take_over();
    if (!active_)
        taken = false;
}

bool interrupt::take_over() noexcept
{
    if (::sigaction(SIGINT, nullptr, &old_action_) != 0 ||
        !is_default(old_action_))
        return false;
    auto pipe = make_pipe(0);
    if (pipe.error != 0 || set_nonblocking(pipe.write_end.number()) != 0)
        return false;
    read_end_ = std::move(pipe.read_end);
    write_end_ = std::move(pipe.write_end);
    owner = ::getpid();
    pipe_number = write_end_.number();

    struct sigaction action{};
    action.sa_handler = brood_on_interrupt;
    // RESETHAND: the second Ctrl-C must end a program that hangs in its
    // clean-up. RESTART: nobody else's system call may see the first one.
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    ::sigemptyset(&action.sa_mask);
    return ::sigaction(SIGINT, &action, nullptr) == 0;
}

interrupt::~interrupt()
{
    if (!active_)
        return;
    struct sigaction now{};
    ::sigaction(SIGINT, nullptr, &now);
    if (is_ours(now) || is_default(now))
        ::sigaction(SIGINT, &old_action_, nullptr);
    // A handler may still be between its load and its write, in another
    // thread. The pipe must stay open for it: its number could be reused.
    pipe_number = -1;
    while (handlers_running != 0)
        ::sched_yield();
    write_end_.close();
    taken = false;
}

}  // namespace brood::os
