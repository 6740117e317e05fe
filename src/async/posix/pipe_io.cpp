// pipe_io.cpp: see pipe_io.hpp.
#include "async/posix/pipe_io.hpp"

#include <algorithm>

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

pipe_source::pipe_source(const executor& io, os::descriptor end)
    : io_(watch(io, std::move(end)))
{
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

pipe_sink::pipe_sink(const executor& io, os::descriptor end)
    : io_(watch(io, std::move(end)))
{
}

void pipe_sink::cancel() noexcept
{
    error_code ignored;
    io_.cancel(ignored);
}

}  // namespace brood::detail
