// brood_child_io.hpp: arguments, failing, reading and writing for brood-child.
//
// Raw system calls without buffering: what a mode has written is in the pipe
// when the call returns, and what it has not asked for is still there.
#pragma once

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <array>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

namespace brood_child {

using arguments = std::vector<std::string_view>;

constexpr int wrong_usage = 64;  // EX_USAGE of sysexits.h
constexpr int failed_call = 71;  // EX_OSERR of sysexits.h

// --- failing ------------------------------------------------------------

[[noreturn]] inline void fail_usage(std::string_view why, std::string_view what)
{
    std::fprintf(stderr, "brood-child: %.*s: %.*s\n",
                 static_cast<int>(why.size()), why.data(),
                 static_cast<int>(what.size()), what.data());
    std::exit(wrong_usage);
}

[[noreturn]] inline void fail_call(const char* call)
{
    const int error = errno;
    std::fprintf(stderr, "brood-child: %s: %s\n", call, std::strerror(error));
    std::exit(failed_call);
}

inline int check(int result, const char* call)
{
    if (result < 0)
        fail_call(call);
    return result;
}

// --- reading arguments --------------------------------------------------

inline std::string_view argument(const arguments& args, std::size_t i)
{
    if (i >= args.size())
        fail_usage("missing argument", "see the top of brood_child.cpp");
    return args[i];
}

template <typename Number>
Number to_number(std::string_view text)
{
    Number value{};
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec != std::errc{} || result.ptr != end)
        fail_usage("not a number", text);
    return value;
}

inline int number(const arguments& args, std::size_t i)
{
    return to_number<int>(argument(args, i));
}

inline std::size_t byte_count(std::string_view text)
{
    std::size_t unit = 1;
    if (text.ends_with('K'))
        unit = std::size_t{1} << 10;
    else if (text.ends_with('M'))
        unit = std::size_t{1} << 20;
    else if (text.ends_with('G'))
        unit = std::size_t{1} << 30;
    if (unit != 1)
        text.remove_suffix(1);
    return to_number<std::size_t>(text) * unit;
}

inline int signal_number(std::string_view text)
{
    struct named_signal {
        std::string_view name;
        int number;
    };
    constexpr std::array named{
        named_signal{"HUP", SIGHUP},   named_signal{"INT", SIGINT},
        named_signal{"QUIT", SIGQUIT}, named_signal{"ABRT", SIGABRT},
        named_signal{"KILL", SIGKILL}, named_signal{"USR1", SIGUSR1},
        named_signal{"USR2", SIGUSR2}, named_signal{"PIPE", SIGPIPE},
        named_signal{"TERM", SIGTERM}, named_signal{"CHLD", SIGCHLD},
        named_signal{"CONT", SIGCONT}, named_signal{"STOP", SIGSTOP},
    };
    for (const named_signal& each : named) {
        if (each.name == text)
            return each.number;
    }
    return to_number<int>(text);
}

// --- reading and writing ------------------------------------------------

// An inherited descriptor may be non-blocking: then wait for it here, so that
// no mode has to care.
inline void wait_ready(int fd, short events)
{
    pollfd wanted{fd, events, 0};
    if (::poll(&wanted, 1, -1) < 0 && errno != EINTR)
        fail_call("poll");
}

inline void write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(n));
        else if (errno == EAGAIN)
            wait_ready(fd, POLLOUT);
        else if (errno != EINTR)
            fail_call("write");
    }
}

inline void print_line(std::string line)
{
    line += '\n';
    write_all(STDOUT_FILENO, line);
}

// Returns the bytes read into `buffer`; empty at EOF.
inline std::string_view read_some(int fd, std::vector<char>& buffer)
{
    for (;;) {
        const ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n >= 0)
            return {buffer.data(), static_cast<std::size_t>(n)};
        if (errno == EAGAIN)
            wait_ready(fd, POLLIN);
        else if (errno != EINTR)
            fail_call("read");
    }
}

inline void copy_all(int from, int to)
{
    std::vector<char> buffer(std::size_t{64} << 10);
    for (;;) {
        const std::string_view bytes = read_some(from, buffer);
        if (bytes.empty())
            return;
        write_all(to, bytes);
    }
}

inline void read_to_eof(int fd)
{
    std::vector<char> buffer(std::size_t{64} << 10);
    while (!read_some(fd, buffer).empty()) {
    }
}

}  // namespace brood_child
