// orphan_reaper.cpp: see orphan_reaper.hpp.
#include "async/orphan_reaper.hpp"

#include "os/exit_set.hpp"
#include "os/posix/thread.hpp"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace brood::detail {

namespace {

// Between two looks at children that cannot be watched; it grows while
// nothing happens, so that one that lives long costs little.
constexpr std::chrono::milliseconds shortest_pause{10};
constexpr std::chrono::milliseconds longest_pause{320};

class reaper {
public:
    // Never destroyed: its thread may outlive main.
    static reaper& instance()
    {
        static reaper* const only = [] {
            auto* made = new reaper;
            os::around_fork(lock_for_fork, unlock_in_parent, reset_in_child);
            return made;
        }();
        return *only;
    }

    void adopt(orphan_place place, os::child child,
               std::shared_ptr<os::cgroup> cgroup, const void* owner)
    {
        const std::lock_guard lock(mutex_);
        auto& added = place.front();
        added.child = std::move(child);
        added.cgroup = std::move(cgroup);
        added.owner = owner;
        // It may have ended already: then there is nothing to wait for.
        if (is_done_with(added))
            return;
        if (!children_)
            children_.emplace();
        added.watched = added.child.pid > 0 && children_->watch(added.child);
        const bool watched = added.watched;
        orphans_.splice(orphans_.end(), place);
        pause_ = shortest_pause;
        if (!running_)
            running_ = os::start_detached_thread([this] { run(); });
        else if (!watched)
            children_->wake();
        // No thread to be had: the next orphan, or the next wait, tries.
    }

    bool wait(const void* owner, std::chrono::milliseconds limit)
    {
        std::unique_lock lock(mutex_);
        const auto gone = [this, owner] {
            if (!running_)
                collect();
            return std::none_of(
                orphans_.begin(), orphans_.end(),
                [owner](const orphan& o) { return o.owner == owner; });
        };
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!gone()) {
            if (std::chrono::steady_clock::now() >= end)
                return false;
            // In steps, for the case that there is no thread.
            collected_.wait_for(lock, std::chrono::milliseconds(10));
        }
        return true;
    }

private:
    void run()
    {
        std::unique_lock lock(mutex_);
        for (int hint = -1;;) {
            collect();
            stop_watching(hint);
            if (orphans_.empty())
                break;
            const bool unwatched =
                std::any_of(orphans_.begin(), orphans_.end(),
                            [](const orphan& o) { return !o.watched; });
            const auto pause =
                unwatched ? pause_ : std::chrono::milliseconds(-1);
            pause_ = std::min(pause_ * 2, longest_pause);
            auto& children = *children_;
            lock.unlock();
            hint = children.wait(pause);
            lock.lock();
        }
        children_.reset();
        running_ = false;
    }

    // A pidfd that is readable although its child cannot be collected yet (a
    // tracer holds on to it) would wake us for ever.
    void stop_watching(int pidfd)
    {
        for (auto& each : orphans_) {
            if (!each.watched || each.child.pidfd.number() != pidfd)
                continue;
            children_->unwatch(each.child);
            each.watched = false;
            pause_ = shortest_pause;
        }
    }

    // Each is asked for by its own id. Children that cannot die yet cost a
    // call each time; there are few of them.
    void collect()
    {
        const auto before = orphans_.size();
        orphans_.remove_if([this](orphan& o) { return is_done_with(o); });
        if (orphans_.size() != before)
            collected_.notify_all();
    }

    // Collects the child, and then removes its cgroup. Who was killed in it
    // may take some time to go; one that cannot be emptied is left behind.
    bool is_done_with(orphan& o)
    {
        constexpr std::chrono::seconds patience{10};
        if (o.child.pid > 0) {
            if (os::reap(o.child).state == os::child_state::running)
                return false;
            if (o.watched && children_)
                children_->unwatch(o.child);
            o.watched = false;
            o.child = os::child();
            pause_ = shortest_pause;
        }
        if (!o.cgroup || o.cgroup->remove())
            return true;
        const auto now = std::chrono::steady_clock::now();
        if (!o.collected)
            o.collected = now;
        return now - *o.collected > patience;
    }

    static void lock_for_fork() { instance().mutex_.lock(); }
    static void unlock_in_parent() { instance().mutex_.unlock(); }
    // The thread stays behind in the parent, and so do the children.
    static void reset_in_child()
    {
        auto& copy = instance();
        copy.orphans_.clear();
        copy.children_.reset();
        copy.running_ = false;
        new (&copy.collected_) std::condition_variable;
        copy.mutex_.unlock();
    }

    std::mutex mutex_;
    std::condition_variable collected_;
    std::list<orphan> orphans_;
    std::optional<os::exit_set> children_;
    std::chrono::milliseconds pause_ = shortest_pause;
    bool running_ = false;
};

}  // namespace

orphan_place reserve_orphan()
{
    reaper::instance();
    return orphan_place(1);
}

void adopt_orphan(orphan_place place, os::child child,
                  std::shared_ptr<os::cgroup> cgroup,
                  const void* owner) noexcept
{
    reaper::instance().adopt(std::move(place), std::move(child),
                             std::move(cgroup), owner);
}

bool wait_for_orphans(const void* owner, std::chrono::milliseconds limit)
{
    return reaper::instance().wait(owner, limit);
}

}  // namespace brood::detail
