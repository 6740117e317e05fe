// child_registry.cpp: see child_registry.hpp.
#include "async/child_registry.hpp"

#include "async/orphan_reaper.hpp"
#include "async/process_core.hpp"
#include "os/setting.hpp"

#include <brood/errors.hpp>

#include BROOD_ASIO_HEADER(execution/context.hpp)
#include BROOD_ASIO_HEADER(posix/stream_descriptor.hpp)
#include BROOD_ASIO_HEADER(query.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <utility>
#include <vector>

namespace brood::detail {

namespace {

// For the contexts that choose none.
child_watcher default_watcher() noexcept
{
    static const auto watcher = [] {
        const auto named = os::setting("BROOD_CHILD_WATCHER");
        if (named == "pidfd")
            return child_watcher::pidfd;
        if (named == "threaded")
            return child_watcher::threaded;
        if (named == "sigchld")
            return child_watcher::sigchld;
        return child_watcher::automatic;
    }();
    return watcher;
}

}  // namespace

asio::execution_context::id child_registry::id;

child_registry::child_registry(asio::execution_context& context)
    : asio::execution_context::service(context),
      starts_(asio::use_service<start_queue>(context)),
      watcher_(default_watcher())
{
}

child_registry& child_registry::of(const executor& io)
{
    auto& context = asio::query(io, asio::execution::context);
    if (!asio::has_service<child_registry>(context)) {
        // A context shuts its services down youngest first. These two make
        // sure that the reactor's are older than ours.
        const asio::posix::stream_descriptor descriptors(io);
        const asio::steady_timer timers(io);
    }
    return asio::use_service<child_registry>(context);
}

std::shared_ptr<observer> child_registry::observer_of(const executor& io)
{
    auto& context = asio::query(io, asio::execution::context);
    // Who merely asks makes none: that could fail.
    if (!asio::has_service<child_registry>(context))
        return nullptr;
    auto& registry = asio::use_service<child_registry>(context);
    const std::lock_guard lock(registry.mutex_);
    return registry.observer_;
}

void child_registry::observe(std::shared_ptr<observer> watcher) noexcept
{
    // The one before goes with the parameter, after the lock.
    const std::lock_guard lock(mutex_);
    observer_.swap(watcher);
}

child_registry::entry
child_registry::add(const std::shared_ptr<process_core>& core)
{
    const std::lock_guard lock(mutex_);
    require_open();
    return cores_.insert(cores_.end(), core);
}

void child_registry::choose(child_watcher way)
{
    const std::lock_guard lock(mutex_);
    require_open();
    watcher_ = way;
}

// What joined a context that is going away would never be told to leave.
void child_registry::require_open() const
{
    if (is_closed_)
        throw described_error(errc::context_closed,
                              "brood: no child can be started or adopted here, "
                              "nor a child watcher be chosen");
}

void child_registry::remove(entry place) noexcept
{
    const std::lock_guard lock(mutex_);
    cores_.erase(place);
}

void child_registry::shutdown() noexcept
{
    // Not under the lock: what a core lets go of may drop other processes.
    std::vector<std::shared_ptr<process_core>> living;
    {
        const std::lock_guard lock(mutex_);
        is_closed_ = true;
        for (const auto& each : cores_)
            if (auto core = each.lock())
                living.push_back(std::move(core));
    }
    for (const auto& core : living)
        core->leave_context();
}

void release_children(const asio::execution_context& context)
{
    // A killed child is gone within milliseconds, unless it hangs in the
    // kernel; then nobody can do more for it than the reaper.
    constexpr std::chrono::seconds patience{5};
    wait_for_orphans(&context, patience);
}

bool has_dropped_children(const executor& io)
{
    const asio::execution_context& context =
        asio::query(io, asio::execution::context);
    return !wait_for_orphans(&context, std::chrono::milliseconds::zero());
}

}  // namespace brood::detail
