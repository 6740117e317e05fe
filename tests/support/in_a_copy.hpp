// in_a_copy.hpp: runs a function in a fork of the test process.
//
// For what would change the whole process: its standard streams, its limits,
// its signal dispositions, the system calls it may make. GoogleTest's text may
// be lost in such a copy, so a function that runs there says `require`.
// Loops (brood::run, an io_context) are made in the copy, never brought along:
// the two processes would share one epoll instance.
#pragma once

#include "fixture.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <algorithm>
#include <exception>
#include <functional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace brood_test {

// A thing that must hold in a copy does not.
class requirement_failed : public std::runtime_error {
public:
    requirement_failed(const std::string& what,
                       const std::source_location& where)
        : runtime_error(std::string(where.file_name()) + ":" +
                        std::to_string(where.line()) + ": " + what)
    {
    }
};

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool address_sanitizer = true;
#else
inline constexpr bool address_sanitizer = false;
#endif

// It makes a fork of every vfork, which it could not follow.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool thread_sanitizer = true;
#else
inline constexpr bool thread_sanitizer = false;
#endif

// This machine, or this user, does not allow what the test needs.
class cannot_be_tested : public std::runtime_error {
public:
    using runtime_error::runtime_error;
};

inline void
require(bool holds, const std::string& what = "a condition does not hold",
        std::source_location where = std::source_location::current())
{
    if (!holds)
        throw requirement_failed(what, where);
}

template <class Actual, class Expected>
void require_equal(const Actual& actual, const Expected& expected,
                   std::source_location where = std::source_location::current())
{
    if (!(actual == expected))
        throw requirement_failed("got " + ::testing::PrintToString(actual) +
                                     ", expected " +
                                     ::testing::PrintToString(expected),
                                 where);
}

// A system call of the test's own, which must succeed.
inline int must(int result,
                std::source_location where = std::source_location::current())
{
    if (result < 0)
        throw requirement_failed(std::strerror(errno), where);
    return result;
}

inline void
require_clean(const leak_check& before,
              std::source_location where = std::source_location::current())
{
    std::string all;
    for (const auto& each : before.differences())
        all += each + "; ";
    require(all.empty(), all, where);
}

namespace in_a_copy_detail {

// Ends the copy without the clean-up of the process it is a copy of.
[[noreturn]] inline void leave(int code, int report, std::string why)
{
    // A pipe takes as much without anybody reading; pipe(7).
    constexpr std::size_t surely_taken = 4096;
    why.resize(std::min(why.size(), surely_taken));
    if (!why.empty() && ::write(report, why.data(), why.size()) < 0)
        code = 2;
    ::_exit(code);
}

[[noreturn]] inline void live(int report, const std::function<void()>& body)
{
    // Only a copy that hangs lives so long; SIGALRM ends it.
    constexpr unsigned longest_life_in_seconds = 120;
    ::alarm(longest_life_in_seconds);
    const bool had_failed = ::testing::Test::HasFailure();
    try {
        body();
        require(had_failed || !::testing::Test::HasFailure(),
                "an expectation does not hold");
    } catch (const cannot_be_tested& error) {
        leave(77, report, error.what());
    } catch (const std::exception& error) {
        leave(1, report, error.what());
    } catch (...) {
        leave(1, report, "an exception of an unknown type");
    }
    leave(0, report, {});
}

// A thread that begins or ends may be inside a sanitizer's allocator, whose
// locks a fork does not know of.
inline bool other_threads_sleep()
{
    for (const auto& [id, name] : threads()) {
        const char state = process_state(id);
        if (id != ::getpid() && state != 'S' && state != '\0')
            return false;
    }
    return true;
}

// Without waiting for the end: a child of the copy may outlive it.
inline std::string read_what_is_there(int fd)
{
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    char bytes[4096];
    const ssize_t size = ::read(fd, bytes, sizeof bytes);
    return size > 0 ? std::string(bytes, static_cast<std::size_t>(size))
                    : std::string();
}

}  // namespace in_a_copy_detail

// The exit code of a copy in which the test cannot be made.
inline constexpr int not_testable = 77;

// Runs `body` in a fork of this process and returns its exit code: 0 when
// `body` returned; 1 when it threw, which is reported as a failure of the
// test; not_testable after cannot_be_tested; -N when signal N ended it.
inline int in_a_copy(const std::function<void()>& body)
{
    namespace detail = in_a_copy_detail;
    if (address_sanitizer)
        static_cast<void>(wait_until(detail::other_threads_sleep));
    // It lets a copy start threads only if there were none: a thread of ours
    // may just be ending. One more is its own.
    if (thread_sanitizer)
        static_cast<void>(wait_until([] { return thread_count() <= 2; }));
    int report[2];
    if (::pipe2(report, O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe2");
    const pid_t copy = ::fork();
    if (copy < 0)
        throw std::system_error(errno, std::generic_category(), "fork");
    if (copy == 0) {
        ::close(report[0]);
        // Out of the way of a test that gives numbers a meaning.
        constexpr int out_of_the_way = 500;
        const int high = ::fcntl(report[1], F_DUPFD_CLOEXEC, out_of_the_way);
        if (high >= 0)
            ::close(report[1]);
        detail::live(high >= 0 ? high : report[1], body);
    }
    ::close(report[1]);
    int status = 0;
    while (::waitpid(copy, &status, 0) < 0 && errno == EINTR) {
    }
    const std::string why = detail::read_what_is_there(report[0]);
    ::close(report[0]);
    const int code =
        WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    if (!why.empty() && code != not_testable)
        ADD_FAILURE() << "in a copy of the process: " << why;
    else if (!why.empty())
        ::testing::Test::RecordProperty("not_testable", why);
    return code;
}

}  // namespace brood_test

// Runs a function in a copy of the process; the test fails if it does, and is
// skipped where it cannot be made.
#define BROOD_IN_A_COPY(...)                                                   \
    do {                                                                       \
        const int code_of_copy = ::brood_test::in_a_copy(__VA_ARGS__);         \
        if (code_of_copy == ::brood_test::not_testable)                        \
            GTEST_SKIP() << "not possible here";                               \
        ASSERT_EQ(code_of_copy, 0);                                            \
    } while (false)
