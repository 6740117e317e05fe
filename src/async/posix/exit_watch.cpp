// exit_watch.cpp: see exit_watch.hpp.
#include "async/posix/exit_watch.hpp"

#include "os/posix/thread.hpp"

#include BROOD_ASIO_HEADER(executor_work_guard.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <algorithm>
#include <mutex>
#include <utility>

namespace brood::detail {

// What a waiting thread shares with the watch. Whoever comes later, the
// child's end or the watch's, finds out here; the thread outlives both.
struct exit_watch::waiter_thread {
    std::mutex mutex;
    bool ended = false;
    // Set while somebody wants to know.
    std::weak_ptr<exit_watch> watch;
    std::optional<asio::executor_work_guard<executor>> work;

    void announce()
    {
        const std::lock_guard lock(mutex);
        ended = true;
        if (!work)
            return;
        asio::post(work->get_executor(), [watch = watch] {
            if (const auto self = watch.lock())
                self->ask();
        });
        work.reset();
    }
};

exit_watch::exit_watch(const executor& io, child_watcher way,
                       signal_watch& signals)
    : io_(io), way_(way), signals_(signals)
{
}

exit_watch::~exit_watch()
{
    release();
}

void exit_watch::start(std::function<void(const os::child_end&)> ended)
{
    ended_ = std::move(ended);
    try {
        if (!start_pidfd() && !start_signals())
            start_otherwise();
    } catch (...) {  // out of memory
        leave_signals();
        ended_ = nullptr;
        throw;
    }
}

bool exit_watch::start_pidfd()
{
    if (!child_.pidfd.is_open() || !(wants_pidfd() || child_.foreign))
        return false;
    if (!pidfd_) {
        error_code ec;
        pidfd_.emplace(io_);
        pidfd_->assign(child_.pidfd.number(), ec);
        if (ec) {  // no room in epoll: the thread needs none
            pidfd_.reset();
            return false;
        }
    }
    wait_readable();
    return true;
}

void exit_watch::wait_readable()
{
    pidfd_->async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](error_code ec) {
                           if (ec != asio::error::operation_aborted)
                               self->ask();
                       });
}

bool exit_watch::start_signals()
{
    if (way_ != child_watcher::sigchld || child_.foreign)
        return false;
    heard_ = signals_.add(shared_from_this(), io_, child_.pid);
    if (!heard_)
        return false;
    // It may have ended before anybody listened.
    if (!os::is_running(child_))
        asio::post(io_, [self = shared_from_this()] { self->ask(); });
    return true;
}

void exit_watch::leave_signals() noexcept
{
    if (const auto place = std::exchange(heard_, std::nullopt))
        signals_.remove(*place);
}

void exit_watch::start_otherwise()
{
    // Only a parent can wait in a thread; but all can look at a pidfd.
    if (child_.foreign)
        ask_later();
    else
        start_thread();
}

void exit_watch::start_thread()
{
    if (!thread_) {
        thread_ = std::make_shared<waiter_thread>();
        auto shared = thread_;
        const bool running =
            os::start_detached_thread([shared, pid = child_.pid] {
                os::wait_for_exit(pid);
                shared->announce();
            });
        if (!running) {  // no thread to be had: ask now and then
            thread_.reset();
            return ask_later();
        }
    }
    const std::lock_guard lock(thread_->mutex);
    if (thread_->ended) {
        asio::post(io_, [self = shared_from_this()] { self->ask(); });
        return;
    }
    thread_->watch = weak_from_this();
    thread_->work.emplace(io_);
}

void exit_watch::ask()
{
    if (!ended_)
        return;
    const auto end = poll();
    if (end.state == os::child_state::running) {
        if (!heard_)  // else: we hear of it again
            ask_later();
        return;
    }
    leave_signals();
    std::exchange(ended_, nullptr)(end);
}

void exit_watch::ask_later()
{
    constexpr std::chrono::milliseconds longest_pause{100};
    if (!timer_)
        timer_.emplace(io_);
    timer_->expires_after(pause_);
    pause_ = std::min(pause_ * 2, longest_pause);
    timer_->async_wait([self = shared_from_this()](error_code ec) {
        if (!ec)
            self->ask();
    });
}

void exit_watch::stop() noexcept
{
    ended_ = nullptr;
    leave_signals();
    error_code ignored;
    if (pidfd_)
        pidfd_->cancel(ignored);
    if (timer_)
        timer_->cancel();
    if (thread_) {
        const std::lock_guard lock(thread_->mutex);
        thread_->work.reset();
    }
}

os::child exit_watch::release() noexcept
{
    stop();
    // Gives the number back, out of epoll and open: it is child_'s.
    if (pidfd_)
        pidfd_->release();
    pidfd_.reset();
    timer_.reset();
    return std::exchange(child_, os::child());
}

}  // namespace brood::detail
