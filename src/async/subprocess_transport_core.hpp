// subprocess_transport_core.hpp: what is behind a subprocess_transport.
//
// A process_core whose pipes have transports, and whose end is waited for.
// Puts what they tell in order and hands it on to one protocol.
#pragma once

#include "async/process_core.hpp"
#include "async/read_transport_core.hpp"
#include "async/transport_registry.hpp"
#include "async/write_transport_core.hpp"

#include <brood/protocol.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <utility>

namespace brood::detail {

class subprocess_transport_core final
    : public live_transport,
      public std::enable_shared_from_this<subprocess_transport_core> {
public:
    static std::shared_ptr<subprocess_transport_core>
    make(std::shared_ptr<process_core> child,
         std::shared_ptr<subprocess_protocol> to);

    // Calls connection_made(), and sets all going. On the executor.
    void begin();

    process_core& child() noexcept { return *child_; }
    std::shared_ptr<read_transport_core> reader(int fd) const noexcept;
    std::shared_ptr<write_transport_core> writer(int fd) const noexcept;
    void stop(stop_sequence sequence);
    void close();
    bool is_closing() const noexcept { return closing_ || !protocol_; }
    const std::shared_ptr<subprocess_protocol>& protocol() const noexcept
    {
        return protocol_;
    }
    void set_protocol(std::shared_ptr<subprocess_protocol> successor) noexcept
    {
        if (protocol_)
            protocol_ = std::move(successor);
    }

    // Nobody has been told of it, and nobody will be: ends the child.
    void discard() noexcept;
    void abandon() noexcept override;

private:
    class child_output;
    class child_input;

    subprocess_transport_core(std::shared_ptr<process_core> child,
                              std::shared_ptr<subprocess_protocol> to);

    void take_pipes();
    void set_going();
    void give_up();
    void pipe_lost(int fd, error_code why);
    void exited();
    void finish_if_over();
    void finish();

    std::shared_ptr<process_core> child_;
    std::shared_ptr<subprocess_protocol> protocol_;  // null: lost
    std::map<int, std::shared_ptr<read_transport_core>> readers_;
    std::map<int, std::shared_ptr<write_transport_core>> writers_;
    std::size_t open_pipes_ = 0;
    bool begun_ = false;
    bool exited_ = false;
    bool closing_ = false;
};

}  // namespace brood::detail
