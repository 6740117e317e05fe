// pipe_io.cpp: see pipe_io.hpp.
#include "async/posix/pipe_io.hpp"

#include "os/pty.hpp"

#include BROOD_ASIO_HEADER(error.hpp)

#include <algorithm>
#include <cerrno>

namespace brood::detail {

namespace {

asio::posix::stream_descriptor watch(const executor& io, os::channel& end)
{
    asio::posix::stream_descriptor watched(io);
    // assign() marks the descriptor as one that may have duplicates, so that
    // closing it takes it out of epoll first. A child that has not yet called
    // exec holds a copy, which would keep a stale registration alive.
    error_code ec;
    watched.assign(end.fd.number(), ec);
    if (ec == error_code(EEXIST, asio::error::get_system_category())) {
        // This loop watches it for somebody else, whose it is.
        const int theirs = end.fd.release();
        auto copy = os::duplicate(theirs);
        if (copy.error)
            throw system_error(
                error_code(copy.error, asio::error::get_system_category()));
        end.fd = std::move(copy.fd);
        watched.assign(end.fd.number(), ec);
    }
    if (ec)
        throw system_error(ec);
    const int number = end.fd.release();
    if (end.kind.manner == os::io_manner::not_needed)
        return watched;
    if (end.kind.manner == os::io_manner::nonblocking) {
        watched.native_non_blocking(true);
        return watched;
    }
    const auto lock = os::lock_status_flags();
    const long flags = os::status_flags(number);
    watched.native_non_blocking(true);
    // Asio now takes it for non-blocking, and will not make it so again.
    os::set_status_flags(number, flags);
    return watched;
}

}  // namespace

pipe_source::pipe_source(const executor& io, os::channel end)
    : io_(watch(io, end)), kind_(end.kind), growth_(kind_.may_grow)
{
    if (kind_.manner != os::io_manner::nonblocking || kind_.waits_first)
        alive_ = std::make_shared<char>();
}

error_code pipe_source::as_end_of_file(os::channel_kind kind,
                                       error_code ec) noexcept
{
    // The kernel gives all that was written before it.
    const error_code gone(EIO, asio::error::get_system_category());
    if (kind.is_terminal && ec == gone)
        return asio::error::eof;
    return ec;
}

error_code pipe_source::outcome(long result) noexcept
{
    if (result == 0)
        return asio::error::eof;
    if (result > 0)
        return {};
    return {static_cast<int>(-result), asio::error::get_system_category()};
}

long pipe_source::read_now(void* data, std::size_t size) noexcept
{
    return os::read_channel(io_.native_handle(), kind_, data, size);
}

std::size_t pipe_source::capacity() noexcept
{
    constexpr std::size_t usual = 64 * 1024;  // pipe(7)
    return std::max(os::pipe_capacity(io_.native_handle()), usual);
}

bool pipe_source::can_move_to(pipe_sink& to) noexcept
{
    const auto fits = [](const os::channel_kind& kind, int number) {
        return kind.manner == os::io_manner::nonblocking && !kind.waits_first &&
               os::is_pipe(number);
    };
    return fits(kind_, io_.native_handle()) &&
           fits(to.kind_, to.io_.native_handle());
}

long pipe_source::move(pipe_sink& to) noexcept
{
    constexpr std::size_t most = core::pipe_heat::largest;
    const long moved =
        os::move_quietly(io_.native_handle(), to.io_.native_handle(), most);
    if (moved > 0) {
        const auto bytes = static_cast<std::size_t>(moved);
        note(bytes, most);
        to.growth_.moved(to.io_.native_handle(), bytes, most);
    }
    return moved;
}

bool pipe_source::is_readable() noexcept
{
    return os::is_readable(io_.native_handle());
}

bool pipe_source::has_ended() noexcept
{
    return os::has_ended(io_.native_handle());
}

void pipe_source::cancel() noexcept
{
    ++cancels_;
    error_code ignored;
    io_.cancel(ignored);
}

pipe_sink::pipe_sink(const executor& io, os::channel end)
    : io_(watch(io, end)), kind_(end.kind), growth_(kind_.may_grow)
{
}

long pipe_sink::write_now(const void* data, std::size_t size) noexcept
{
    const long written =
        os::write_channel(io_.native_handle(), kind_, data, size);
    if (written > 0) {
        // What the pipe has taken whole says nothing of what is in it; what it
        // has cut short has filled it.
        const auto bytes = static_cast<std::size_t>(written);
        growth_.moved(io_.native_handle(), bytes,
                      bytes < size ? bytes : size + 1);
    }
    return written;
}

std::string pipe_sink::end_of_input(bool line_begun)
{
    if (!kind_.is_terminal)
        return {};
    const int character = os::end_of_input_character(io_.native_handle());
    if (character < 0)
        return {};
    // It only hands over what stands in the line; a read that gets nothing
    // is the end. So behind the beginning of a line it takes two.
    return std::string(line_begun ? 2 : 1, static_cast<char>(character));
}

int pipe_sink::hang_up() noexcept
{
    return os::hang_up(io_.native_handle(), kind_);
}

void pipe_sink::shut_down() noexcept
{
    os::shut_down_writing(io_.native_handle());
}

void pipe_sink::cancel() noexcept
{
    error_code ignored;
    io_.cancel(ignored);
}

}  // namespace brood::detail
