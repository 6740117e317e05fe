// starter_thread.hpp: a thread that starts children and does not end before
// them.
//
// For children whose life the kernel ties to that of the thread that started
// them. One thread of the process, started when there is something to do, and
// ending when no such child is left. Safe across fork: the copy in a forked
// process begins anew.
#pragma once

#include <type_traits>
#include <utility>

namespace brood::os {

// Keeps the thread running as long as it lives. Letting go takes no lock.
class starter_stay {
public:
    starter_stay() noexcept = default;
    explicit starter_stay(unsigned generation) noexcept
        : generation_(generation)
    {
    }
    starter_stay(starter_stay&& other) noexcept
        : generation_(std::exchange(other.generation_, 0))
    {
    }
    starter_stay& operator=(starter_stay&& other) noexcept
    {
        if (this != &other) {
            release();
            generation_ = std::exchange(other.generation_, 0);
        }
        return *this;
    }
    ~starter_stay() { release(); }

    bool is_held() const noexcept { return generation_ != 0; }

private:
    void release() noexcept;

    unsigned generation_ = 0;  // 0: nothing is held
};

// Calls `work(context)` on the thread and waits until it has returned. Gives
// nothing to hold, and has called nothing, where there is no thread to be had.
starter_stay call_on_starter_thread(void (*work)(void*) noexcept,
                                    void* context) noexcept;

// The same for any callable that does not throw.
template <class Work>
starter_stay on_starter_thread(Work work) noexcept
{
    return call_on_starter_thread(
        [](void* context) noexcept { (*static_cast<Work*>(context))(); },
        &work);
}

}  // namespace brood::os
