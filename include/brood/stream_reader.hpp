// stream_reader.hpp: the bytes that a child writes, as we read them.
//
// Pull only: nothing is read from the pipe until someone asks, so a slow
// reader slows the child down instead of filling memory.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/any_handler.hpp>
#include <brood/detail/line_window.hpp>
#include <brood/detail/text_argument.hpp>
#include <brood/errors.hpp>
#include <brood/export.hpp>

#include BROOD_ASIO_HEADER(async_result.hpp)
#include BROOD_ASIO_HEADER(buffer.hpp)

#include <cstddef>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace brood {

namespace detail {
class copying;
class reader_core;
}  // namespace detail

/// The lines that a stream_reader has read already, each taken when the range
/// comes to it: what a loop that ends early has not seen is still there.
///
/// Ends where there is no whole line, at one over the limit, and while a read
/// of the stream is under way.
///
/// Lifetime: that of its stream_reader's process. A line is good until the
///           next one, or another call on the reader.
class buffered_lines {
public:
    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;

        iterator(detail::line_window* from, std::size_t limit) noexcept
            : from_(from), limit_(limit)
        {
            step();
        }
        /// With its newline.
        std::string_view operator*() const noexcept { return line_; }
        iterator& operator++() noexcept
        {
            step();
            return *this;
        }
        void operator++(int) noexcept { ++*this; }
        bool operator==(std::default_sentinel_t) const noexcept
        {
            return line_.data() == nullptr;
        }

    private:
        // With the place in registers; the window says when that is no more
        // the place, because somebody else has taken or read something.
        void step() noexcept
        {
            if (next_ == from_->data + from_->begin &&
                end_ == from_->data + from_->end && next_ != end_ &&
                !from_->is_reading) {
                const auto left = static_cast<std::size_t>(end_ - next_);
                const auto* const newline =
                    static_cast<const char*>(std::memchr(next_, '\n', left));
                const auto size =
                    newline ? static_cast<std::size_t>(newline - next_) : left;
                if (newline && size <= limit_) {
                    line_ = {next_, size + 1};
                    next_ = newline + 1;
                    from_->begin += size + 1;
                    return;
                }
            }
            line_ = from_->take_line(limit_);
            next_ = from_->data + from_->begin;
            end_ = from_->data + from_->end;
        }

        detail::line_window* from_;
        std::size_t limit_;
        std::string_view line_;
        const char* next_ = nullptr;
        const char* end_ = nullptr;
    };

    buffered_lines(detail::line_window& from, std::size_t limit) noexcept
        : from_(&from), limit_(limit)
    {
    }
    iterator begin() const noexcept { return {from_, limit_}; }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    detail::line_window* from_;
    std::size_t limit_;
};

/// Reads one of a child's output streams.
///
/// One read at a time. A cancelled read loses nothing: what it had is given
/// to the next one. What was read before an error is given out before the
/// error.
///
/// Threads:  distinct objects: safe. One object: one strand.
/// Lifetime: lives in its process; the awaitables keep what they need, also
///           when the process is moved or dropped meanwhile.
/// Limits:   the buffer holds the limit plus one read at the most, except
///           for read() to the end and readexactly(), which hold what they
///           return.
/// See:      asyncio.StreamReader
class BROOD_API stream_reader {
public:
    using executor_type = executor;

    explicit stream_reader(std::shared_ptr<detail::reader_core> core) noexcept;
    stream_reader(stream_reader&&) noexcept;
    stream_reader& operator=(stream_reader&&) noexcept;
    ~stream_reader();

    executor_type get_executor() const noexcept;

    /// Everything up to the end of the stream.
    ///
    /// Cancellation: what was read stays for the next read.
    [[nodiscard]] awaitable<std::string> read();
    /// At least one byte and at most `bytes`; empty only at the end.
    [[nodiscard]] awaitable<std::string> read(std::size_t bytes);
    /// Exactly `bytes` bytes.
    ///
    /// Errors: incomplete_read_error, with what was there, at the end.
    [[nodiscard]] awaitable<std::string> readexactly(std::size_t bytes);
    /// The next line with its newline; at the end the rest without one, then
    /// an empty string.
    ///
    /// A line that is there already takes no turn of the loop: others have
    /// theirs when what was read is used up, after 512 KiB at the latest.
    ///
    /// Errors: limit_overrun_error when the line is longer than the limit,
    ///         its newline not counted; nothing is consumed.
    [[nodiscard]] awaitable<std::string> readline();
    /// The same with a limit for this line alone.
    [[nodiscard]] awaitable<std::string> readline(std::size_t limit);
    /// The next line, for any completion token.
    ///
    /// Completion:   void(error_code, std::string), as readline(); never
    ///               inline. errc::limit_overrun: nothing is consumed;
    ///               errc::already_reading beside another read.
    /// Cancellation: every type; nothing is lost.
    template <class Token = asio::use_awaitable_t<>>
    auto async_readline(Token&& token = Token())
    {
        return asio::async_initiate<Token, void(error_code, std::string)>(
            initiate_read_until{core_, get_executor()}, token,
            std::optional<std::string>());
    }
    /// Everything up to and with the first of the separators to end.
    ///
    /// Errors: limit_overrun_error (nothing is consumed),
    ///         incomplete_read_error at the end; std::invalid_argument for
    ///         an empty separator.
    template <class... Separators>
        requires(sizeof...(Separators) > 0)
    [[nodiscard]] awaitable<std::string>
    readuntil(const Separators&... separators)
    {
        std::vector<std::string> list;
        (list.push_back(detail::text_argument(separators).value), ...);
        return read_until(std::move(list));
    }

    /// Everything up to and with `separator`, for any completion token.
    ///
    /// Completion:   void(error_code, std::string); never inline.
    ///               errc::incomplete_read: it ended; the rest, consumed, is
    ///               here. errc::limit_overrun: nothing is consumed.
    ///               errc::already_reading beside another read;
    ///               asio::error::invalid_argument: the separator is empty.
    /// Cancellation: every type; nothing is lost.
    template <class Token = asio::use_awaitable_t<>>
    auto async_readuntil(std::string separator, Token&& token = Token())
    {
        return asio::async_initiate<Token, void(error_code, std::string)>(
            initiate_read_until{core_, get_executor()}, token,
            std::optional(std::move(separator)));
    }

    /// The next line if it is there already; never waits.
    ///
    /// The view is good until the next call on this object. Nothing: there is
    /// no whole line yet, or it is over the limit; readline() tells.
    [[nodiscard]] std::optional<std::string_view> try_readline()
    {
        const auto line = window_->take_line(limit_);
        if (line.data())
            return line;
        return try_last_line();
    }
    /// All lines that are there already: try_readline() for a `for` loop, and
    /// the quickest way to read many; never waits.
    ///
    /// Not the rest without a newline at the end: readline() gives that.
    ///
    /// Errors: std::logic_error while a read is waiting.
    [[nodiscard]] brood::buffered_lines buffered_lines();

    /// True when the end was seen and everything before it given out.
    bool at_eof() const noexcept;
    /// Closes our end: the child's next write fails. What was read is kept.
    void close() noexcept;

    /// Reads some bytes into `buffers` (the first that is not empty).
    ///
    /// Completion:   void(error_code, std::size_t); asio::error::eof at the
    ///               end, errc::already_reading beside another read.
    /// Cancellation: every type; nothing is lost.
    /// See:          Asio's AsyncReadStream.
    template <class Buffers, class Token = asio::use_awaitable_t<>>
    auto async_read_some(const Buffers& buffers, Token&& token = Token())
    {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            initiate_read_some{core_, get_executor()}, token,
            first_buffer(buffers));
    }

private:
    friend class detail::copying;

    using size_handler = detail::any_handler<void(error_code, std::size_t)>;

    struct initiate_read_some {
        using executor_type = executor;
        executor_type get_executor() const noexcept { return io; }
        template <class Handler>
        void operator()(Handler&& handler, asio::mutable_buffer into) const
        {
            start_read_some(core, into,
                            size_handler(std::forward<Handler>(handler), io));
        }
        std::shared_ptr<detail::reader_core> core;
        executor io;
    };

    using text_handler = detail::any_handler<void(error_code, std::string)>;

    struct initiate_read_until {
        using executor_type = executor;
        executor_type get_executor() const noexcept { return io; }
        template <class Handler>
        void operator()(Handler&& handler,
                        std::optional<std::string> separator) const
        {
            start_read_until(core, std::move(separator),
                             text_handler(std::forward<Handler>(handler), io));
        }
        std::shared_ptr<detail::reader_core> core;
        executor io;
    };

    // Without a separator: a line.
    static void
    start_read_until(const std::shared_ptr<detail::reader_core>& core,
                     std::optional<std::string> separator,
                     text_handler handler);
    static void
    start_read_some(const std::shared_ptr<detail::reader_core>& core,
                    asio::mutable_buffer into, size_handler handler);

    template <class Buffers>
    static asio::mutable_buffer first_buffer(const Buffers& buffers)
    {
        auto each = asio::buffer_sequence_begin(buffers);
        const auto end = asio::buffer_sequence_end(buffers);
        for (; each != end; ++each)
            if (asio::mutable_buffer(*each).size() != 0)
                return asio::mutable_buffer(*each);
        return {};
    }

    std::optional<std::string_view> try_last_line();
    awaitable<std::string> read_until(std::vector<std::string> separators);

    std::shared_ptr<detail::reader_core> core_;
    // Both the core's own; here for what is inline.
    detail::line_window* window_;
    std::size_t limit_;
};

}  // namespace brood
