// child_registry.hpp: the children of one execution context.
//
// Lets a context that goes away take its children out of its reactor in time:
// a process handle may outlive the loop it ran on.
#pragma once

#include "async/posix/signal_watch.hpp"
#include "async/start_queue.hpp"

#include <brood/asio.hpp>
#include <brood/child_watcher.hpp>

#include BROOD_ASIO_HEADER(execution_context.hpp)

#include <atomic>
#include <list>
#include <memory>
#include <mutex>

namespace brood {
class observer;
}  // namespace brood

namespace brood::detail {

class process_core;

class child_registry : public asio::execution_context::service {
public:
    using key_type = child_registry;
    using entry = std::list<std::weak_ptr<process_core>>::iterator;

    static asio::execution_context::id id;

    explicit child_registry(asio::execution_context& context);

    // The registry of the context behind `io`.
    static child_registry& of(const executor& io);

    // Who is told of the children of the context behind `io`; null: nobody.
    static std::shared_ptr<observer> observer_of(const executor& io);
    void observe(std::shared_ptr<observer> watcher) noexcept;

    // Throws errc::context_closed after the context's end has begun.
    entry add(const std::shared_ptr<process_core>& core);
    void remove(entry place) noexcept;
    // Where the starts wait for which these children leave no room.
    start_queue& starts() noexcept { return starts_; }

    // How the ends of its next children are noticed. Throws
    // errc::context_closed.
    void choose(child_watcher way);
    child_watcher watcher() const noexcept { return watcher_; }
    // For those that are noticed by SIGCHLD.
    signal_watch& signals() noexcept { return signals_; }

private:
    void shutdown() noexcept override;
    void require_open() const;

    start_queue& starts_;
    std::atomic<child_watcher> watcher_;
    signal_watch signals_;
    std::mutex mutex_;
    bool is_closed_ = false;
    std::list<std::weak_ptr<process_core>> cores_;
    std::shared_ptr<observer> observer_;
};

// Waits until the children that were dropped on `context` have been killed
// and collected. Only the address is used: the context may be gone. A child
// that even SIGKILL does not end in time stays with the reaper.
void release_children(const asio::execution_context& context);

// Whether one of them has still to be collected. Does not block.
bool has_dropped_children(const executor& io);

}  // namespace brood::detail
