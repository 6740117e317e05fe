// start_queue.hpp: the starts of one execution context that wait for room.
//
// First come, first served: only the first of them tries, for whatever room
// there is would be lost to all if all reached for it.
//
// A service that needs nothing of the system: a gather with a limit makes
// one, whatever it gathers, and must not fail where no child is started.
#pragma once

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(execution_context.hpp)

#include <atomic>
#include <list>
#include <memory>
#include <mutex>

namespace brood::detail {

class waiting_start {
public:
    // Called from any thread; goes on later, on the start's own executor.
    virtual void wake(bool child_ended) = 0;

protected:
    ~waiting_start() = default;
};

class start_queue : public asio::execution_context::service {
public:
    using key_type = start_queue;
    using entry = std::list<std::weak_ptr<waiting_start>>::iterator;

    static asio::execution_context::id id;

    explicit start_queue(asio::execution_context& context);

    // The queue of the context behind `io`.
    static start_queue& of(const executor& io);

    // How many hold it to be worth to wait: gathers with a limit.
    const std::shared_ptr<std::atomic<int>>& gathers() noexcept
    {
        return gathers_;
    }
    bool is_patient() const noexcept { return gathers_->load() > 0; }

    // The children of this context that run.
    int running() const noexcept { return running_.load(); }
    void child_started() noexcept { ++running_; }
    void child_ended() noexcept
    {
        --running_;
        wake_first(true);
    }
    // It was none after all: what it had taken is free, as it was before.
    void start_failed() noexcept { --running_; }
    // The pipes of a child were closed.
    void room_made() noexcept { wake_first(true); }

    entry add(std::weak_ptr<waiting_start> last);
    bool is_first(entry place);
    // The next one, if it was the first that leaves, is woken.
    void leave(entry place) noexcept;

private:
    void shutdown() noexcept override;
    void wake_first(bool child_ended) noexcept;

    std::shared_ptr<std::atomic<int>> gathers_;
    std::atomic<int> running_ = 0;
    std::mutex mutex_;
    std::list<std::weak_ptr<waiting_start>> waiting_;
};

}  // namespace brood::detail
