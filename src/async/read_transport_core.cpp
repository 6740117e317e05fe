// read_transport_core.cpp: see read_transport_core.hpp.
#include "async/read_transport_core.hpp"

#include "async/call_then.hpp"

#include <brood/transport.hpp>

#include BROOD_ASIO_HEADER(error.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <utility>

namespace brood::detail {

read_transport_core::read_transport_core(std::shared_ptr<reader_core> from,
                                         std::shared_ptr<read_protocol> to,
                                         transport_owner owner)
    : io_(from->get_executor()), reader_(std::move(from)),
      protocol_(std::move(to)), owner_(owner)
{
}

void read_transport_core::begin()
{
    const auto to = protocol_;
    if (!to)  // abandoned
        return;
    call_then([&] { to->connection_made(read_transport(shared_from_this())); },
              [this] {
                  begun_ = true;
                  read_on();
              });
}

void read_transport_core::read_on()
{
    if (!begun_ || busy_ || !protocol_)
        return;
    if (closing_)
        return lose_later();
    if (paused_)
        return;
    busy_ = true;
    auto done = [self = shared_from_this()](error_code ec = {}) {
        self->busy_ = false;
        self->filled(ec);
    };
    // What came while the reading was being paused is next.
    if (reader_->buffer().empty())
        reader_->start_fill({std::move(done), io_});
    else
        asio::post(io_, std::move(done));
}

void read_transport_core::filled(error_code ec)
{
    if (closing_)
        return lose({});
    if (paused_ || !protocol_)
        return;
    if (!reader_->buffer().empty())
        return deliver();
    // Paused and resumed meanwhile.
    if (!ec || ec == asio::error::operation_aborted)
        return read_on();
    if (ec != asio::error::eof)
        return lose(ec);
    const auto to = protocol_;
    busy_ = true;
    call_then([&] { to->eof_received(); }, [this] { lose_later(); });
}

void read_transport_core::deliver()
{
    const auto to = protocol_;
    const auto bytes = reader_->buffer().view();
    // The view is good until the next read, which waits until they were told.
    reader_->buffer().consume(bytes.size());
    busy_ = true;
    call_then([&] { to->data_received(bytes); },
              [this] {
                  busy_ = false;
                  read_on();
              });
}

void read_transport_core::pause()
{
    if (paused_ || is_closing())
        return;
    paused_ = true;
    if (busy_)
        reader_->cancel();
}

void read_transport_core::resume()
{
    if (paused_ && !is_closing()) {
        paused_ = false;
        read_on();
    }
}

void read_transport_core::close()
{
    if (is_closing())
        return;
    closing_ = true;
    // What still comes would be told to nobody.
    reader_->close();
    if (begun_ && !busy_)
        lose_later();
}

void read_transport_core::lose_later()
{
    asio::post(io_, [self = shared_from_this()] { self->lose({}); });
}

void read_transport_core::lose(error_code why)
{
    const auto to = std::exchange(protocol_, nullptr);
    if (!to)
        return;
    const auto self = shared_from_this();
    reader_->close();
    leave();
    to->connection_lost(why);
}

void read_transport_core::abandon() noexcept
{
    reader_->abandon();
    io_ = executor();
    const auto last = std::exchange(protocol_, nullptr);
}

}  // namespace brood::detail
