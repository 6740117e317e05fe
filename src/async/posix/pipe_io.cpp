// pipe_io.cpp: see pipe_io.hpp.
#include "async/posix/pipe_io.hpp"

#include BROOD_ASIO_HEADER(error.hpp)

#include <algorithm>
#include <cerrno>

namespace brood::detail {

namespace {

asio::posix::stream_descriptor watch(const executor& io, os::descriptor end)
{
    asio::posix::stream_descriptor watched(io);
    // assign() marks the descriptor as one that may have duplicates, so that
    // closing it takes it out of epoll first. A child that has not yet called
    // exec holds a copy, which would keep a stale registration alive.
    watched.assign(end.number());
    end.release();
    watched.native_non_blocking(true);
    return watched;
}

}  // namespace

pipe_source::pipe_source(const executor& io, os::descriptor end, end_kind kind)
    : io_(watch(io, std::move(end))), kind_(kind)
{
}

error_code pipe_source::as_end_of_file(end_kind kind, error_code ec) noexcept
{
    // The kernel gives all that was written before it.
    const error_code gone(EIO, asio::error::get_system_category());
    if (kind == end_kind::terminal && ec == gone)
        return asio::error::eof;
    return ec;
}

long pipe_source::read_now(void* data, std::size_t size) noexcept
{
    const long result = os::read_some(io_.native_handle(), data, size);
    return kind_ == end_kind::terminal && result == -EIO ? 0 : result;
}

std::size_t pipe_source::capacity() noexcept
{
    constexpr std::size_t usual = 64 * 1024;  // pipe(7)
    return std::max(os::pipe_capacity(io_.native_handle()), usual);
}

void pipe_source::cancel() noexcept
{
    error_code ignored;
    io_.cancel(ignored);
}

pipe_sink::pipe_sink(const executor& io, os::descriptor end, end_kind kind)
    : io_(watch(io, std::move(end))), kind_(kind)
{
}

long pipe_sink::write_now(const void* data, std::size_t size) noexcept
{
    const int number = io_.native_handle();
    return kind_ == end_kind::terminal ? os::type(number, data, size)
                                       : os::write_quietly(number, data, size);
}

std::string pipe_sink::end_of_input(bool line_begun)
{
    if (kind_ == end_kind::pipe)
        return {};
    const int character = os::end_of_input_character(io_.native_handle());
    if (character < 0)
        return {};
    // It only hands over what stands in the line; a read that gets nothing
    // is the end. So behind the beginning of a line it takes two.
    return std::string(line_begun ? 2 : 1, static_cast<char>(character));
}

void pipe_sink::cancel() noexcept
{
    error_code ignored;
    io_.cancel(ignored);
}

}  // namespace brood::detail
