// c_ways.cpp: a child as C programs start it, in one of three ways.
//
// BENCH_WAY is start_by_vfork, start_by_posix_spawn or start_by_fork. The
// child gets what it would inherit: nothing is reset, nothing is closed. Where
// bytes are what counts these differ in nothing from bench-raw.

#include "../measure.hpp"

#include <spawn.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

extern "C" char** environ;

namespace {

using arguments = char* const[];

[[maybe_unused]] pid_t start_by_vfork(const char* program, arguments argv,
                                      int out)
{
    const pid_t pid = ::vfork();
    if (pid == 0) {
        if (out >= 0)
            ::dup2(out, 1);
        ::execve(program, argv, environ);
        ::_exit(127);
    }
    return pid;
}

[[maybe_unused]] pid_t start_by_fork(const char* program, arguments argv,
                                     int out)
{
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (out >= 0)
            ::dup2(out, 1);
        ::execve(program, argv, environ);
        ::_exit(127);
    }
    return pid;
}

[[maybe_unused]] pid_t start_by_posix_spawn(const char* program, arguments argv,
                                            int out)
{
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    if (out >= 0)
        ::posix_spawn_file_actions_adddup2(&actions, out, 1);
    pid_t pid = -1;
    if (::posix_spawn(&pid, program, &actions, nullptr, argv, environ) != 0)
        pid = -1;
    ::posix_spawn_file_actions_destroy(&actions);
    return pid;
}

pid_t start(const char* program, const char* mode = nullptr, int out = -1)
{
    char* const argv[] = {const_cast<char*>(program), const_cast<char*>(mode),
                          nullptr};
    const pid_t pid = BENCH_WAY(program, argv, out);
    if (pid < 0)
        bench::fail("the start");
    return pid;
}

void reap(pid_t pid)  // -1: any
{
    int status = 0;
    if (::waitpid(pid, &status, 0) < 0 || status != 0)
        bench::fail("a child");
}

void spawn_wait(const char* tiny, long count)
{
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        reap(start(tiny));
        watch.lap();
    }
    bench::report(watch, count);
}

void spawn_communicate(const char* tiny, long count)
{
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            bench::fail("pipe2");
        const pid_t pid = start(tiny, "line", ends[1]);
        ::close(ends[1]);
        std::string out;
        char buffer[4096];
        long got = 0;
        while ((got = ::read(ends[0], buffer, sizeof buffer)) > 0)
            out.append(buffer, static_cast<std::size_t>(got));
        ::close(ends[0]);
        reap(pid);
        if (out.size() != bench::line_size)
            bench::fail("the output");
        watch.lap();
    }
    bench::report(watch, count);
}

void many(const char* tiny, long count, long at_once)
{
    const bench::stopwatch watch;
    for (long started = 0; started != count; ++started) {
        if (started >= at_once)
            reap(-1);
        start(tiny);
    }
    for (long i = 0; i != std::min(count, at_once); ++i)
        reap(-1);
    bench::report(watch, count);
}

void in_flight(const char* tiny, long count)
{
    many(tiny, count, bench::children_in_flight);
}

void two_in_flight(const char* tiny, long count)
{
    many(tiny, count, bench::few_in_flight);
}

void alive(const char* tiny, long count)
{
    std::vector<pid_t> children;
    reap(start(tiny));
    const auto before = bench::footprint::now();
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        children.push_back(start(tiny, "pause"));
        watch.lap();
    }
    bench::report(watch, count, before, bench::footprint::now());
    for (const pid_t pid : children)
        ::kill(pid, SIGKILL);
    for (const pid_t pid : children)
        ::waitpid(pid, nullptr, 0);
}

void bytes(const char*, long)
{
    bench::left_out("the same as raw, once the child runs");
}

void stall(const char*, long)
{
    bench::left_out("there is no loop");
}

}  // namespace

int main(int argc, char** argv)
{
    using work = void (*)(const char*, long);
    const std::pair<const char*, work> works[] = {
        {"spawn_wait", spawn_wait}, {"spawn_communicate", spawn_communicate},
        {"in_flight", in_flight},   {"two_in_flight", two_in_flight},
        {"read_some", bytes},       {"read_all", bytes},
        {"write_some", bytes},      {"duplex", bytes},
        {"readline", bytes},        {"alive", alive},
        {"stall", stall},
    };
    return bench::run_named_work(argc, argv, works);
}
