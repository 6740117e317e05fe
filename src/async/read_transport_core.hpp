// read_transport_core.hpp: what is behind a read_transport.
//
// Fills the buffer of a reader_core and hands it to the protocol, again and
// again: the same machinery as a stream_reader's, but driven by what arrives
// instead of by who asks.
#pragma once

#include "async/reader_core.hpp"
#include "async/transport_registry.hpp"

#include <brood/protocol.hpp>

#include <memory>
#include <utility>

namespace brood::detail {

// Whose a pipe's transport is: the program's, or a child's, in which case the
// protocol in it is ours and is not to be replaced.
enum class transport_owner { program, child };

class read_transport_core final
    : public live_transport,
      public std::enable_shared_from_this<read_transport_core> {
public:
    read_transport_core(std::shared_ptr<reader_core> from,
                        std::shared_ptr<read_protocol> to,
                        transport_owner owner);

    // Keeps itself on its context until the connection is lost.
    void stay() { live_transport::stay(io_, shared_from_this()); }
    // Calls connection_made() and starts to read. On the executor.
    void begin();

    bool is_reading() const noexcept { return !paused_ && !is_closing(); }
    void pause();
    void resume();
    void close();
    bool is_closing() const noexcept { return closing_ || !protocol_; }
    const std::shared_ptr<read_protocol>& protocol() const noexcept
    {
        return protocol_;
    }
    void set_protocol(std::shared_ptr<read_protocol> successor) noexcept
    {
        if (protocol_)
            protocol_ = std::move(successor);
    }
    transport_owner owner() const noexcept { return owner_; }

    void abandon() noexcept override;

private:
    void read_on();
    void filled(error_code ec);
    void deliver();
    void lose_later();
    void lose(error_code why);

    executor io_;
    std::shared_ptr<reader_core> reader_;
    std::shared_ptr<read_protocol> protocol_;  // null: lost
    transport_owner owner_;
    bool begun_ = false;
    bool busy_ = false;  // reading, or telling what was read
    bool paused_ = false;
    bool closing_ = false;
};

}  // namespace brood::detail
