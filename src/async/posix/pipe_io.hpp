// pipe_io.hpp: our end of a child's pipe, in the reactor.
//
// The only file of the streams that knows how this platform does I/O. An end
// is registered before the child exists, so that a failure leaves no child.
#pragma once

#include "os/pipe.hpp"
#include "os/posix/descriptor.hpp"

#include <brood/asio.hpp>

#include <asio/buffer.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <utility>

namespace brood::detail {

// The end that we read.
class pipe_source {
public:
    // Throws system_error; `end` is closed then.
    pipe_source(const executor& io, os::descriptor end);

    // handler(error_code, size_t); never inline. Cancelling loses nothing.
    template <class Handler>
    void async_read(void* data, std::size_t size, Handler handler)
    {
        io_.async_read_some(asio::buffer(data, size), std::move(handler));
    }
    // The count (0: end of file), or -errno.
    long read_now(void* data, std::size_t size) noexcept
    {
        return os::read_some(io_.native_handle(), data, size);
    }
    // What a pipe can hold at the most.
    std::size_t capacity() noexcept;
    void cancel() noexcept;

private:
    asio::posix::stream_descriptor io_;
};

// The end that we write.
class pipe_sink {
public:
    pipe_sink(const executor& io, os::descriptor end);

    // The count, or -errno; raises no SIGPIPE.
    long write_now(const void* data, std::size_t size) noexcept
    {
        return os::write_quietly(io_.native_handle(), data, size);
    }
    // handler(error_code) once a write may succeed, or the reader is gone.
    template <class Handler>
    void async_wait_writable(Handler handler)
    {
        io_.async_wait(asio::posix::stream_descriptor::wait_write,
                       std::move(handler));
    }
    void cancel() noexcept;

private:
    asio::posix::stream_descriptor io_;
};

}  // namespace brood::detail
