// stdio_inheritance.cpp: which of the parent's descriptors a child has.
#include "support/descriptors.hpp"
#include "support/outcome.hpp"
#include "support/refused_calls.hpp"

#include <brood/brood.hpp>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/socket.h>

namespace {

using brood::awaitable;
using brood::create_subprocess;
using brood::devnull;
using brood::from_fd;
using brood::piped;
using brood::piped_in;
using brood::to_stdout;
using brood::wait_for;
using namespace brood_test;

using stdio = stdio_test;

// Eleven descriptors that a child would inherit, with gaps between them.
std::vector<test_fd> open_inheritable_ones()
{
    std::vector<test_fd> all;
    for (int number = 20; number != 42; number += 2) {
        const auto null = open_file("/dev/null", O_RDWR);
        all.emplace_back(::dup2(null, number));
    }
    return all;
}

const std::string standard_ones = "0 null\n1 pipe\n2 null\n";

brood::command fds_printer()
{
    return quiet(child("print-fds")).out(piped);
}

TEST_F(stdio, only_asked_for_descriptors_arrive)
{
    const auto all = open_inheritable_ones();
    EXPECT_EQ(output_of(fds_printer()), standard_ones);
    EXPECT_EQ(output_of(fds_printer().pass_fd(24).pass_fd(40)),
              standard_ones + "24 null\n40 null\n");
    if (::geteuid() == 0) {
        EXPECT_EQ(output_of(fds_printer().user(0).pass_fd(24)),
                  standard_ones + "24 null\n");
    }
    // What the command opens by itself goes to its numbers and no further.
    EXPECT_EQ(output_of(fds_printer()
                            .child_fd(3, piped_in)
                            .child_fd(24, devnull)
                            .err(to_stdout)),
              "0 null\n1 pipe\n2 pipe\n3 pipe\n24 null\n");
}

void set_descriptor_limit(rlim_t soft)
{
    rlimit limit{};
    must(::getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = std::min(soft, limit.rlim_max);
    must(::setrlimit(RLIMIT_NOFILE, &limit));
}

TEST_F(stdio, descriptors_above_a_lowered_limit_are_closed)
{
    BROOD_IN_A_COPY([] {
        const auto all = open_inheritable_ones();
        set_descriptor_limit(20);
        require_equal(output_of(fds_printer().pass_fd(38)),
                      standard_ones + "38 null\n");
        refuse({{SYS_close_range, EPERM}});
        require_equal(output_of(fds_printer().pass_fd(38)),
                      standard_ones + "38 null\n");
    });
}

TEST_F(stdio, descriptors_are_closed_without_close_range)
{
    for (const int error : {EPERM, ENOSYS, EINVAL}) {
        BROOD_IN_A_COPY([error] {
            const auto all = open_inheritable_ones();
            set_descriptor_limit(RLIM_INFINITY);
            const test_fd high(::dup2(
                all[0], 10'000 > ::sysconf(_SC_OPEN_MAX) ? 900 : 10'000));
            refuse({{SYS_close_range, error}});
            require_equal(output_of(fds_printer()), standard_ones);
            require_equal(output_of(fds_printer().pass_fd(24)),
                          standard_ones + "24 null\n");
            if (::geteuid() == 0)
                require_equal(output_of(fds_printer().user(0)), standard_ones);
            require_equal(
                spawn_failure_of(brood::exec("/none")).value().code().value(),
                ENOENT);
        });
    }
}

TEST_F(stdio, descriptors_are_closed_without_close_range_and_proc)
{
    BROOD_IN_A_COPY([] {
        const auto all = open_inheritable_ones();
        set_descriptor_limit(4096);
        refuse(
            {{SYS_close_range, EPERM}, {SYS_openat, EACCES, 2, O_DIRECTORY}});
        constexpr int failed_call = 71;  // brood-child, of a closed one
        const auto asks = [](int number) {
            return quiet(child("fd-flags", std::to_string(number)));
        };
        for (const int number : {20, 30, 40})
            require_equal(outcome_of(asks(number)).code, failed_call);
        require_equal(outcome_of(asks(30).pass_fd(30)).code, 0);
    });
}

TEST_F(stdio, passed_descriptors_keep_their_number)
{
    write_file(dir / "file", "content");
    const auto it = open_file(dir / "file", O_RDONLY);
    const auto name = std::to_string(it);
    EXPECT_EQ(output_of(child("read-fd", name).pass_fd(it)), "content");
    EXPECT_EQ(::fcntl(it, F_GETFD), FD_CLOEXEC);

    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const test_fd socket(ends[0]);
    const test_fd peer(ends[1]);
    outcome_of(
        child("write-fd", std::to_string(socket), "ping").pass_fd(socket));
    char bytes[5] = {};
    EXPECT_EQ(::read(peer, bytes, 4), 4);
    EXPECT_EQ(std::string(bytes), "ping");
    EXPECT_EQ(::fcntl(socket, F_GETFD), 0);

    // The same one as a standard stream besides.
    EXPECT_EQ(output_of(fds_printer().in(from_fd(socket)).pass_fd(socket)),
              "0 socket\n1 pipe\n2 null\n" + std::to_string(socket) +
                  " socket\n");
    EXPECT_TRUE(refusal_of(fds_printer().pass_fd(it).pass_fd(it)).has_value());
}

// Of what print-fds prints, the numbers alone.
std::vector<int> numbers_in(const std::string& lines)
{
    std::vector<int> numbers;
    std::istringstream from(lines);
    for (std::string line; std::getline(from, line);)
        numbers.push_back(std::stoi(line));
    return numbers;
}

TEST_F(stdio, close_fds_false_keeps_the_inheritable_ones)
{
    const auto all = open_inheritable_ones();
    ASSERT_EQ(::fcntl(all[1], F_SETFD, FD_CLOEXEC), 0);
    std::vector<int> expected{0, 1, 2};
    for (const auto& [fd, link] : open_descriptors())
        if (fd > 2 && ::fcntl(fd, F_GETFD) == 0)
            expected.push_back(fd);
    EXPECT_EQ(std::ranges::count(expected, 20), 1);
    EXPECT_EQ(std::ranges::count(expected, 22), 0);
    run_test([&]() -> awaitable<void> {
        // What another child needs must not go to this one, either.
        auto other = co_await create_subprocess(
            child("cat").in(piped).out(piped).err(piped));
        auto p = co_await create_subprocess(fds_printer().close_fds(false));
        EXPECT_EQ(numbers_in(co_await p.out().read()), expected);
        EXPECT_EQ(co_await p.wait(), 0);
        auto q = co_await create_subprocess(
            fds_printer().close_fds(false).pass_fd(all[1]));
        const auto seen = co_await q.out().read();
        EXPECT_NE(seen.find("20 null\n22 null\n24"), std::string::npos);
    });
}

TEST_F(stdio, siblings_never_inherit_each_others_pipes)
{
    run_test([]() -> awaitable<void> {
        const auto cat = child("cat").in(piped).out(piped).close_fds(false);
        auto first = co_await create_subprocess(cat);
        auto second = co_await create_subprocess(cat);
        first.in().close();
        EXPECT_EQ(co_await wait_for(first.wait(), patience), 0);
        EXPECT_EQ(co_await wait_for(first.out().read(), patience), "");
        second.in().close();
        EXPECT_EQ(co_await wait_for(second.wait(), patience), 0);
    });
    EXPECT_EQ(output_of(child("count-stdin").in(piped).close_fds(false), "abc"),
              "3\n");
}

TEST_F(stdio, one_child_feeds_another)
{
    run_test([]() -> awaitable<void> {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        test_fd read_end(ends[0]);
        test_fd write_end(ends[1]);
        auto reads = co_await create_subprocess(
            child("count-stdin").in(from_fd(read_end)).out(piped));
        auto writes = co_await create_subprocess(
            child("flood", "1M").out(from_fd(write_end)));
        read_end.close();
        write_end.close();
        EXPECT_EQ(co_await wait_for(reads.out().read(), patience), "1048576\n");
        EXPECT_EQ(co_await writes.wait(), 0);
        EXPECT_EQ(co_await reads.wait(), 0);
    });
}

}  // namespace
