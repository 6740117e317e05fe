// exit_watch.hpp: tells when one child has ended.
//
// By its pidfd, which it owns while that is in the reactor; by a thread that
// waits for the child without collecting it; or by SIGCHLD. Whichever the
// context chose (child_watcher.hpp), and a thread where that cannot be had for
// this child. In each way the child is collected here, on the loop, and
// nowhere else.
//
// Must stay true: a readable pidfd is only a hint (a tracer can cause it), so
// the kernel is asked with WNOHANG and, if the child still runs, asked again
// later; the loop never blocks.
#pragma once

#include "async/posix/signal_watch.hpp"
#include "os/wait.hpp"

#include <brood/asio.hpp>
#include <brood/child_watcher.hpp>

#include BROOD_ASIO_HEADER(posix/stream_descriptor.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace brood::detail {

// Whether children get a pidfd at all: not where they are watched in a way
// that costs no descriptor.
constexpr bool wants_pidfd(child_watcher way) noexcept
{
    return way == child_watcher::automatic || way == child_watcher::pidfd;
}

class exit_watch : public std::enable_shared_from_this<exit_watch> {
public:
    // `signals` is that of the context, and outlives release().
    exit_watch(const executor& io, child_watcher way, signal_watch& signals);
    ~exit_watch();

    void adopt(os::child child) noexcept { child_ = std::move(child); }
    const os::child& child() const noexcept { return child_; }
    // Whether the child to be adopted had better have one.
    bool wants_pidfd() const noexcept { return detail::wants_pidfd(way_); }

    // Calls `ended` once, on the loop, never inline, when the child has ended
    // and, unless it is kept, been collected. Keeps the loop running until
    // then.
    void start(std::function<void(const os::child_end&)> ended);
    // Stops a started watch; `ended` is destroyed without being called.
    void stop() noexcept;
    bool is_started() const noexcept { return static_cast<bool>(ended_); }

    // Collects the child if it has ended, unless it is kept.
    os::child_end poll() noexcept
    {
        return kept_ ? os::peek(child_) : os::reap(child_);
    }

    // While it is kept, an ended child is not collected.
    void keep() noexcept { kept_ = true; }
    bool is_kept() const noexcept { return kept_; }

    // Takes everything out of the loop and gives the child away.
    os::child release() noexcept;

    // For who has heard that the child may have ended.
    void ask();

private:
    struct waiter_thread;

    bool start_pidfd();
    bool start_signals();
    void start_otherwise();
    void start_thread();
    void wait_readable();
    void ask_later();
    void leave_signals() noexcept;

    executor io_;
    child_watcher way_;
    signal_watch& signals_;
    os::child child_;
    std::function<void(const os::child_end&)> ended_;
    std::optional<asio::posix::stream_descriptor> pidfd_;
    std::optional<asio::steady_timer> timer_;
    std::chrono::milliseconds pause_{1};
    bool kept_ = false;
    std::shared_ptr<waiter_thread> thread_;
    std::optional<signal_watch::entry> heard_;
};

}  // namespace brood::detail
