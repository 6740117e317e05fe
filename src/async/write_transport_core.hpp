// write_transport_core.hpp: what is behind a write_transport.
//
// Its bytes go through a writer_core, as a stream_writer's do; where that one
// has drain() and wait_closed(), here the protocol is told.
#pragma once

#include "async/read_transport_core.hpp"
#include "async/writer_core.hpp"

#include <brood/protocol.hpp>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace brood::detail {

class write_transport_core final
    : public live_transport,
      public std::enable_shared_from_this<write_transport_core> {
public:
    write_transport_core(std::shared_ptr<writer_core> to,
                         std::shared_ptr<write_protocol> who,
                         transport_owner owner);

    // Keeps itself on its context until the connection is lost.
    void stay() { live_transport::stay(io_, shared_from_this()); }
    // Calls connection_made(), and watches for the end. On the executor.
    void begin();

    bool write(std::string_view bytes);
    // Only a child's terminal can not.
    bool can_write_eof() const noexcept
    {
        return owner_ == transport_owner::program || writer_->can_end();
    }
    void write_eof();
    const writer_core& writer() const noexcept { return *writer_; }
    void set_limits(std::optional<std::size_t> high,
                    std::optional<std::size_t> low);
    void close();
    void abort();
    bool is_closing() const noexcept
    {
        return !protocol_ || writer_->is_closing();
    }
    const std::shared_ptr<write_protocol>& protocol() const noexcept
    {
        return protocol_;
    }
    void set_protocol(std::shared_ptr<write_protocol> successor) noexcept
    {
        if (protocol_)
            protocol_ = std::move(successor);
    }
    transport_owner owner() const noexcept { return owner_; }

    void abandon() noexcept override;

private:
    void watch();
    void pause_if_full();
    void await_room();
    void drained(error_code ec);
    void lose(error_code why);

    executor io_;
    std::shared_ptr<writer_core> writer_;
    std::shared_ptr<write_protocol> protocol_;  // null: lost
    transport_owner owner_;
    bool begun_ = false;
    bool paused_ = false;
};

}  // namespace brood::detail
