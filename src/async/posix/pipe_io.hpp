// pipe_io.hpp: our end of a child's pipe, in the reactor.
//
// The only file of the streams that knows how this platform does I/O. An end
// is registered before the child exists, so that a failure leaves no child.
#pragma once

#include "os/pipe.hpp"
#include "os/posix/descriptor.hpp"
#include "os/pty.hpp"

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(buffer.hpp)
#include BROOD_ASIO_HEADER(posix/stream_descriptor.hpp)

#include <string>
#include <utility>

namespace brood::detail {

// What an end is an end of. A terminal's has no half close, and where the
// child's side is gone it reads EIO, which is its end of file.
enum class end_kind { pipe, terminal };

// The end that we read.
class pipe_source {
public:
    // Throws system_error; `end` is closed then.
    pipe_source(const executor& io, os::descriptor end, end_kind kind);

    // handler(error_code, size_t); never inline. Cancelling loses nothing.
    template <class Handler>
    void async_read(void* data, std::size_t size, Handler handler)
    {
        io_.async_read_some(asio::buffer(data, size),
                            [kind = kind_, handler = std::move(handler)](
                                error_code ec, std::size_t bytes) mutable {
                                handler(as_end_of_file(kind, ec), bytes);
                            });
    }
    // The count (0: end of file), or -errno.
    long read_now(void* data, std::size_t size) noexcept;
    // What a pipe can hold at the most.
    std::size_t capacity() noexcept;
    void cancel() noexcept;

private:
    static error_code as_end_of_file(end_kind kind, error_code ec) noexcept;

    asio::posix::stream_descriptor io_;
    end_kind kind_;
};

// The end that we write.
class pipe_sink {
public:
    pipe_sink(const executor& io, os::descriptor end, end_kind kind);

    end_kind kind() const noexcept { return kind_; }
    // The count, or -errno; raises no SIGPIPE.
    long write_now(const void* data, std::size_t size) noexcept;
    // What to type so that a child that reads lines sees the end of its
    // input; empty for a pipe, and where nothing would do that.
    std::string end_of_input(bool line_begun);
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
    end_kind kind_;
};

}  // namespace brood::detail
