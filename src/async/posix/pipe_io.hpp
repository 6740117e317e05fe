// pipe_io.hpp: our end of a pipe, in the reactor.
//
// The only file of the streams that knows how this platform does I/O. An end
// is registered before the child exists, so that a failure leaves no child.
// An end may also be a descriptor that somebody gave us (os::make_channel).
#pragma once

#include "os/channel.hpp"
#include "os/pipe.hpp"
#include "os/pipe_growth.hpp"

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(buffer.hpp)
#include BROOD_ASIO_HEADER(error.hpp)
#include BROOD_ASIO_HEADER(posix/stream_descriptor.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

namespace brood::detail {

class pipe_sink;

// The end that we read.
class pipe_source {
public:
    // Throws system_error; `end` is closed then.
    pipe_source(const executor& io, os::channel end);

    // handler(error_code, size_t); never inline. Cancelling loses nothing.
    template <class Handler>
    void async_read(void* data, std::size_t size, Handler handler)
    {
        if (alive_)
            return read_when_ready(data, size, std::move(handler));
        io_.async_read_some(asio::buffer(data, size),
                            [kind = kind_, handler = std::move(handler)](
                                error_code ec, std::size_t bytes) mutable {
                                handler(as_end_of_file(kind, ec), bytes);
                            });
    }
    // A read of up to `asked` has given `bytes`: makes a busy pipe larger.
    void note(std::size_t bytes, std::size_t asked) noexcept
    {
        growth_.moved(io_.native_handle(), bytes, asked);
    }
    // The count (0: end of file), or -errno.
    long read_now(void* data, std::size_t size) noexcept;
    // handler(error_code) once there is something to read, or the end.
    template <class Handler>
    void async_wait_readable(Handler handler)
    {
        io_.async_wait(asio::posix::stream_descriptor::wait_read,
                       std::move(handler));
    }
    // Whether move() may be tried: both are pipes that never wait.
    bool can_move_to(pipe_sink& to) noexcept;
    // Moves what is there now, unread. The count (0: end of file), or -errno;
    // -EAGAIN: nothing is there, or there is no room.
    long move(pipe_sink& to) noexcept;
    bool is_readable() noexcept;
    // Nobody writes any more, and everything has been read.
    bool has_ended() noexcept;
    // What a pipe can hold at the most.
    std::size_t capacity() noexcept;
    void cancel() noexcept;

private:
    static error_code as_end_of_file(os::channel_kind kind,
                                     error_code ec) noexcept;
    static error_code outcome(long result) noexcept;

    // Asio's own read would leave O_NONBLOCK on the description, and try
    // before it waits.
    template <class Handler>
    void read_when_ready(void* data, std::size_t size, Handler handler)
    {
        auto read = [this, alive = std::weak_ptr<void>(alive_),
                     cancels = cancels_, data, size,
                     handler = std::move(handler)](error_code ec = {}) mutable {
            if (alive.expired())
                return handler(asio::error::operation_aborted, 0);
            if (ec)
                return handler(ec, 0);
            const long got = read_now(data, size);
            if (got == -EAGAIN && cancels != cancels_)
                return handler(asio::error::operation_aborted, 0);
            if (got == -EAGAIN)
                return read_when_ready(data, size, std::move(handler));
            handler(outcome(got), static_cast<std::size_t>(got > 0 ? got : 0));
        };
        if (kind_.manner == os::io_manner::not_needed)
            asio::post(io_.get_executor(), std::move(read));
        else
            io_.async_wait(asio::posix::stream_descriptor::wait_read,
                           std::move(read));
    }

    asio::posix::stream_descriptor io_;
    os::channel_kind kind_;
    os::pipe_growth growth_;
    // Tells a read_when_ready whether this object is still there; null where
    // there is none such.
    std::shared_ptr<void> alive_;
    unsigned cancels_ = 0;
};

// The end that we write.
class pipe_sink {
public:
    pipe_sink(const executor& io, os::channel end);

    // The count, or -errno; raises no SIGPIPE.
    long write_now(const void* data, std::size_t size) noexcept;
    // What to type so that a child that reads lines sees the end of its
    // input; empty for a pipe, and where nothing would do that.
    std::string end_of_input(bool line_begun);
    // handler(error_code) once a write may succeed, or the reader is gone.
    template <class Handler>
    void async_wait_writable(Handler handler)
    {
        // A file took only a part: what is wrong with it, the next write says.
        if (kind_.manner == os::io_manner::not_needed)
            return asio::post(io_.get_executor(),
                              [handler = std::move(handler)]() mutable {
                                  handler(error_code());
                              });
        io_.async_wait(asio::posix::stream_descriptor::wait_write,
                       std::move(handler));
    }
    // False: a file's reader cannot be gone, and a datagram's may come back.
    bool can_be_hung_up() const noexcept
    {
        return kind_.manner != os::io_manner::not_needed && !kind_.is_datagram;
    }
    // handler(error_code) when the reader may be gone: hang_up() tells.
    template <class Handler>
    void async_wait_hung_up(Handler handler)
    {
        io_.async_wait(asio::posix::stream_descriptor::wait_error,
                       std::move(handler));
    }
    // As os::hang_up.
    int hang_up() noexcept;
    void shut_down() noexcept;
    void cancel() noexcept;

private:
    friend class pipe_source;

    asio::posix::stream_descriptor io_;
    os::channel_kind kind_;
    os::pipe_growth growth_;
};

}  // namespace brood::detail
