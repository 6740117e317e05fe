// reader_core.hpp: what is behind a stream_reader.
//
// Shared by the reader and by whatever operation is under way, so that a
// handle may move or go while a read waits. One read at a time.
#pragma once

#include "async/posix/pipe_io.hpp"
#include "core/read_buffer.hpp"

#include <brood/detail/any_handler.hpp>

#include BROOD_ASIO_HEADER(buffer.hpp)

#include <functional>
#include <memory>
#include <optional>

namespace brood::detail {

class writer_core;

class reader_core : public std::enable_shared_from_this<reader_core> {
public:
    // Throws system_error; `end` is closed then.
    reader_core(const executor& io, os::channel end, std::size_t limit);

    const executor& get_executor() const noexcept { return io_; }
    std::size_t limit() const noexcept { return limit_; }
    core::read_buffer& buffer() noexcept { return buffer_; }
    // True when the end has been seen; the buffer may still hold bytes.
    bool ended() const noexcept { return ended_; }

    bool is_reading() const noexcept { return buffer_.lines().is_reading; }
    // Also where it had ended before.
    bool was_closed_by_us() const noexcept { return closed_by_us_; }

    // What stops a further read: eof, an error, our own close. None: go on.
    error_code trouble() const noexcept;

    // Reads at least one byte into the buffer, or completes with trouble().
    void start_fill(any_handler<void(error_code)> handler);
    // Reads at least one byte into the caller's memory.
    void start_read_some(asio::mutable_buffer into,
                         any_handler<void(error_code, std::size_t)> handler);
    // Reads into the buffer until trouble(), and then calls `done`; never
    // inline. Stopped by cancel(), after which trouble() may be none.
    void read_to_end(std::function<void()> done);

    // Waits until there is something to read, or the end.
    void start_wait(any_handler<void(error_code)> handler);
    // Whether move_now() may be tried.
    bool can_move_to(writer_core& to) noexcept;
    // Moves what is in the pipe into `to`, unread. The count; 0: nothing is
    // there now, or never will be; or -errno, -EAGAIN: there is no room.
    long move_now(pipe_sink& to) noexcept;

    // For who reads in several steps: between them nobody else may. `closed`
    // is called, once, at a close() of ours.
    void claim(std::function<void()> closed) noexcept;
    void release() noexcept;
    // Each step is begun as if it were the only one.
    void begin_step() noexcept { set_reading(false); }
    void end_step() noexcept { set_reading(true); }

    // Takes what is in the pipe now, without waiting. Pre: no read waits.
    void read_what_is_there();

    void cancel() noexcept;
    void close() noexcept;
    // The execution context goes away; nothing may be registered with it.
    void abandon() noexcept
    {
        source_.reset();
        release();
        io_ = executor();
    }

private:
    // What a read of up to `asked` has come to.
    void note(error_code ec, std::size_t bytes, std::size_t asked) noexcept;
    error_code seen_by_reader(error_code ec) const noexcept;
    // The end has been seen. There is nothing more to come, so the descriptor
    // goes at once.
    void end() noexcept;
    void set_reading(bool now) noexcept { buffer_.lines().is_reading = now; }
    void read_on(std::function<void()> done);

    executor io_;
    std::size_t limit_;
    std::optional<pipe_source> source_;  // none: ended, or closed by us
    core::read_buffer buffer_;
    bool stopped_ = false;          // by cancel()
    std::function<void()> closed_;  // of who has claimed us
    bool ended_ = false;
    bool closed_by_us_ = false;
    error_code error_;
};

}  // namespace brood::detail
