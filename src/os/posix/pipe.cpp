// pipe.cpp: see pipe.hpp.
#include "os/pipe.hpp"

#include "os/posix/system_call.hpp"
#include "os/setting.hpp"

#include <poll.h>
#include <sys/uio.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>

namespace brood::os {

namespace {

constexpr int rwf_nosignal = 0x100;  // linux/fs.h, Linux 6.18

constexpr std::uint64_t sigpipe_bit = std::uint64_t{1} << (SIGPIPE - 1);

bool sigpipe_is_pending() noexcept
{
    std::uint64_t pending = 0;
    system_call(SYS_rt_sigpending, &pending, sizeof pending);
    return pending & sigpipe_bit;
}

// For kernels without RWF_NOSIGNAL: the signal of our own write is held
// back in this thread and taken away. One that was pending before stays.
long write_with_sigpipe_blocked(int number, const void* data,
                                std::size_t size) noexcept
{
    std::uint64_t before = 0;
    system_call(SYS_rt_sigprocmask, SIG_BLOCK, &sigpipe_bit, &before,
                sizeof before);
    const bool was_pending = sigpipe_is_pending();
    const long result = system_call(SYS_write, number, data, size);
    if (result == -EPIPE && !was_pending) {
        const long no_time[2] = {0, 0};
        while (system_call(SYS_rt_sigtimedwait, &sigpipe_bit, nullptr, no_time,
                           sizeof sigpipe_bit) == -EINTR) {
        }
    }
    system_call(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr,
                sizeof before);
    return result;
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
        // EOPNOTSUPP: an unknown flag; ENOSYS: before Linux 4.6.
        if (result != -EOPNOTSUPP && result != -ENOSYS && result != -EINVAL)
            return result;
        can = false;
    }
    return write_with_sigpipe_blocked(number, data, size);
}

long write_without_waiting(int number, const void* data,
                           std::size_t size) noexcept
{
    pollfd asked{number, POLLOUT, 0};
    const std::uint64_t no_time[2] = {0, 0};
    const long ready = system_call(SYS_ppoll, &asked, 1, no_time, nullptr, 0);
    if (ready == 0)
        return -EAGAIN;
    // A pipe that is ready has room for so many (pipe(7), PIPE_BUF).
    constexpr std::size_t surely_fits = 4096;
    return write_quietly(number, data, std::min(size, surely_fits));
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
