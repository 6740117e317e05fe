// transport_registry.cpp: see transport_registry.hpp.
#include "async/transport_registry.hpp"

#include BROOD_ASIO_HEADER(execution/context.hpp)
#include BROOD_ASIO_HEADER(query.hpp)

#include <utility>

namespace brood::detail {

asio::execution_context::id transport_registry::id;

transport_registry::transport_registry(asio::execution_context& context)
    : asio::execution_context::service(context)
{
}

transport_registry& transport_registry::of(const executor& io)
{
    return asio::use_service<transport_registry>(
        asio::query(io, asio::execution::context));
}

void live_transport::stay(const executor& io,
                          std::shared_ptr<live_transport> self)
{
    auto& registry = transport_registry::of(io);
    const std::lock_guard lock(registry.mutex_);
    place_ = registry.living_.insert(registry.living_.end(), std::move(self));
    registry_ = &registry;
}

void live_transport::leave() noexcept
{
    auto* const registry = std::exchange(registry_, nullptr);
    if (!registry)
        return;
    // Goes after the lock: with it may go a protocol of the user's.
    transport_registry::list last;
    const std::lock_guard lock(registry->mutex_);
    last.splice(last.end(), registry->living_, place_);
}

void transport_registry::shutdown() noexcept
{
    list all;
    {
        const std::lock_guard lock(mutex_);
        all.swap(living_);
        for (const auto& each : all)
            each->registry_ = nullptr;
    }
    for (const auto& each : all)
        each->abandon();
}

}  // namespace brood::detail
