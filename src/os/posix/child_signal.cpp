// child_signal.cpp: see child_signal.hpp.
#include "os/posix/child_signal.hpp"

#include "os/posix/system_call.hpp"
#include "os/posix/thread.hpp"
#include "os/wait.hpp"

#include <sched.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <list>
#include <mutex>
#include <utility>

namespace brood::os {

// A place in the list that the handler walks. Never freed: a handler that is
// only about to run may be in any of them. The next listener takes it over,
// so there are as many as ever listened at once.
struct listener {
    std::atomic<int> number = -1;  // negative: nobody
    bool is_taken = false;         // guarded by the mutex
    listener* next = nullptr;
};

namespace {

// The handler of the application's that comes after ours. Never changed nor
// freed, for the same reason; one for each that the application ever had.
struct former_handler {
    void (*plain)(int);
    void (*informed)(int, siginfo_t*, void*);
    bool once;  // SA_RESETHAND
};

// One handler of ours. There are several, because an application that
// replaces ours may call it from its own; put before that one once more, the
// same handler would call itself for ever.
struct level {
    // What the handler reads.
    std::atomic<const former_handler*> former = nullptr;
    // Guarded by the mutex. Used: installed, or somebody may still call it.
    bool is_used = false;
    struct sigaction replaced{};
};

constexpr int level_count = 4;

// What the handler reads. Lock-free, as signal-safety(7) demands.
std::atomic<listener*> listeners = nullptr;
std::atomic<int> handlers_running = 0;
std::atomic<int> owner = 0;
level levels[level_count];
static_assert(std::atomic<listener*>::is_always_lock_free &&
              std::atomic<const former_handler*>::is_always_lock_free &&
              std::atomic<int>::is_always_lock_free);

void tell_listeners() noexcept
{
    // A fork of ours that has not exec'd may have the descriptors' numbers
    // for something else.
    if (raw_system_call(SYS_getpid, 0, 0, 0, 0, 0, 0) != owner)
        return;
    const std::uint64_t one = 1;
    for (auto* each = listeners.load(); each; each = each->next)
        if (const int number = each->number; number >= 0)
            // Past the seam for tests: it is not the handler's turn to fail.
            raw_system_call(SYS_write, number, registers::to_register(&one),
                            sizeof one, 0, 0, 0);
}

void hear(level& at, int signal, siginfo_t* info, void* context) noexcept
{
    const int saved_errno = errno;
    ++handlers_running;
    tell_listeners();
    --handlers_running;
    // Not counted: it may take its time, fork, or never return.
    const auto* former = at.former.load();
    if (former && former->once &&
        !at.former.compare_exchange_strong(former, nullptr))
        former = nullptr;
    if (former && former->informed)
        former->informed(signal, info, context);
    else if (former)
        former->plain(signal);
    errno = saved_errno;
}

template <int Level>
void on_child_signal(int signal, siginfo_t* info, void* context)
{
    hear(levels[Level], signal, info, context);
}

constexpr void (*handlers[level_count])(int, siginfo_t*, void*) = {
    on_child_signal<0>, on_child_signal<1>, on_child_signal<2>,
    on_child_signal<3>};

// SA_SIGINFO does not matter here: the kernel, too, looks at the pointer
// first.
bool has_handler(const struct sigaction& action) noexcept
{
    return action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
}

bool is_informed(const struct sigaction& action) noexcept
{
    return (action.sa_flags & SA_SIGINFO) != 0;
}

bool discards_children(const struct sigaction& action) noexcept
{
    return action.sa_handler == SIG_IGN ||
           (action.sa_flags & SA_NOCLDWAIT) != 0;
}

// Negative: it is none of ours.
int level_of(const struct sigaction& action) noexcept
{
    const auto* const found =
        std::find(std::begin(handlers), std::end(handlers),
                  is_informed(action) ? action.sa_sigaction : nullptr);
    return found == std::end(handlers)
               ? -1
               : static_cast<int>(found - std::begin(handlers));
}

struct sigaction current_action() noexcept
{
    struct sigaction now{};
    ::sigaction(SIGCHLD, nullptr, &now);
    return now;
}

// Ours in the place of `before`. As before, the application's system calls
// are interrupted or not, and it hears of stopped children or not.
struct sigaction action_instead_of(const struct sigaction& before,
                                   int level) noexcept
{
    struct sigaction ours{};
    ours.sa_sigaction = handlers[level];
    if (has_handler(before)) {
        constexpr int kept =
            SA_NOCLDSTOP | SA_RESTART | SA_ONSTACK | SA_NODEFER;
        ours.sa_flags = SA_SIGINFO | (before.sa_flags & kept);
        ours.sa_mask = before.sa_mask;
    } else {
        ours.sa_flags = SA_SIGINFO | SA_NOCLDSTOP | SA_RESTART | SA_ONSTACK;
        ::sigemptyset(&ours.sa_mask);
    }
    return ours;
}

// The handler's coming and going. Guarded by one mutex; the handler itself
// knows nothing of it.
class installation {
public:
    static installation& instance()
    {
        // Never destroyed, as the handler is never gone for certain.
        static auto* const only = [] {
            auto* made = new installation;
            around_fork(lock_for_fork, unlock_in_parent, reset_in_child);
            return made;
        }();
        return *only;
    }

    // 0, or errno.
    int add(int number, listener*& place)
    {
        const std::lock_guard lock(mutex_);
        place = free_place();
        if (count_ == 0) {
            if (const int error = install())
                return error;
            owner = this_process();
        }
        ++count_;
        place->is_taken = true;
        place->number = number;
        return 0;
    }

    // After it nobody writes to the listener's descriptor any more.
    void remove(listener& place) noexcept
    {
        const std::lock_guard lock(mutex_);
        place.number = -1;
        // A handler may be between its load and its write, in another
        // thread.
        while (handlers_running != 0)
            ::sched_yield();
        place.is_taken = false;
        if (--count_ == 0)
            put_back();
    }

private:
    listener* free_place()
    {
        for (auto* each = listeners.load(); each; each = each->next)
            if (!each->is_taken)
                return each;
        auto* const added = new listener;
        added->next = listeners;
        listeners = added;
        return added;
    }

    const former_handler* remember(const struct sigaction& action)
    {
        if (!has_handler(action))
            return nullptr;
        former_handler former{};
        if (is_informed(action))
            former.informed = action.sa_sigaction;
        else
            former.plain = action.sa_handler;
        former.once = (action.sa_flags & static_cast<int>(SA_RESETHAND)) != 0;
        for (const auto& each : formers_)
            if (each.plain == former.plain &&
                each.informed == former.informed && each.once == former.once)
                return &each;
        return &formers_.emplace_back(former);
    }

    // Negative: none. Where nothing is called, nothing can call ours, so any
    // will do; but first one that nobody may remember.
    static int free_level(const struct sigaction& now) noexcept
    {
        for (int number = 0; number != level_count; ++number)
            if (!levels[number].is_used)
                return number;
        return has_handler(now) ? -1 : 0;
    }

    int install()
    {
        const auto now = current_action();
        if (discards_children(now))
            return ECHILD;
        // It was replaced, and then put back by who had replaced it.
        installed_ = level_of(now);
        if (installed_ >= 0)
            return 0;
        const int number = free_level(now);
        if (number < 0)
            return EBUSY;
        auto& at = levels[number];
        // Before it can be called.
        at.former = remember(now);
        at.replaced = now;
        const auto ours = action_instead_of(now, number);
        if (::sigaction(SIGCHLD, &ours, nullptr) != 0)
            return errno;
        at.is_used = true;
        installed_ = number;
        return 0;
    }

    void put_back() noexcept
    {
        const int number = std::exchange(installed_, -1);
        if (number < 0 || level_of(current_action()) != number)
            return;  // the application's, which may call ours: it stays
        auto& at = levels[number];
        auto before = at.replaced;
        // What was to be called once has been.
        if (has_handler(before) && !at.former.load()) {
            before.sa_handler = SIG_DFL;
            before.sa_flags &= ~SA_SIGINFO;
        }
        ::sigaction(SIGCHLD, &before, nullptr);
        at.is_used = false;
    }

    static void lock_for_fork() { instance().mutex_.lock(); }
    static void unlock_in_parent() { instance().mutex_.unlock(); }
    // The loops stay behind in the parent, and with them those who listen.
    static void reset_in_child()
    {
        auto& copy = instance();
        for (auto* each = listeners.load(); each; each = each->next) {
            each->number = -1;
            each->is_taken = false;
        }
        handlers_running = 0;
        copy.count_ = 0;
        copy.put_back();
        copy.mutex_.unlock();
    }

    std::mutex mutex_;
    int count_ = 0;
    int installed_ = -1;  // which level; negative: none
    std::list<former_handler> formers_;
};

}  // namespace

bool sigchld_is_ignored() noexcept
{
    return discards_children(current_action());
}

int child_signal::listen()
{
    cancel();
    auto made = above_standard(
        system_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (made.error)
        return made.error;
    const int error = installation::instance().add(made.fd.number(), place_);
    if (error) {
        place_ = nullptr;
        return error;
    }
    event_ = std::move(made.fd);
    owner_ = this_process();
    return 0;
}

bool child_signal::is_listening() const noexcept
{
    return place_ && owner_ == this_process();
}

void child_signal::cancel() noexcept
{
    // In a copy the place is somebody else's by now.
    if (is_listening())
        installation::instance().remove(*place_);
    place_ = nullptr;
    event_.close();
}

void child_signal::take() const noexcept
{
    std::uint64_t count = 0;
    system_call(SYS_read, event_.number(), &count, sizeof count);
}

}  // namespace brood::os
