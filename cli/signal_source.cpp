#include "cli/signal_source.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace cli {

namespace {

sigset_t wanted()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGUSR1,
                           SIGWINCH, SIGCONT}) {
        // Blocked, even an ignored one would be kept for us.
        struct sigaction now{};
        sigaction(each, nullptr, &now);
        if (now.sa_handler != SIG_IGN)
            sigaddset(&set, each);
    }
    return set;
}

}  // namespace

void block_signals()
{
    const auto set = wanted();
    sigprocmask(SIG_BLOCK, &set, nullptr);
    // Writing says EPIPE, which can be told to the user.
    std::signal(SIGPIPE, SIG_IGN);
}

int pending_stop()
{
    sigset_t sent;
    sigemptyset(&sent);
    sigpending(&sent);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
        if (sigismember(&sent, each) == 1)
            return each;
    return 0;
}

signal_source::signal_source(brood::asio::io_context& io,
                             std::function<void(signal_event)> handler)
    : fd_(io), handler_(std::move(handler))
{
    const auto set = wanted();
    const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        throw std::system_error(errno, std::generic_category(),
                                "no descriptor for signals");
    fd_.assign(fd);
    wait();
}

signal_source::~signal_source()
{
    brood::error_code ignored;
    fd_.close(ignored);
}

void signal_source::wait()
{
    fd_.async_wait(brood::asio::posix::descriptor_base::wait_read,
                   [this](brood::error_code failed) {
                       if (failed)
                           return;
                       signalfd_siginfo one{};
                       while (read(fd_.native_handle(), &one, sizeof one) ==
                              sizeof one)
                           handler_({static_cast<int>(one.ssi_signo),
                                     one.ssi_code == SI_KERNEL});
                       wait();
                   });
}

void signal_source::suspend(int number)
{
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, number);
    // Not SIGSTOP: where no shell would ever continue us (an orphaned group),
    // the kernel drops the signal, and so do we.
    raise(number);
    sigprocmask(SIG_UNBLOCK, &only, nullptr);
    sigprocmask(SIG_BLOCK, &only, nullptr);
}

}  // namespace cli
