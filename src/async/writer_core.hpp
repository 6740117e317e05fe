// writer_core.hpp: what is behind a stream_writer.
//
// Shared by the writer and by whatever operation is under way. Bytes go out
// in the order in which they came, whether through write() or through
// async_write_some. The first error is kept and reported by every later
// drain.
#pragma once

#include "async/posix/pipe_io.hpp"

#include <brood/detail/any_handler.hpp>

#include BROOD_ASIO_HEADER(buffer.hpp)

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace brood::detail {

class writer_core : public std::enable_shared_from_this<writer_core> {
public:
    using done_handler = any_handler<void(error_code)>;
    using size_handler = any_handler<void(error_code, std::size_t)>;

    // Throws system_error; `end` is closed then.
    writer_core(const executor& io, os::channel end);
    writer_core(const writer_core&) = delete;
    writer_core& operator=(const writer_core&) = delete;
    ~writer_core();

    const executor& get_executor() const noexcept { return io_; }
    bool is_closing() const noexcept { return closing_ || error_; }
    bool was_closed_by_us() const noexcept { return closing_; }
    // An async_write_some waits, or somebody has claimed us.
    bool is_writing() const noexcept { return direct_ || closed_; }
    // False for a terminal, which has no half close.
    bool can_end() const noexcept { return can_end_; }
    // What write() has kept so far.
    std::size_t waiting() const noexcept { return pending_.size() - sent_; }
    // A drain waits above the high mark until the low one.
    void set_water_marks(std::size_t high, std::size_t low) noexcept
    {
        high_water_ = high;
        low_water_ = low;
    }
    std::size_t high_water() const noexcept { return high_water_; }
    std::size_t low_water() const noexcept { return low_water_; }

    // Writes at once what the pipe takes and keeps the rest. False: nobody
    // reads any more, the bytes were dropped.
    bool write(std::string_view bytes);
    // Completes when little enough waits to be written.
    void start_drain(done_handler handler);
    // Writes at least one byte of the caller's memory.
    void start_write_some(asio::const_buffer from, size_handler handler);
    // Whether what is in `from` can be moved into our pipe.
    bool can_be_moved_to(pipe_source& from) noexcept;
    // Calls `move` until it does not say -EAGAIN, each time that there is room
    // and what came before is written. Completes with the count.
    using move = std::function<long(pipe_sink&)>;
    void start_move(move what, size_handler handler);
    // For who writes in several steps: nobody else may start a move or an
    // async_write_some meanwhile. `closed` is called, once, when nothing can
    // be written any more.
    void claim(std::function<void()> closed) noexcept;
    void release() noexcept { closed_ = nullptr; }
    // What stops a further write: an error, or that it is closed.
    error_code trouble() const noexcept;
    // Closes once everything has been written.
    void close();
    // The same, but lets a child with a terminal see the end of its input.
    void end_input();
    void start_wait_closed(done_handler handler);
    // The same, and the other side of a socket sees it whoever else has the
    // socket open.
    void close_and_shut_down();
    // Closes at once; what is unsent is lost.
    void abort();
    // From now on it closes itself when its reader is gone, without waiting
    // for a write to fail; an error only if something was still unsent.
    void close_when_hung_up();

    // The process is done with: what is unsent is lost, unless somebody
    // waits for it; then it is closed once all has been sent.
    void let_go() noexcept;
    // The execution context goes away; nothing may be registered with it.
    void abandon() noexcept;

private:
    using handlers = std::list<done_handler>;

    struct direct_write {
        asio::const_buffer from;
        size_handler done;
        move instead;            // of writing what is in `from`
        std::size_t behind = 0;  // so many pending bytes came before it
    };

    long write_now(const void* data, std::size_t size) noexcept;
    void flush();
    void flush_pending(std::size_t bytes);
    void flush_direct();
    void start_direct(direct_write write);
    void tell_closed();
    void cancel_direct();
    void wait_writable();
    void fail(int error);
    void finish_close();
    void enlist(handlers& list, done_handler handler);
    void complete_all(handlers& list, error_code ec);

    executor io_;
    bool can_end_;
    std::size_t high_water_ = std::size_t{64} * 1024;  // asyncio's marks
    std::size_t low_water_ = std::size_t{16} * 1024;
    std::optional<pipe_sink> sink_;
    std::string pending_;  // [sent_, end) is still to be written
    std::size_t sent_ = 0;
    bool line_begun_ = false;  // the last byte was no newline
    bool closing_ = false;
    bool shuts_down_ = false;
    bool waiting_for_room_ = false;
    error_code error_;
    handlers drains_;
    handlers closes_;
    std::optional<direct_write> direct_;
    std::function<void()> closed_;  // of who has claimed us
};

}  // namespace brood::detail
