#include "cli/guard.hpp"

#include "cli/guard_process.hpp"
#include "cli/process_tree.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>
#include <thread>

namespace cli {

namespace {

[[noreturn]] void guard_main(int socket, int engine_group,
                             const guard_duties& duties, const options& asked)
{
    // What comes from the terminal, or from who signals all processes of a
    // service, is for the engine to decide. Ignored, not blocked, so that a
    // stop signal does not keep us from reacting to SIGKILL's like; brood
    // resets all of it in the jobs. SIGHUP stays as it was: nohup(1).
    for (const int each : {SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU,
                           SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGWINCH})
        std::signal(each, SIG_IGN);
    sigset_t hang_up;
    sigemptyset(&hang_up);
    sigaddset(&hang_up, SIGHUP);
    sigprocmask(SIG_BLOCK, &hang_up, nullptr);
    if (asked.as == options::form::one)
        // The job must have the terminal, so the session stays. With a group
        // of its own a `kill -KILL -group` does not meet us.
        setpgid(0, 0);
    else
        setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "brood-guard");
    try {
        // Never destroyed: with it the cgroups of jobs would go, and with them
        // who may stay there (--leftover allow).
        auto* const guard =
            new guard_process(socket, engine_group, duties, asked);
        guard->run();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "brood: the guard failed: %s\n", failure.what());
        // The engine ends what is left, as if we had been killed.
        _exit(1);
    }
    _exit(0);
}

}  // namespace

guard_handle start_guard(const options& asked, const guard_duties& duties)
{
    const auto fail = [](const char* what) {
        throw std::system_error(errno, std::generic_category(), what);
    };
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        fail("no socket for the guard");
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        fail("cannot become a subreaper");
    const int engine_group = getpgrp();
    const pid_t pid = fork();
    if (pid < 0)
        fail("cannot start the guard");
    if (pid == 0) {
        close(ends[0]);
        guard_main(ends[1], engine_group, duties, asked);
    }
    close(ends[1]);
    return {pid, ends[0]};
}

int end_all_descendants()
{
    using namespace std::chrono_literals;
    int ended = 0;
    const auto until = std::chrono::steady_clock::now() + 5s;
    for (;;) {
        for (;;) {
            const auto gone = waitpid(-1, nullptr, WNOHANG);
            if (gone < 0 && errno == ECHILD)
                return ended;  // a proof, not a guess
            if (gone <= 0)
                break;
            ++ended;
        }
        if (std::chrono::steady_clock::now() > until)
            return -1;
        for (const auto& each : descendants(list_processes(), getpid()))
            if (each.alive)
                signal_process(each, SIGKILL);
        std::this_thread::sleep_for(1ms);
    }
}

}  // namespace cli
