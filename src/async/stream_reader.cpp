// stream_reader.cpp: the asyncio face of a reader_core.
//
// Each awaitable is a static coroutine that holds the core, never the reader,
// and loops: take what is there, else fill. A cancellation ends the fill; the
// buffer keeps everything.
#include "async/initiate.hpp"
#include "async/reader_core.hpp"
#include "core/unset_string.hpp"

#include <brood/stream_reader.hpp>

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
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

void throw_trouble(error_code ec)
{
    if (ec == errc::already_reading)
        refuse_second_read();
    if (ec && ec != asio::error::eof)
        throw described_error(ec, "reading from a child");
}

// Begins a read into a string.
class initiate_some {
public:
    using executor_type = executor;

    initiate_some(core_ptr core, std::string& into)
        : core_(std::move(core)), into_(asio::buffer(into))
    {
    }
    executor_type get_executor() const noexcept
    {
        return core_->get_executor();
    }
    template <class Handler>
    void operator()(Handler&& handler) const
    {
        core_->start_read_some(
            into_, {std::forward<Handler>(handler), core_->get_executor()});
    }

private:
    core_ptr core_;
    asio::mutable_buffer into_;
};

// True: there is more in the buffer. False: the end. Throws the rest.
awaitable<bool> fill(core_ptr core)
{
    error_code ec;
    auto token = asio::redirect_error(use_awaitable, ec);
    co_await detail::initiate<void(error_code)>(core, &reader_core::start_fill,
                                                token);
    throw_trouble(ec);
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

// What a full pipe has, or more, is read where the caller will have it.
constexpr std::size_t large = std::size_t{64} * 1024;
constexpr std::size_t largest = std::size_t{256} * 1024;

// The bytes of one large read. None: the end.
awaitable<std::string> read_directly(core_ptr core, std::size_t bytes)
{
    auto result = core::unset_string(std::min(bytes, largest));
    error_code ec;
    auto token = asio::redirect_error(use_awaitable, ec);
    const initiate_some begin(core, result);
    const auto got =
        co_await asio::async_initiate<decltype(token),
                                      void(error_code, std::size_t)>(begin,
                                                                     token);
    throw_trouble(ec);
    // A short answer must not carry much room along.
    if (got < result.size() / 4)
        co_return std::string(result, 0, got);
    result.resize(got);
    co_return std::move(result);
}

awaitable<std::string> read_some(core_ptr core, std::size_t bytes)
{
    if (bytes == 0)
        co_return std::string();
    if (buffer_of(*core).empty()) {
        if (bytes >= large)
            co_return co_await read_directly(std::move(core), bytes);
        co_await fill(core);
    }
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

// The next line, if all of it is there. Throws limit_overrun_error.
std::optional<std::string> take_line(core::read_buffer& buffer,
                                     std::size_t limit)
{
    if (const auto found = buffer.find_newline()) {
        if (found->start > limit)
            throw limit_overrun_error(found->start, true);
        return buffer.take(found->end);
    }
    if (buffer.size() > limit)
        throw limit_overrun_error(buffer.size(), false);
    return std::nullopt;
}

// Everything to the first separator, if that is there. Throws
// limit_overrun_error.
std::optional<std::string>
take_separated(core::read_buffer& buffer,
               const std::vector<std::string>& separators, std::size_t limit)
{
    if (const auto found = buffer.find(separators)) {
        if (found->start > limit)
            throw limit_overrun_error(found->start, true);
        return buffer.take(found->end);
    }
    // The tail may be the beginning of a separator.
    std::size_t longest = 0;
    for (const auto& separator : separators)
        longest = std::max(longest, separator.size());
    const auto surely = buffer.size() + 1;
    if (surely > longest && surely - longest > limit)
        throw limit_overrun_error(surely - longest, false);
    return std::nullopt;
}

awaitable<std::string> wait_for_line(core_ptr core, std::size_t limit)
{
    if (limit == 0)
        throw std::invalid_argument("brood: readline(0): a line needs at "
                                    "least one byte");
    for (;;) {
        auto line = take_line(buffer_of(*core), limit);
        if (line)
            co_return std::move(*line);
        const bool more = co_await fill(core);
        if (!more)
            co_return buffer_of(*core).take_all();
    }
}

// Small, for there is one for each line: a coroutine of up to 1 KB gets the
// memory of the one before it, in Asio.
awaitable<std::string> read_line(core_ptr core, std::size_t limit)
{
    std::string_view line;
    if (limit != 0)
        line = core->buffer().lines().take_line(limit);
    if (line.data())
        co_return std::string(line);
    co_return co_await wait_for_line(std::move(core), limit);
}

awaitable<std::string> read_separated(core_ptr core,
                                      std::vector<std::string> separators)
{
    for (const auto& separator : separators)
        if (separator.empty())
            throw std::invalid_argument("brood: readuntil(): a separator "
                                        "is empty");
    for (;;) {
        auto found =
            take_separated(buffer_of(*core), separators, core->limit());
        if (found)
            co_return std::move(*found);
        const bool more = co_await fill(core);
        if (!more)
            throw incomplete_read_error(buffer_of(*core).take_all(),
                                        std::nullopt);
    }
}

// async_readline() and async_readuntil(): the same without a coroutine.
class read_until_op : public std::enable_shared_from_this<read_until_op> {
public:
    using text_handler = detail::any_handler<void(error_code, std::string)>;

    // Without a separator: a line.
    read_until_op(core_ptr core, const std::optional<std::string>& separator,
                  text_handler handler)
        : core_(std::move(core)), handler_(std::move(handler))
    {
        if (separator)
            separators_.push_back(*separator);
    }

    void start()
    {
        if (!separators_.empty() && separators_.front().empty())
            return handler_.complete(asio::error::invalid_argument, {});
        handler_.on_cancel([weak = weak_from_this()] {
            const auto self = weak.lock();
            if (!self)
                return;
            self->cancelled_ = true;
            self->stop_.emit(asio::cancellation_type::all);
        });
        look();
        waited_ = true;
    }

private:
    void look()
    {
        if (core_->is_reading())
            return finish(errc::already_reading, {});
        auto& buffer = core_->buffer();
        try {
            auto found =
                separators_.empty()
                    ? take_line(buffer, core_->limit())
                    : take_separated(buffer, separators_, core_->limit());
            if (found)
                return finish({}, std::move(*found));
        } catch (const limit_overrun_error& error) {
            return finish(error.code(), {});
        }
        if (cancelled_)
            return finish(asio::error::operation_aborted, {});
        auto filled = [self = shared_from_this()](error_code ec) {
            self->filled(ec);
        };
        core_->start_fill(
            {asio::bind_cancellation_slot(stop_.slot(), std::move(filled)),
             core_->get_executor()});
    }

    void filled(error_code ec)
    {
        if (!ec)
            return look();
        if (ec != asio::error::eof)
            return finish(ec, {});
        if (!separators_.empty())
            ec = errc::incomplete_read;
        else
            ec = {};
        finish(ec, core_->buffer().take_all());
    }

    void finish(error_code ec, std::string text)
    {
        if (waited_)
            handler_.complete_in_this_turn(ec, std::move(text));
        else
            handler_.complete(ec, std::move(text));
    }

    core_ptr core_;
    std::vector<std::string> separators_;
    text_handler handler_;
    asio::cancellation_signal stop_;
    bool cancelled_ = false;
    bool waited_ = false;
};

}  // namespace

stream_reader::stream_reader(core_ptr core) noexcept
    : core_(std::move(core)), window_(&core_->buffer().lines()),
      limit_(core_->limit())
{
}
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

// There is no whole line, or it is over the limit.
std::optional<std::string_view> stream_reader::try_last_line()
{
    auto& buffer = buffer_of(*core_);
    const auto bytes = buffer.size();
    if (!core_->ended() || bytes == 0 || bytes > limit_ ||
        buffer.find_newline())
        return std::nullopt;
    const auto line = buffer.view();
    buffer.consume(bytes);
    return line;
}

buffered_lines stream_reader::buffered_lines()
{
    return {buffer_of(*core_).lines(), limit_};
}

bool stream_reader::at_eof() const noexcept
{
    return core_->ended() && core_->buffer().empty();
}

void stream_reader::close() noexcept
{
    core_->close();
}

void stream_reader::start_read_until(const core_ptr& core,
                                     std::optional<std::string> separator,
                                     text_handler handler)
{
    std::make_shared<read_until_op>(core, separator, std::move(handler))
        ->start();
}

void stream_reader::start_read_some(const core_ptr& core,
                                    asio::mutable_buffer into,
                                    size_handler handler)
{
    core->start_read_some(into, std::move(handler));
}

}  // namespace brood
