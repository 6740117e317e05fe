// stream_writer.cpp: the asyncio face of a writer_core.
#include "async/initiate.hpp"
#include "async/writer_core.hpp"

#include <brood/stream_writer.hpp>

#include <stdexcept>
#include <utility>

namespace brood {

using detail::writer_core;
using core_ptr = std::shared_ptr<writer_core>;

namespace {

using start_function =
    void (writer_core::*)(detail::any_handler<void(error_code)>);

// No coroutine: its frame would keep the core, which keeps it while it waits.
awaitable<void> await(core_ptr core, start_function start)
{
    return detail::initiate<void(error_code)>(std::move(core), start,
                                              use_awaitable);
}

}  // namespace

stream_writer::stream_writer(core_ptr core) noexcept : core_(std::move(core)) {}
stream_writer::stream_writer(stream_writer&&) noexcept = default;
stream_writer& stream_writer::operator=(stream_writer&&) noexcept = default;
stream_writer::~stream_writer() = default;

executor stream_writer::get_executor() const noexcept
{
    return core_->get_executor();
}
bool stream_writer::write(std::string_view bytes)
{
    return core_->write(bytes);
}
awaitable<void> stream_writer::drain()
{
    return await(core_, &writer_core::start_drain);
}
void stream_writer::close()
{
    core_->close();
}
void stream_writer::write_eof()
{
    if (!can_write_eof())
        throw std::logic_error(
            "brood: a terminal has no half close; write() the character that "
            "ends the input, normally \"\\x04\", at the start of a line");
    core_->close();
}
bool stream_writer::can_write_eof() const noexcept
{
    return core_->can_end();
}
bool stream_writer::is_closing() const noexcept
{
    return core_->is_closing();
}
awaitable<void> stream_writer::wait_closed()
{
    return await(core_, &writer_core::start_wait_closed);
}
void stream_writer::start_drain(core_ptr core, wait_handler handler)
{
    core->start_drain(std::move(handler));
}
void stream_writer::start_wait_closed(core_ptr core, wait_handler handler)
{
    core->start_wait_closed(std::move(handler));
}
void stream_writer::start_write_some(core_ptr core, asio::const_buffer from,
                                     size_handler handler)
{
    core->start_write_some(from, std::move(handler));
}

}  // namespace brood
