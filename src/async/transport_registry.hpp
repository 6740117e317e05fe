// transport_registry.hpp: the transports that live on one execution context.
//
// Keeps a transport as long as it has a protocol to tell something: it may
// wait for nothing (paused), and nobody may hold a handle on it. And lets a
// context that goes away part the two, which may hold each other.
#pragma once

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(execution_context.hpp)

#include <list>
#include <memory>
#include <mutex>

namespace brood::detail {

class transport_registry;

class live_transport {
public:
    virtual ~live_transport() = default;

    // The execution context goes away: lets go of the protocol.
    virtual void abandon() noexcept = 0;

protected:
    // Between these two it is kept.
    void stay(const executor& io, std::shared_ptr<live_transport> self);
    void leave() noexcept;

private:
    friend class transport_registry;
    transport_registry* registry_ = nullptr;
    std::list<std::shared_ptr<live_transport>>::iterator place_;
};

class transport_registry : public asio::execution_context::service {
public:
    using key_type = transport_registry;

    static asio::execution_context::id id;

    explicit transport_registry(asio::execution_context& context);

    // The registry of the context behind `io`. Pre: the context has its
    // reactor, which must outlive what is kept here.
    static transport_registry& of(const executor& io);

private:
    friend class live_transport;
    using list = std::list<std::shared_ptr<live_transport>>;

    void shutdown() noexcept override;

    std::mutex mutex_;
    list living_;
};

}  // namespace brood::detail
