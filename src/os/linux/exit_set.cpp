// exit_set.cpp: see exit_set.hpp.
#include "os/exit_set.hpp"

#include "os/posix/system_call.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

namespace brood::os {

namespace {

// Between two looks at children that cannot be watched.
constexpr int pause_milliseconds = 10;

descriptor adopt(long number) noexcept
{
    descriptor made(number < 0 ? -1 : static_cast<int>(number));
    if (number < 0 || number > 2)
        return made;
    return std::move(duplicate(made.number()).fd);
}

}  // namespace

exit_set::exit_set() noexcept
    : epoll_(adopt(system_call(SYS_epoll_create1, EPOLL_CLOEXEC))),
      wake_(adopt(system_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK)))
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = wake_.number();
    if (!wake_.is_open() ||
        system_call(SYS_epoll_ctl, epoll_.number(), EPOLL_CTL_ADD,
                    wake_.number(), &event) < 0)
        epoll_.close();
}

void exit_set::wait(bool some_unwatched) noexcept
{
    if (!epoll_.is_open()) {
        const timespec pause{0, pause_milliseconds * 1'000'000};
        system_call(SYS_nanosleep, &pause, nullptr);
        return;
    }
    epoll_event event{};
    const int timeout = some_unwatched ? pause_milliseconds : -1;
    system_call(SYS_epoll_pwait, epoll_.number(), &event, 1, timeout, nullptr,
                8);
    std::uint64_t count = 0;
    if (event.data.fd == wake_.number())
        system_call(SYS_read, wake_.number(), &count, sizeof count);
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
