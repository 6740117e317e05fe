// starter_thread.cpp: see starter_thread.hpp.
//
// Must stay true: letting go takes no lock. The orphan reaper does it under a
// lock of its own, and around a fork all locks are taken, in an order that
// depends on who was there first.
#include "os/posix/starter_thread.hpp"

#include "os/posix/thread.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>

namespace brood::os {

namespace {

// What one caller wants done; on its stack, so nothing is allocated.
struct request {
    void (*work)(void*) noexcept;
    void* context;
    bool done = false;
    request* next = nullptr;
};

class starter {
public:
    // Never destroyed: its thread may outlive main.
    static starter& instance()
    {
        static starter* const only = [] {
            auto* made = new starter;
            around_fork(lock_for_fork, unlock_in_parent, reset_in_child);
            return made;
        }();
        return *only;
    }

    starter_stay call(request& wanted)
    {
        std::unique_lock lock(mutex_);
        if (!running_)
            running_ = start_detached_thread([this] { run(); });
        if (!running_)
            return starter_stay();
        ++stays_;
        starter_stay stay(generation_);
        // Behind those that came before.
        auto** last = &waiting_;
        while (*last)
            last = &(*last)->next;
        *last = &wanted;
        wake();
        done_.wait(lock, [&wanted] { return wanted.done; });
        return stay;
    }

    void let_go(unsigned generation) noexcept
    {
        // One that a copy of the process has inherited means nothing there.
        if (generation == generation_ && --stays_ == 0)
            wake();
    }

private:
    void run()
    {
        std::unique_lock lock(mutex_);
        for (;;) {
            // Before the look at the rest: what changes after it is seen.
            const unsigned seen = changes_;
            if (waiting_) {
                auto& next = *std::exchange(waiting_, waiting_->next);
                lock.unlock();
                next.work(next.context);
                lock.lock();
                next.done = true;
                done_.notify_all();
            } else if (stays_ == 0) {
                break;
            } else {
                lock.unlock();
                changes_.wait(seen);
                lock.lock();
            }
        }
        running_ = false;
    }

    void wake() noexcept
    {
        ++changes_;
        changes_.notify_all();
    }

    static void lock_for_fork() { instance().mutex_.lock(); }
    static void unlock_in_parent() { instance().mutex_.unlock(); }
    // The thread stays behind in the parent, and so do the children.
    static void reset_in_child()
    {
        auto& copy = instance();
        copy.waiting_ = nullptr;
        copy.stays_ = 0;
        ++copy.generation_;
        copy.running_ = false;
        new (&copy.done_) std::condition_variable;
        copy.mutex_.unlock();
    }

    std::mutex mutex_;
    std::condition_variable done_;
    request* waiting_ = nullptr;
    bool running_ = false;
    std::atomic<unsigned> stays_{0};
    std::atomic<unsigned> generation_{1};
    std::atomic<unsigned> changes_{0};
};

}  // namespace

void starter_stay::release() noexcept
{
    if (const auto generation = std::exchange(generation_, 0))
        starter::instance().let_go(generation);
}

starter_stay call_on_starter_thread(void (*work)(void*) noexcept,
                                    void* context) noexcept
{
    request wanted{work, context};
    return starter::instance().call(wanted);
}

}  // namespace brood::os
