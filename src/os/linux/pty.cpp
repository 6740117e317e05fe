// pty.cpp: see pty.hpp.
#include "os/pty.hpp"

#include "os/posix/system_call.hpp"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <poll.h>

#include <ctime>
#include <string>
#include <utility>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)  // asm-generic/ioctls.h, Linux 4.13
#endif

namespace brood::os {

namespace {

// As the kernel has it; the C library's struct winsize stands in a header
// that does not go together with asm/termbits.h.
struct window_size {
    unsigned short rows;
    unsigned short columns;
    unsigned short unused[2];
};

// TIOCGPTPEER needs no path, so it also finds the right one where /dev/pts is
// not that of the master.
opened open_terminal(int master) noexcept
{
    constexpr int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
    const long opened_peer = system_call(SYS_ioctl, master, TIOCGPTPEER, flags);
    if (opened_peer != -ENOTTY && opened_peer != -EINVAL)
        return above_standard(opened_peer);
    unsigned number = 0;
    const long asked = system_call(SYS_ioctl, master, TIOCGPTN, &number);
    if (asked < 0)
        return above_standard(asked);
    const auto path = "/dev/pts/" + std::to_string(number);
    return above_standard(
        system_call(SYS_openat, AT_FDCWD, path.c_str(), flags));
}

// What cfmakeraw(3) does.
void make_raw(struct termios& mode) noexcept
{
    mode.c_iflag &= ~static_cast<tcflag_t>(IGNBRK | BRKINT | PARMRK | ISTRIP |
                                           INLCR | IGNCR | ICRNL | IXON);
    mode.c_oflag &= ~static_cast<tcflag_t>(OPOST);
    mode.c_lflag &=
        ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    mode.c_cflag &= ~static_cast<tcflag_t>(CSIZE | PARENB);
    mode.c_cflag |= CS8;
}

long set_mode(int terminal, const pty& wanted) noexcept
{
    if (wanted.has_echo())
        return 0;
    struct termios mode{};
    const long asked = system_call(SYS_ioctl, terminal, TCGETS, &mode);
    if (asked < 0)
        return asked;
    if (wanted.is_raw())
        make_raw(mode);
    mode.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    return system_call(SYS_ioctl, terminal, TCSETS, &mode);
}

}  // namespace

pty_ends make_pty(const pty& wanted) noexcept
{
    pty_ends ends;
    auto master = above_standard(system_call(SYS_openat, AT_FDCWD, "/dev/ptmx",
                                             O_RDWR | O_NOCTTY | O_CLOEXEC));
    ends.error = master.error;
    const int number = master.fd.number();
    const int unlocked = 0;
    // What unlockpt(3) does; grantpt(3) has nothing left to do on devpts.
    if (!ends.error)
        ends.error = static_cast<int>(
            -system_call(SYS_ioctl, number, TIOCSPTLCK, &unlocked));
    opened terminal;
    if (!ends.error) {
        terminal = open_terminal(number);
        ends.error = terminal.error;
    }
    if (!ends.error)
        ends.error = resize_terminal(number, wanted.rows(), wanted.columns());
    if (!ends.error)
        ends.error = static_cast<int>(-set_mode(terminal.fd.number(), wanted));
    if (!ends.error) {
        ends.master = std::move(master.fd);
        ends.terminal = std::move(terminal.fd);
    }
    return ends;
}

int resize_terminal(int master, int rows, int columns) noexcept
{
    const window_size size{static_cast<unsigned short>(rows),
                           static_cast<unsigned short>(columns),
                           {}};
    return static_cast<int>(-system_call(SYS_ioctl, master, TIOCSWINSZ, &size));
}

long type(int master, const void* data, std::size_t size) noexcept
{
    // The kernel takes what is typed on a terminal that nobody has open, and
    // never says so; only poll(2) does.
    struct pollfd asked{master, POLLOUT, 0};
    const timespec no_time{};
    system_call(SYS_ppoll, &asked, 1, &no_time, nullptr, 0);
    if (asked.revents & POLLHUP)
        return -EPIPE;
    const long result = system_call(SYS_write, master, data, size);
    return result == -EIO ? -EPIPE : result;
}

int end_of_input_character(int master) noexcept
{
    // Asked of the master, the kernel answers for the terminal.
    struct termios mode{};
    if (system_call(SYS_ioctl, master, TCGETS, &mode) < 0 ||
        !(mode.c_lflag & ICANON))
        return -1;
    constexpr int disabled = 0;  // _POSIX_VDISABLE
    const int character = mode.c_cc[VEOF];
    return character == disabled ? -1 : character;
}

}  // namespace brood::os
