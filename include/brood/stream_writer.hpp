// stream_writer.hpp: the bytes that we write and a child reads.
//
// write() never waits: what the pipe does not take at once is kept and sent
// by the loop. drain() is where a fast writer waits for a slow child.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/any_handler.hpp>
#include <brood/errors.hpp>
#include <brood/export.hpp>

#include BROOD_ASIO_HEADER(async_result.hpp)
#include BROOD_ASIO_HEADER(buffer.hpp)

#include <cstddef>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>

namespace brood {

namespace detail {
class copying;
class writer_core;
}  // namespace detail

/// Writes one of a child's input streams.
///
/// A child that stopped reading is an error here (broken_pipe), never a
/// SIGPIPE, and the process's own handling of that signal is left alone.
///
/// Threads:  distinct objects: safe. One object: one strand.
/// Lifetime: lives in its process; the awaitables keep what they need. What
///           is still unsent when the process is dropped is lost, unless one
///           of them waits for it.
/// Limits:   write() keeps whatever it is given; drain() after each write
///           keeps that below 64 KiB plus one write.
/// See:      asyncio.StreamWriter
class BROOD_API stream_writer {
public:
    using executor_type = executor;

    explicit stream_writer(std::shared_ptr<detail::writer_core> core) noexcept;
    stream_writer(stream_writer&&) noexcept;
    stream_writer& operator=(stream_writer&&) noexcept;
    ~stream_writer();

    executor_type get_executor() const noexcept;

    /// Sends `bytes`, now or as soon as the child takes them.
    ///
    /// False: nobody reads any more and the bytes were dropped; drain() and
    /// wait_closed() throw why.
    ///
    /// Errors: std::logic_error after close().
    bool write(std::string_view bytes);
    /// Writes each element of a range of strings, in order.
    template <std::ranges::input_range Range>
    bool writelines(Range&& lines)
    {
        std::string joined;
        for (auto&& line : lines)
            joined += line;
        return write(joined);
    }
    /// Waits while more than 64 KiB is still to be sent, until it is 16 KiB.
    ///
    /// Errors: system_error (broken_pipe) once nobody reads any more.
    [[nodiscard]] awaitable<void> drain();
    /// The same, for any completion token.
    ///
    /// Completion:   void(error_code); never inline.
    /// Cancellation: every type; only stops the waiting.
    template <class Token = asio::use_awaitable_t<>>
    auto async_drain(Token&& token = Token())
    {
        return asio::async_initiate<Token, void(error_code)>(
            initiate_wait{core_, get_executor(), &start_drain}, token);
    }

    /// Closes the stream once everything is sent: the child sees its end. Not
    /// on a terminal: there is nothing to be seen before it is hung up.
    void close();
    /// The same; a pipe has only one direction.
    ///
    /// Errors: std::logic_error on a terminal, which has no half close.
    void write_eof();
    /// False on a terminal. There the character "\x04" (Ctrl-D) ends the
    /// input of a child that reads lines, at the start of a line.
    bool can_write_eof() const noexcept;
    /// True after close(), and once a write has found that nobody reads any
    /// more. (Nobody looks before something is written.)
    bool is_closing() const noexcept;
    /// Waits until the stream is closed: by close(), a write that failed, or
    /// the end of its process's handle, once all is sent.
    ///
    /// Errors: system_error (broken_pipe) when something was not sent.
    [[nodiscard]] awaitable<void> wait_closed();
    /// The same, for any completion token.
    ///
    /// Completion:   void(error_code); never inline.
    /// Cancellation: every type; only stops the waiting.
    template <class Token = asio::use_awaitable_t<>>
    auto async_wait_closed(Token&& token = Token())
    {
        return asio::async_initiate<Token, void(error_code)>(
            initiate_wait{core_, get_executor(), &start_wait_closed}, token);
    }

    /// Writes some bytes of `buffers` (of the first that is not empty).
    ///
    /// Completion:   void(error_code, std::size_t); broken_pipe when nobody
    ///               reads any more, errc::stream_closed after close(),
    ///               errc::already_writing beside another one.
    /// Cancellation: every type; nothing was written then.
    /// Lifetime:     the memory must stay until completion.
    /// See:          Asio's AsyncWriteStream.
    template <class Buffers, class Token = asio::use_awaitable_t<>>
    auto async_write_some(const Buffers& buffers, Token&& token = Token())
    {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            initiate_write_some{core_, get_executor()}, token,
            first_buffer(buffers));
    }

private:
    friend class detail::copying;

    using size_handler = detail::any_handler<void(error_code, std::size_t)>;

    // These give the core away: an awaitable keeps them as long as it waits,
    // and is kept by the core.
    struct initiate_write_some {
        using executor_type = executor;
        executor_type get_executor() const noexcept { return io; }
        template <class Handler>
        void operator()(Handler&& handler, asio::const_buffer from) &&
        {
            start_write_some(std::move(core), from,
                             size_handler(std::forward<Handler>(handler), io));
        }
        std::shared_ptr<detail::writer_core> core;
        executor io;
    };

    using wait_handler = detail::any_handler<void(error_code)>;
    using start_wait = void(std::shared_ptr<detail::writer_core>, wait_handler);

    struct initiate_wait {
        using executor_type = executor;
        executor_type get_executor() const noexcept { return io; }
        template <class Handler>
        void operator()(Handler&& handler) &&
        {
            start(std::move(core),
                  wait_handler(std::forward<Handler>(handler), io));
        }
        std::shared_ptr<detail::writer_core> core;
        executor io;
        start_wait* start;
    };

    static start_wait start_drain;
    static start_wait start_wait_closed;
    static void start_write_some(std::shared_ptr<detail::writer_core> core,
                                 asio::const_buffer from, size_handler handler);

    template <class Buffers>
    static asio::const_buffer first_buffer(const Buffers& buffers)
    {
        auto each = asio::buffer_sequence_begin(buffers);
        const auto end = asio::buffer_sequence_end(buffers);
        for (; each != end; ++each)
            if (asio::const_buffer(*each).size() != 0)
                return asio::const_buffer(*each);
        return {};
    }

    std::shared_ptr<detail::writer_core> core_;
};

}  // namespace brood
