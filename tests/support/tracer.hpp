// tracer.hpp: a process that traces another one, as a debugger does.
//
// It is neither the traced process nor its parent: the end of a process that
// is traced by a stranger is announced (its pidfd is readable, it is a zombie)
// before its parent can collect it.
#pragma once

#include "in_a_copy.hpp"

#include <sys/ptrace.h>
#include <sys/socket.h>

namespace brood_test {

class tracer {
public:
    // Throws cannot_be_tested where tracing is not allowed.
    explicit tracer(int traced)
    {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            throw std::system_error(errno, std::generic_category());
        pid_ = ::fork();
        if (pid_ == 0) {
            close_all_but(ends[1]);
            trace(traced, ends[1]);
        }
        ::close(ends[1]);
        control_ = ends[0];
        if (!answered()) {
            let_go();
            throw cannot_be_tested("this process may not trace another one");
        }
    }
    ~tracer() { let_go(); }
    tracer(const tracer&) = delete;
    tracer& operator=(const tracer&) = delete;

    // Stops the traced process, as a debugger that attaches does.
    bool interrupt() { return command('i'); }
    // Lets it go on, still traced.
    bool go_on() { return command('c'); }

    // Ends the tracing: what has ended can be collected by its parent.
    void let_go()
    {
        if (control_ >= 0)
            ::close(std::exchange(control_, -1));
        if (pid_ > 0)
            while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
            }
        pid_ = -1;
    }

private:
    bool answered()
    {
        char answer = 0;
        return ::read(control_, &answer, 1) == 1 && answer == '+';
    }
    bool command(char what)
    {
        return ::write(control_, &what, 1) == 1 && answered();
    }

    // What it holds of its parent's pipes would keep them from ending.
    static void close_all_but(int kept)
    {
        for (const auto& [fd, target] : open_descriptors())
            if (fd > 2 && fd != kept)
                ::close(fd);
    }

    // Never collects the traced process; ends when told to let go.
    [[noreturn]] static void trace(int traced, int control)
    {
        const auto say = [control](bool success) {
            const char answer = success ? '+' : '-';
            if (::write(control, &answer, 1) != 1)
                ::_exit(1);
        };
        say(::ptrace(PTRACE_SEIZE, traced, nullptr, nullptr) == 0);
        char what = 0;
        while (::read(control, &what, 1) == 1) {
            int status = 0;
            if (what == 'i')
                say(::ptrace(PTRACE_INTERRUPT, traced, nullptr, nullptr) == 0 &&
                    ::waitpid(traced, &status, __WALL) == traced &&
                    WIFSTOPPED(status));
            else
                say(::ptrace(PTRACE_CONT, traced, nullptr, nullptr) == 0);
        }
        ::_exit(0);
    }

    pid_t pid_ = -1;
    int control_ = -1;
};

}  // namespace brood_test
