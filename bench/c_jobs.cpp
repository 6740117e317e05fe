// c_jobs.cpp: the least that running many commands at once can cost.
//
//   c-jobs COUNT AT_ONCE PROGRAM [ARG]...
//
// Starts PROGRAM, a path, COUNT times, AT_ONCE of them at a time, with
// /dev/null as their input and our output as theirs. No pipes, no deadlines,
// no groups, no record; what it starts and loses, it loses. run_program.py
// compares the program brood with it.

#include <spawn.h>
#include <sys/wait.h>

#include <fcntl.h>

#include <cstdio>
#include <cstdlib>

extern "C" char** environ;

namespace {

bool one_has_succeeded()
{
    int status = 0;
    return ::wait(&status) > 0 && status == 0;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 4) {
        std::fprintf(stderr, "usage: c-jobs COUNT AT_ONCE PROGRAM [ARG]...\n");
        return 2;
    }
    const long count = std::atol(argv[1]);
    const long at_once = std::atol(argv[2]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    long running = 0;
    bool well = true;
    for (long started = 0; well && started != count; ++started) {
        if (running == at_once) {
            well = one_has_succeeded();
            --running;
        }
        pid_t pid = -1;
        well = ::posix_spawn(&pid, argv[3], &actions, nullptr, argv + 3,
                             environ) == 0 &&
               well;
        ++running;
    }
    while (well && running-- != 0)
        well = one_has_succeeded();
    if (!well)
        std::fprintf(stderr, "c-jobs: %s could not be started, or failed\n",
                     argv[3]);
    return well ? 0 : 1;
}
