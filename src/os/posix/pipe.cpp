// pipe.cpp: see pipe.hpp.
#include "os/pipe.hpp"

#include "os/posix/descriptor.hpp"
#include "os/posix/system_call.hpp"
#include "os/setting.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>

namespace brood::os {

namespace {

constexpr int rwf_nosignal = 0x100;  // linux/fs.h, Linux 6.18

constexpr std::uint64_t bit_of(int signal) noexcept
{
    return std::uint64_t{1} << (signal - 1);
}

bool is_pending(std::uint64_t signals) noexcept
{
    std::uint64_t pending = 0;
    system_call(SYS_rt_sigpending, &pending, sizeof pending);
    return pending & signals;
}

// The signal that comes with `error` of our own call is held back in this
// thread and taken away. One that was pending before stays.
template <class Call>
long with_blocked(int signal, int error, Call call) noexcept
{
    const std::uint64_t bit = bit_of(signal);
    std::uint64_t before = 0;
    system_call(SYS_rt_sigprocmask, SIG_BLOCK, &bit, &before, sizeof before);
    const bool was_pending = is_pending(bit);
    const long result = call();
    if (result == -error && !was_pending) {
        const long no_time[2] = {0, 0};
        while (system_call(SYS_rt_sigtimedwait, &bit, nullptr, no_time,
                           sizeof bit) == -EINTR) {
        }
    }
    system_call(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr,
                sizeof before);
    return result;
}

long write_with_blocked(int signal, int error, int number, const void* data,
                        std::size_t size) noexcept
{
    return with_blocked(signal, error, [=] {
        return system_call(SYS_write, number, data, size);
    });
}

// Which of `events` have come already, and what poll(2) tells unasked; also
// all of them, where it cannot tell.
int ready_events(int number, short events) noexcept
{
    pollfd asked{number, events, 0};
    const std::uint64_t no_time[2] = {0, 0};
    const long result = system_call(SYS_ppoll, &asked, 1, no_time, nullptr, 0);
    return result < 0 ? events : asked.revents;
}

// BROOD_WRITE=block, read once, takes the older way on any kernel.
std::atomic<bool>& kernel_can_write_quietly() noexcept
{
    static std::atomic<bool> can{setting("BROOD_WRITE") != "block"};
    return can;
}

}  // namespace

long write_quietly(int number, const void* data, std::size_t size) noexcept
{
    auto& can = kernel_can_write_quietly();
    if (can) {
        const iovec piece{const_cast<void*>(data), size};
        // Offset -1: the current position, which a pipe does not have.
        const long result =
            system_call(SYS_pwritev2, number, &piece, 1, -1, -1, rwf_nosignal);
        // EOPNOTSUPP or EINVAL: an unknown flag, or (an eventfd) a descriptor
        // that takes none.
        if (result != -EOPNOTSUPP && result != -ENOSYS && result != -EINVAL)
            return result;
        if (result == -ENOSYS || is_pipe(number))
            can = false;
    }
    return write_with_blocked(SIGPIPE, EPIPE, number, data, size);
}

long write_file_quietly(int number, const void* data, std::size_t size) noexcept
{
    return write_with_blocked(SIGXFSZ, EFBIG, number, data, size);
}

long write_without_waiting(int number, const void* data,
                           std::size_t size) noexcept
{
    if (ready_events(number, POLLOUT) == 0)
        return -EAGAIN;
    // A pipe that is ready has room for so many (pipe(7), PIPE_BUF).
    constexpr std::size_t surely_fits = 4096;
    return write_quietly(number, data, std::min(size, surely_fits));
}

long move_quietly(int from, int to, std::size_t bytes) noexcept
{
    return with_blocked(SIGPIPE, EPIPE, [=] {
        long result = 0;
        do
            result = system_call(SYS_splice, from, nullptr, to, nullptr, bytes,
                                 SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        while (result == -EINTR);
        return result;
    });
}

bool is_readable(int number) noexcept
{
    return ready_events(number, POLLIN) != 0;
}

bool has_ended(int number) noexcept
{
    return (ready_events(number, POLLIN) & (POLLIN | POLLHUP)) == POLLHUP;
}

long read_some(int number, void* data, std::size_t size) noexcept
{
    long result = 0;
    do
        result = system_call(SYS_read, number, data, size);
    while (result == -EINTR);
    return result;
}

}  // namespace brood::os
