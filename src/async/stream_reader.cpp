// stream_reader.cpp: the asyncio face of a reader_core.
//
// Each awaitable is a static coroutine that holds the core, never the reader,
// and loops: take what is there, else fill. A cancellation ends the fill; the
// buffer keeps everything.
#include "async/initiate.hpp"
#include "async/reader_core.hpp"

#include <brood/stream_reader.hpp>

#include BROOD_ASIO_HEADER(redirect_error.hpp)

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace brood {

using detail::reader_core;
using core_ptr = std::shared_ptr<reader_core>;

namespace {

constexpr auto no_limit = std::numeric_limits<std::size_t>::max();

[[noreturn]] void refuse_second_read()
{
    throw std::logic_error("brood: another read of this stream is already "
                           "waiting");
}

// True: there is more in the buffer. False: the end. Throws the rest.
awaitable<bool> fill(core_ptr core)
{
    error_code ec;
    auto token = asio::redirect_error(use_awaitable, ec);
    co_await detail::initiate<void(error_code)>(core, &reader_core::start_fill,
                                                token);
    if (ec == errc::already_reading)
        refuse_second_read();
    if (ec && ec != asio::error::eof)
        throw described_error(ec, "reading from a child");
    co_return !ec;
}

// The buffer, which belongs to a read that waits: the kernel writes into it.
core::read_buffer& buffer_of(reader_core& core)
{
    if (core.is_reading())
        refuse_second_read();
    return core.buffer();
}

awaitable<std::string> read_all(core_ptr core)
{
    // Not `while (co_await ...)`: GCC 12 loses count of its suspension points
    // when a condition waits in a body that has no variable of its own, and
    // jumps into nowhere.
    bool more = true;
    while (more)
        more = co_await fill(core);
    co_return buffer_of(*core).take_all();
}

awaitable<std::string> read_some(core_ptr core, std::size_t bytes)
{
    if (bytes == 0)
        co_return std::string();
    if (buffer_of(*core).empty())
        co_await fill(core);
    co_return buffer_of(*core).take(bytes);
}

awaitable<std::string> read_exactly(core_ptr core, std::size_t bytes)
{
    while (buffer_of(*core).size() < bytes) {
        const bool more = co_await fill(core);
        if (!more)
            throw incomplete_read_error(buffer_of(*core).take_all(), bytes);
    }
    co_return buffer_of(*core).take(bytes);
}

awaitable<std::string> read_line(core_ptr core, std::size_t limit)
{
    if (limit == 0)
        throw std::invalid_argument("brood: readline(0): a line needs at "
                                    "least one byte");
    for (;;) {
        auto& buffer = buffer_of(*core);
        if (const auto found = buffer.find_newline()) {
            if (found->start > limit)
                throw limit_overrun_error(found->start, true);
            co_return buffer.take(found->end);
        }
        if (buffer.size() > limit)
            throw limit_overrun_error(buffer.size(), false);
        const bool more = co_await fill(core);
        if (!more)
            co_return buffer_of(*core).take_all();
    }
}

awaitable<std::string> read_separated(core_ptr core,
                                      std::vector<std::string> separators)
{
    std::size_t longest = 0;
    for (const auto& separator : separators) {
        if (separator.empty())
            throw std::invalid_argument("brood: readuntil(): a separator "
                                        "is empty");
        longest = std::max(longest, separator.size());
    }
    const auto limit = core->limit();
    for (;;) {
        auto& buffer = buffer_of(*core);
        if (const auto found = buffer.find(separators)) {
            if (found->start > limit)
                throw limit_overrun_error(found->start, true);
            co_return buffer.take(found->end);
        }
        // The tail may be the beginning of a separator.
        const auto surely = buffer.size() + 1;
        if (surely > longest && surely - longest > limit)
            throw limit_overrun_error(surely - longest, false);
        const bool more = co_await fill(core);
        if (!more)
            throw incomplete_read_error(buffer_of(*core).take_all(),
                                        std::nullopt);
    }
}

}  // namespace

stream_reader::stream_reader(core_ptr core) noexcept : core_(std::move(core)) {}
stream_reader::stream_reader(stream_reader&&) noexcept = default;
stream_reader& stream_reader::operator=(stream_reader&&) noexcept = default;
stream_reader::~stream_reader() = default;

executor stream_reader::get_executor() const noexcept
{
    return core_->get_executor();
}
awaitable<std::string> stream_reader::read()
{
    return read_all(core_);
}
awaitable<std::string> stream_reader::read(std::size_t bytes)
{
    return bytes == no_limit ? read_all(core_) : read_some(core_, bytes);
}
awaitable<std::string> stream_reader::readexactly(std::size_t bytes)
{
    return read_exactly(core_, bytes);
}
awaitable<std::string> stream_reader::readline()
{
    return read_line(core_, core_->limit());
}
awaitable<std::string> stream_reader::readline(std::size_t limit)
{
    return read_line(core_, limit);
}
awaitable<std::string>
stream_reader::read_until(std::vector<std::string> separators)
{
    return read_separated(core_, std::move(separators));
}

std::optional<std::string_view> stream_reader::try_readline()
{
    auto& buffer = buffer_of(*core_);
    auto bytes = buffer.size();
    if (const auto found = buffer.find_newline()) {
        if (found->start > core_->limit())
            return std::nullopt;
        bytes = found->end;
    } else if (!core_->ended() || bytes == 0 || bytes > core_->limit()) {
        return std::nullopt;
    }
    const auto line = buffer.view().substr(0, bytes);
    buffer.consume(bytes);
    return line;
}

bool stream_reader::at_eof() const noexcept
{
    return core_->ended() && core_->buffer().empty();
}

void stream_reader::close() noexcept
{
    core_->close();
}

void stream_reader::start_read_some(const core_ptr& core,
                                    asio::mutable_buffer into,
                                    size_handler handler)
{
    core->start_read_some(into, std::move(handler));
}

}  // namespace brood
