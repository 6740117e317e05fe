// raw.cpp: the least that each work can cost: loops of bare system calls.
//
// Each does what brood does for the same work where that is visible to the
// child: a pidfd, signals blocked around the start and the mask reset in the
// child, handlers and ignored signals reset, nothing inherited but 0, 1 and 2.
// No checks, no errors told, no loop shared with others.

#include "measure.hpp"

#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

extern "C" char** environ;

namespace {

struct start {
    const char* program;
    char* const* argv;
    int out = -1;  // the child's standard output; -1: ours
    int in = -1;   // its standard input
};

struct child {
    int pid;
    int pidfd;
};

// The kernel's struct sigaction, for a signal's default action.
struct default_action {
    void* handler = nullptr;
    unsigned long flags = 0;
    void* restorer = nullptr;
    std::uint64_t mask = 0;
};

int child_main(void* argument)
{
    const auto& what = *static_cast<const start*>(argument);
    ::syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
    if (what.out >= 0)
        ::dup2(what.out, 1);
    if (what.in >= 0)
        ::dup2(what.in, 0);
    const default_action action;
    for (int signal = 1; signal <= 64; ++signal)
        if (signal != SIGKILL && signal != SIGSTOP)
            ::syscall(SYS_rt_sigaction, signal, &action, nullptr, 8);
    const std::uint64_t none = 0;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, 8);
    ::execve(what.program, what.argv, environ);
    ::_exit(127);
}

child spawn(const start& what)
{
    alignas(16) char stack[16 * 1024];
    const std::uint64_t all = ~std::uint64_t{0};
    std::uint64_t before = 0;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
    child made{-1, -1};
    // CLONE_CLEAR_SIGHAND does not fit into clone's flags; exec does the same
    // to the handlers, and with all signals blocked none can run before.
    made.pid = ::clone(child_main, stack + sizeof stack,
                       CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                       const_cast<start*>(&what), &made.pidfd);
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, 8);
    if (made.pid < 0)
        bench::fail("clone");
    return made;
}

void reap(const child& ended)
{
    siginfo_t info;
    rusage usage{};
    if (::syscall(SYS_waitid, P_PIDFD, ended.pidfd, &info, WEXITED, &usage) <
            0 ||
        info.si_status != 0)
        bench::fail("a child");
    ::close(ended.pidfd);
}

std::vector<char*> argv_of(const char* program, const char* mode = nullptr,
                           const char* size = nullptr)
{
    std::vector<char*> argv{const_cast<char*>(program)};
    if (mode)
        argv.push_back(const_cast<char*>(mode));
    if (size)
        argv.push_back(const_cast<char*>(size));
    argv.push_back(nullptr);
    return argv;
}

void spawn_wait(const char* tiny, long count)
{
    const auto argv = argv_of(tiny);
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        reap(spawn({tiny, argv.data()}));
        watch.lap();
    }
    bench::report(watch, count);
}

struct pipe_ends {
    int read_end;
    int write_end;
};

pipe_ends make_pipe()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        bench::fail("pipe2");
    if (const char* const size = std::getenv("BROOD_BENCH_RAW_PIPE"))
        ::fcntl(ends[0], F_SETPIPE_SZ, std::atoi(size));
    return {ends[0], ends[1]};
}

void spawn_communicate(const char* tiny, long count)
{
    const auto argv = argv_of(tiny, "line");
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        const auto pipe = make_pipe();
        ::fcntl(pipe.read_end, F_SETFL, O_NONBLOCK);
        const auto made = spawn({tiny, argv.data(), pipe.write_end});
        ::close(pipe.write_end);
        std::string out;
        bool open = true;
        bool runs = true;
        while (open || runs) {
            pollfd waiting[2] = {{open ? pipe.read_end : -1, POLLIN, 0},
                                 {runs ? made.pidfd : -1, POLLIN, 0}};
            ::poll(waiting, 2, -1);
            if (waiting[0].revents) {
                char buffer[4096];
                const long got = ::read(pipe.read_end, buffer, sizeof buffer);
                if (got > 0)
                    out.append(buffer, static_cast<std::size_t>(got));
                open = got != 0;
            }
            if (waiting[1].revents) {
                reap(made);
                runs = false;
            }
        }
        ::close(pipe.read_end);
        if (out.size() != bench::line_size)
            bench::fail("the output");
        watch.lap();
    }
    bench::report(watch, count);
}

void many(const char* tiny, long count, long at_once)
{
    const auto argv = argv_of(tiny);
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<child> children(static_cast<std::size_t>(at_once));
    const auto start_one = [&](std::uint32_t place) {
        children[place] = spawn({tiny, argv.data()});
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = place;
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, children[place].pidfd, &event);
    };
    const bench::stopwatch watch;
    long started = 0;
    for (; started < count && started < at_once; ++started)
        start_one(static_cast<std::uint32_t>(started));
    for (long ended = 0; ended != count;) {
        epoll_event events[bench::children_in_flight];
        const int ready =
            ::epoll_wait(epoll, events, bench::children_in_flight, -1);
        for (int i = 0; i < ready; ++i) {
            const auto place = events[i].data.u32;
            ::epoll_ctl(epoll, EPOLL_CTL_DEL, children[place].pidfd, nullptr);
            reap(children[place]);
            ++ended;
            if (started < count) {
                start_one(place);
                ++started;
            }
        }
    }
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

// A child with its output in a pipe.
struct source {
    child writer;
    int pipe;
};

source start_source(const char* tiny, const char* mode, long size)
{
    const auto text = std::to_string(size);
    const auto argv = argv_of(tiny, mode, text.c_str());
    const auto pipe = make_pipe();
    const auto made = spawn({tiny, argv.data(), pipe.write_end});
    ::close(pipe.write_end);
    return {made, pipe.read_end};
}

void finish(const source& from)
{
    ::close(from.pipe);
    reap(from.writer);
}

void read_some(const char* tiny, long bytes)
{
    std::vector<char> buffer(bench::block_size);
    const bench::stopwatch watch;
    const auto from = start_source(tiny, "flood", bytes);
    long total = 0;
    for (long got = 1; got > 0; total += got)
        got = ::read(from.pipe, buffer.data(), buffer.size());
    finish(from);
    bench::report(watch, bytes);
    if (total != bytes)
        bench::fail("the output");
}

void read_all(const char* tiny, long bytes)
{
    const bench::stopwatch watch;
    const auto from = start_source(tiny, "flood", bytes);
    std::size_t room = bench::block_size;
    std::size_t size = 0;
    auto* memory = static_cast<char*>(std::malloc(room));
    for (long got = 1; got > 0; size += static_cast<std::size_t>(got)) {
        if (room - size < bench::block_size)
            memory = static_cast<char*>(std::realloc(memory, room *= 2));
        got = ::read(from.pipe, memory + size, bench::block_size);
    }
    finish(from);
    bench::report(watch, bytes);
    if (size != static_cast<std::size_t>(bytes))
        bench::fail("the output");
    std::free(memory);
}

void write_some(const char* tiny, long bytes)
{
    const std::vector<char> buffer(bench::block_size, 'x');
    const auto argv = argv_of(tiny, "sink");
    const bench::stopwatch watch;
    const auto pipe = make_pipe();
    const auto reader = spawn({tiny, argv.data(), -1, pipe.read_end});
    ::close(pipe.read_end);
    for (long left = bytes; left > 0;) {
        const long some = std::min(left, bench::block_size);
        const long written = ::write(pipe.write_end, buffer.data(),
                                     static_cast<std::size_t>(some));
        if (written < 0)
            bench::fail("write");
        left -= written;
    }
    ::close(pipe.write_end);
    reap(reader);
    bench::report(watch, bytes);
}

void duplex(const char* tiny, long bytes)
{
    std::vector<char> buffer(bench::block_size, 'x');
    const auto argv = argv_of(tiny, "cat");
    const bench::stopwatch watch;
    const auto in = make_pipe();
    const auto out = make_pipe();
    const auto cat = spawn({tiny, argv.data(), out.write_end, in.read_end});
    ::close(in.read_end);
    ::close(out.write_end);
    ::fcntl(in.write_end, F_SETFL, O_NONBLOCK);
    long left = bytes;
    long total = 0;
    for (bool open = true; open;) {
        pollfd waiting[2] = {{out.read_end, POLLIN, 0},
                             {left > 0 ? in.write_end : -1, POLLOUT, 0}};
        ::poll(waiting, 2, -1);
        if (waiting[1].revents) {
            const long some = std::min(left, bench::block_size);
            const long written = ::write(in.write_end, buffer.data(),
                                         static_cast<std::size_t>(some));
            left -= std::max(written, 0L);
            if (left == 0)
                ::close(in.write_end);
        }
        if (waiting[0].revents) {
            const long got = ::read(out.read_end, buffer.data(), buffer.size());
            total += got;
            open = got > 0;
        }
    }
    finish({cat, out.read_end});
    bench::report(watch, bytes);
    if (total != bytes)
        bench::fail("the output");
}

// From one child to another, never read.
void pass_on(const char* tiny, long bytes)
{
    const auto argv = argv_of(tiny, "sink");
    const bench::stopwatch watch;
    const auto from = start_source(tiny, "flood", bytes);
    const auto in = make_pipe();
    const auto to = spawn({tiny, argv.data(), -1, in.read_end});
    ::close(in.read_end);
    long total = 0;
    constexpr std::size_t most = std::size_t{1} << 20;
    while (const long moved =
               ::splice(from.pipe, nullptr, in.write_end, nullptr, most, 0)) {
        if (moved < 0)
            bench::fail("splice");
        total += moved;
    }
    ::close(in.write_end);
    finish(from);
    reap(to);
    bench::report(watch, bytes);
    if (total != bytes)
        bench::fail("the output");
}

void lines(const char* tiny, long count)
{
    std::vector<char> buffer(2 * bench::block_size);
    const bench::stopwatch watch;
    const auto from = start_source(tiny, "lines", count);
    long seen = 0;
    std::size_t size = 0;
    for (;;) {
        const long got =
            ::read(from.pipe, buffer.data() + size, buffer.size() - size);
        if (got <= 0)
            break;
        size += static_cast<std::size_t>(got);
        const char* line = buffer.data();
        const char* const end = line + size;
        while (const auto* newline = static_cast<const char*>(std::memchr(
                   line, '\n', static_cast<std::size_t>(end - line)))) {
            ++seen;
            line = newline + 1;
        }
        size = static_cast<std::size_t>(end - line);
        std::memmove(buffer.data(), line, size);
    }
    finish(from);
    bench::report(watch, count);
    if (seen != count)
        bench::fail("the lines");
}

void alive(const char* tiny, long count)
{
    bench::allow_many_descriptors();
    const auto argv = argv_of(tiny, "pause");
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<child> children;
    reap(spawn({tiny, argv_of(tiny).data()}));
    const auto before = bench::footprint::now();
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        children.push_back(spawn({tiny, argv.data()}));
        epoll_event event{};
        event.events = EPOLLIN;
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, children.back().pidfd, &event);
        watch.lap();
    }
    bench::report(watch, count, before, bench::footprint::now());
    for (const auto& each : children)
        ::syscall(SYS_pidfd_send_signal, each.pidfd, SIGKILL, nullptr, 0);
    for (const auto& each : children) {
        siginfo_t info;
        ::waitid(P_PIDFD, static_cast<id_t>(each.pidfd), &info, WEXITED);
    }
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
        {"read_some", read_some},   {"read_all", read_all},
        {"write_some", write_some}, {"duplex", duplex},
        {"pass_on", pass_on},       {"try_readline", lines},
        {"readline", lines},        {"buffered_lines", lines},
        {"alive", alive},           {"stall", stall},
    };
    return bench::run_named_work(argc, argv, works);
}
