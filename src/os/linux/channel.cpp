// channel.cpp: see channel.hpp.
#include "os/channel.hpp"

#include "os/pipe.hpp"
#include "os/posix/system_call.hpp"
#include "os/pty.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include <charconv>
#include <cstring>
#include <iterator>
#include <mutex>
#include <utility>

namespace brood::os {

namespace {

bool is_terminal(int number) noexcept
{
    struct winsize unused{};
    return system_call(SYS_ioctl, number, TIOCGWINSZ, &unused) == 0;
}

bool is_master(int number) noexcept
{
    unsigned unused = 0;
    return system_call(SYS_ioctl, number, TIOCGPTN, &unused) == 0;
}

// The kernel's own answer: EPERM for what has no poll(2) of its own, and is
// always ready.
int try_epoll(int number) noexcept
{
    const long made = system_call(SYS_epoll_create1, EPOLL_CLOEXEC);
    if (made < 0)
        return static_cast<int>(-made);
    const descriptor probe(static_cast<int>(made));
    epoll_event event{};
    return static_cast<int>(-system_call(SYS_epoll_ctl, probe.number(),
                                         EPOLL_CTL_ADD, number, &event));
}

int option_of(int number, int option) noexcept
{
    int value = 0;
    socklen_t size = sizeof value;
    system_call(SYS_getsockopt, number, SOL_SOCKET, option, &value, &size);
    return value;
}

// The same pipe or terminal by a description that nobody else has. Not of a
// terminal's master: to open /dev/ptmx makes a new terminal.
opened open_again(int number, long flags) noexcept
{
    char path[32] = "/proc/self/fd/";
    // Full of zeros behind its text: what is put there is terminated.
    std::to_chars(path + std::strlen(path), std::end(path) - 1, number);
    const long kept = flags & (O_ACCMODE | O_APPEND | O_DIRECT);
    return above_standard(system_call(SYS_openat, AT_FDCWD, path,
                                      kept | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
                                      0));
}

// Does one call with O_NONBLOCK set. Others who use the description see the
// flag meanwhile.
template <class Call>
long without_waiting(int number, Call call) noexcept
{
    const auto lock = lock_status_flags();
    const long flags = status_flags(number);
    if (flags < 0 || (flags & O_NONBLOCK))
        return call();
    // FIONBIO changes this flag alone, whatever others do to the rest.
    int on = 1;
    const long set = system_call(SYS_ioctl, number, FIONBIO, &on);
    if (set < 0)
        return set;
    const long result = call();
    on = 0;
    system_call(SYS_ioctl, number, FIONBIO, &on);
    return result;
}

const char* wrong_direction(long flags, channel_use use) noexcept
{
    const long access = flags & O_ACCMODE;
    if (flags & O_PATH)
        return "open as a mere path (O_PATH)";
    if (use == channel_use::read && access == O_WRONLY)
        return "open for writing only";
    if (use == channel_use::write && access == O_RDONLY)
        return "open for reading only";
    return nullptr;
}

}  // namespace

std::unique_lock<std::mutex> lock_status_flags() noexcept
{
    static std::mutex mutex;
    return std::unique_lock(mutex);
}

opened_channel make_channel(descriptor given, channel_use use)
{
    const int number = given.number();
    const auto fail = [](int error, const char* why) {
        return opened_channel{{}, error, why};
    };
    auto lock = lock_status_flags();
    const long flags = status_flags(number);
    lock.unlock();
    const auto type = file_type(number);
    if (flags < 0 || type == 0) {
        given.release();  // nothing that could be closed
        return fail(EBADF, "not open");
    }
    if (const char* const why = wrong_direction(flags, use))
        return fail(EBADF, why);
    if (S_ISDIR(type))
        return fail(EISDIR, "a directory");

    system_call(SYS_fcntl, number, F_SETFD, FD_CLOEXEC);
    opened_channel result{{std::move(given), {}}, 0, {}};
    auto& [fd, kind] = result.made;
    kind.is_terminal = S_ISCHR(type) && is_terminal(number);
    const int refused = try_epoll(number);
    if (refused && refused != EPERM)
        return fail(refused, "not to be watched");
    if (S_ISSOCK(type)) {
        const int kind_of_socket = option_of(number, SO_TYPE);
        kind.manner = io_manner::per_call;
        kind.has_messages = kind_of_socket != SOCK_STREAM;
        kind.is_datagram = kind_of_socket == SOCK_DGRAM;
        return result;
    }
    kind.has_messages = !S_ISFIFO(type) && !S_ISREG(type) && !S_ISBLK(type) &&
                        !kind.is_terminal;
    if (refused) {
        kind.manner = io_manner::not_needed;
    } else if (flags & O_NONBLOCK) {
        kind.waits_first = S_ISFIFO(type);
    } else {
        kind.manner = io_manner::for_a_call;
        opened own;
        if (S_ISFIFO(type) || (kind.is_terminal && !is_master(number)))
            own = open_again(number, flags);
        if (own.fd.is_open()) {
            fd = std::move(own.fd);
            kind.manner = io_manner::nonblocking;
        }
    }
    return result;
}

long read_channel(int number, channel_kind kind, void* data,
                  std::size_t size) noexcept
{
    long result = 0;
    switch (kind.manner) {
    case io_manner::per_call:
        do
            result = system_call(SYS_recvfrom, number, data, size, MSG_DONTWAIT,
                                 nullptr);
        while (result == -EINTR);
        if (result == 0 && kind.is_datagram)
            result = -EAGAIN;
        break;
    case io_manner::for_a_call:
        result = without_waiting(number,
                                 [&] { return read_some(number, data, size); });
        break;
    case io_manner::nonblocking:
    case io_manner::not_needed: result = read_some(number, data, size); break;
    }
    return kind.is_terminal && result == -EIO ? 0 : result;
}

long write_channel(int number, channel_kind kind, const void* data,
                   std::size_t size) noexcept
{
    const auto write = [&]() noexcept {
        return kind.is_terminal ? type(number, data, size)
                                : write_quietly(number, data, size);
    };
    switch (kind.manner) {
    case io_manner::per_call:
        return system_call(SYS_sendto, number, data, size,
                           MSG_DONTWAIT | MSG_NOSIGNAL, nullptr);
    case io_manner::for_a_call: return without_waiting(number, write);
    case io_manner::not_needed: return write_file_quietly(number, data, size);
    case io_manner::nonblocking: break;
    }
    return write();
}

int hang_up(int number, channel_kind kind) noexcept
{
    pollfd asked{number, 0, 0};
    const std::uint64_t no_time[2] = {0, 0};
    system_call(SYS_ppoll, &asked, 1, no_time, nullptr, 0);
    if (!(asked.revents & (POLLERR | POLLHUP | POLLNVAL)))
        return -1;
    return kind.manner == io_manner::per_call ? option_of(number, SO_ERROR) : 0;
}

void shut_down_writing(int number) noexcept
{
    system_call(SYS_shutdown, number, SHUT_WR);
}

}  // namespace brood::os
