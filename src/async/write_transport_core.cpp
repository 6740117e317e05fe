// write_transport_core.cpp: see write_transport_core.hpp.
#include "async/write_transport_core.hpp"

#include "async/call_then.hpp"

#include <brood/transport.hpp>

#include BROOD_ASIO_HEADER(post.hpp)

#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace brood::detail {

write_transport_core::write_transport_core(std::shared_ptr<writer_core> to,
                                           std::shared_ptr<write_protocol> who,
                                           transport_owner owner)
    : io_(to->get_executor()), writer_(std::move(to)),
      protocol_(std::move(who)), owner_(owner)
{
}

void write_transport_core::begin()
{
    const auto to = protocol_;
    if (!to)  // abandoned
        return;
    call_then([&] { to->connection_made(write_transport(shared_from_this())); },
              [this] { watch(); });
}

void write_transport_core::watch()
{
    begun_ = true;
    writer_->start_wait_closed(
        {[self = shared_from_this()](error_code ec) { self->lose(ec); }, io_});
    writer_->close_when_hung_up();
    // What connection_made() has written; in a turn of its own (call_then).
    asio::post(io_, [self = shared_from_this()] { self->pause_if_full(); });
}

bool write_transport_core::write(std::string_view bytes)
{
    if (is_closing())
        return false;
    const bool is_taken = writer_->write(bytes);
    pause_if_full();
    return is_taken;
}

// Not before connection_made(), which is told first.
void write_transport_core::pause_if_full()
{
    if (!begun_ || paused_ || is_closing() ||
        writer_->waiting() <= writer_->high_water())
        return;
    await_room();
    const auto to = protocol_;
    to->pause_writing();
}

void write_transport_core::await_room()
{
    paused_ = true;
    writer_->start_drain(
        {[self = shared_from_this()](error_code ec) { self->drained(ec); },
         io_});
}

void write_transport_core::drained(error_code ec)
{
    paused_ = false;
    if (ec || is_closing())  // connection_lost() says it
        return;
    // More was written meanwhile.
    if (writer_->waiting() > writer_->high_water())
        return await_room();
    const auto to = protocol_;
    to->resume_writing();
}

void write_transport_core::write_eof()
{
    if (!can_write_eof())
        throw std::logic_error(
            "brood: a terminal has no half close; write() the character that "
            "ends the input, normally \"\\x04\", at the start of a line");
    if (!is_closing())
        writer_->close_and_shut_down();
}

void write_transport_core::set_limits(std::optional<std::size_t> high,
                                      std::optional<std::size_t> low)
{
    constexpr std::size_t usual = std::size_t{64} * 1024;
    constexpr auto most = std::numeric_limits<std::size_t>::max();
    if (!high)
        high = low ? *low > most / 4 ? most : 4 * *low : usual;
    if (!low)
        low = *high / 4;
    if (*low > *high)
        throw std::invalid_argument(
            "brood: set_write_buffer_limits: the low mark (" +
            std::to_string(*low) + ") must not be above the high one (" +
            std::to_string(*high) + ")");
    writer_->set_water_marks(*high, *low);
    pause_if_full();
}

void write_transport_core::close()
{
    if (!is_closing())
        writer_->close();
}

void write_transport_core::abort()
{
    if (protocol_)
        writer_->abort();
}

void write_transport_core::lose(error_code why)
{
    const auto to = std::exchange(protocol_, nullptr);
    if (!to)
        return;
    const auto self = shared_from_this();
    leave();
    // A handle may outlive the context, which knows this one no longer.
    writer_->abandon();
    io_ = executor();
    to->connection_lost(why);
}

void write_transport_core::abandon() noexcept
{
    writer_->abandon();
    io_ = executor();
    const auto last = std::exchange(protocol_, nullptr);
}

}  // namespace brood::detail
