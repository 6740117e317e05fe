// signal_watch.cpp: see signal_watch.hpp.
#include "async/posix/signal_watch.hpp"

#include "async/posix/exit_watch.hpp"
#include "os/wait.hpp"

#include BROOD_ASIO_HEADER(bind_executor.hpp)
#include BROOD_ASIO_HEADER(execution/outstanding_work.hpp)
#include BROOD_ASIO_HEADER(post.hpp)
#include BROOD_ASIO_HEADER(prefer.hpp)
#include BROOD_ASIO_HEADER(system_executor.hpp)

#include <chrono>
#include <utility>

namespace brood::detail {

namespace {

// On the thread of the loop, whichever it is: our own executor is that of the
// first child, and if this is a strand, the others must not wait for it.
template <class Handler>
auto on_the_loop(Handler handler)
{
    return asio::bind_executor(asio::system_executor(), std::move(handler));
}

}  // namespace

std::optional<signal_watch::entry>
signal_watch::add(const std::shared_ptr<exit_watch>& watch, const executor& io,
                  int pid)
{
    const std::lock_guard lock(mutex_);
    // In a forked copy of the process that listened, nobody does.
    if (readable_ && !signal_.is_listening())
        close();
    const auto place = waiting_.insert(waiting_.end(), waiting{watch, io, pid});
    try {
        if (readable_ || open(io))
            return place;
    } catch (...) {  // out of memory
        close();
        waiting_.erase(place);
        throw;
    }
    waiting_.erase(place);
    return std::nullopt;
}

void signal_watch::remove(entry place) noexcept
{
    // The executor goes after the lock, and whatever goes with it.
    std::list<waiting> removed;
    const std::lock_guard lock(mutex_);
    removed.splice(removed.end(), waiting_, place);
    if (waiting_.empty())
        close();
}

bool signal_watch::open(const executor& io)
{
    if (signal_.listen() != 0)
        return false;
    // It may outlive the child whose executor it is.
    const executor own =
        asio::prefer(io, asio::execution::outstanding_work.untracked);
    readable_.emplace(own);
    timer_.emplace(own);
    error_code ec;
    readable_->assign(signal_.number(), ec);
    if (ec) {  // no room in epoll
        close();
        return false;
    }
    await_signal();
    await_next_round();
    return true;
}

void signal_watch::close() noexcept
{
    ++turn_;
    // Gives the number back, out of epoll and open: it is signal_'s.
    if (readable_ && readable_->is_open())
        readable_->release();
    readable_.reset();
    timer_.reset();
    signal_.cancel();
}

void signal_watch::await_signal()
{
    readable_->async_wait(
        asio::posix::stream_descriptor::wait_read,
        on_the_loop([this, turn = turn_](error_code ec) noexcept {
            const std::lock_guard lock(mutex_);
            if (ec || turn != turn_)
                return;
            // Before the look: what comes in between makes another one.
            signal_.take();
            look(false);
            await_signal();
        }));
}

void signal_watch::await_next_round()
{
    constexpr std::chrono::seconds pause{1};
    timer_->expires_after(pause);
    timer_->async_wait(
        on_the_loop([this, turn = turn_](error_code ec) noexcept {
            const std::lock_guard lock(mutex_);
            if (ec || turn != turn_)
                return;
            look(true);
            await_next_round();
        }));
}

// Those who were told already, too, `at_all`: they may not have been able to
// do anything about it.
void signal_watch::look(bool at_all) noexcept
{
    for (auto& each : waiting_) {
        if (each.is_told && !at_all)
            continue;
        os::child asked;
        asked.pid = each.pid;
        if (os::is_running(asked))
            continue;
        try {
            asio::post(each.io, [watch = each.watch] {
                if (const auto self = watch.lock())
                    self->ask();
            });
            each.is_told = true;
        } catch (...) {
            // Out of memory: the next round tries again.
        }
    }
}

}  // namespace brood::detail
