// exit_set.cpp: see exit_set.hpp.
#include "os/exit_set.hpp"

#include "os/posix/system_call.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <cstdint>

namespace brood::os {

exit_set::exit_set() noexcept
    : epoll_(above_standard(system_call(SYS_epoll_create1, EPOLL_CLOEXEC)).fd),
      wake_(above_standard(
                system_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK))
                .fd)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = wake_.number();
    if (!wake_.is_open() ||
        system_call(SYS_epoll_ctl, epoll_.number(), EPOLL_CTL_ADD,
                    wake_.number(), &event) < 0)
        epoll_.close();
}

int exit_set::wait(std::chrono::milliseconds pause) noexcept
{
    if (!epoll_.is_open()) {
        const auto length = std::max(pause, std::chrono::milliseconds(1));
        const timespec time{length.count() / 1000,
                            length.count() % 1000 * 1'000'000};
        system_call(SYS_nanosleep, &time, nullptr);
        return -1;
    }
    epoll_event event{};
    const long ready = system_call(SYS_epoll_pwait, epoll_.number(), &event, 1,
                                   pause.count(), nullptr, 8);
    if (ready <= 0)
        return -1;
    if (event.data.fd != wake_.number())
        return event.data.fd;
    std::uint64_t count = 0;
    system_call(SYS_read, wake_.number(), &count, sizeof count);
    return -1;
}

bool exit_set::watch(const child& child) noexcept
{
    if (!epoll_.is_open() || !child.pidfd.is_open())
        return false;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = child.pidfd.number();
    return system_call(SYS_epoll_ctl, epoll_.number(), EPOLL_CTL_ADD,
                       child.pidfd.number(), &event) == 0;
}

void exit_set::unwatch(const child& child) noexcept
{
    epoll_event event{};
    if (epoll_.is_open() && child.pidfd.is_open())
        system_call(SYS_epoll_ctl, epoll_.number(), EPOLL_CTL_DEL,
                    child.pidfd.number(), &event);
}

void exit_set::wake() noexcept
{
    const std::uint64_t one = 1;
    if (wake_.is_open())
        system_call(SYS_write, wake_.number(), &one, sizeof one);
}

}  // namespace brood::os
