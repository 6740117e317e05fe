// threads.cpp: many loops, many threads, many children, all at once.
//
// Each test asks for results that are right, not for a time; how often it
// does so is all that is different under a sanitizer.
#include "support/async_test.hpp"
#include "support/fixture.hpp"
#include "support/in_a_copy.hpp"
#include "support/sanitized.hpp"

#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(executor_work_guard.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(strand.hpp)
#include BROOD_ASIO_HEADER(use_future.hpp)

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

using namespace brood;
// Not all of it: its `threads` is a function.
using brood_test::child;
using brood_test::children;
using brood_test::error_of;
using brood_test::in_a_copy;
using brood_test::must;
using brood_test::pattern;
using brood_test::process_exists;
using brood_test::process_is_alive;
using brood_test::require;
using brood_test::require_equal;
using brood_test::run_bounded;
using brood_test::thrown_by;
using brood_test::wait_until;

using threads = brood_test::clean_test;

using brood_test::sanitized;

// How often something is done where `times` is the most that is sensible.
constexpr int often(int times)
{
    return sanitized ? times / 4 : times;
}

// Runs `body(i)` on `count` threads at once, and throws what one of them
// throws.
template <class Body>
void on_threads(int count, Body body)
{
    std::vector<std::future<void>> all;
    for (int i = 0; i < count; ++i)
        all.push_back(std::async(std::launch::async, body, i));
    for (auto& each : all)
        each.get();
}

awaitable<int> exit_code_of(int code)
{
    auto p = co_await create_subprocess(child("exit", std::to_string(code)));
    co_return co_await p.wait();
}

awaitable<std::string> echo_of(std::string text)
{
    auto cat = co_await create_subprocess(child("cat").in(piped).out(piped));
    auto done = co_await cat.communicate(std::move(text));
    co_return done.out;
}

// One of the two in turn; true if the child did what it should.
awaitable<bool> is_right(int number)
{
    if (number % 10 != 0) {
        const int code = co_await exit_code_of(number % 256);
        co_return code == number % 256;
    }
    const std::string text =
        std::to_string(number) + pattern(static_cast<std::size_t>(number));
    const auto echoed = co_await echo_of(text);
    co_return echoed == text;
}

}  // namespace

TEST_F(threads, loops_on_many_threads_run_children_at_once)
{
    constexpr int loops = 16;
    constexpr int children_each = often(1000);
    std::atomic<int> right = 0;
    on_threads(loops, [&](int) {
        const auto results = run(
            gather(std::views::iota(0, children_each) |
                       std::views::transform([](int i) { return is_right(i); }),
                   in_flight(4)));
        for (const bool each : results)
            right += each;
    });
    EXPECT_EQ(right, loops * children_each);
}

TEST_F(threads, a_loop_on_many_threads_serves_a_strand_for_each_child)
{
    constexpr int count = often(500);
    asio::io_context io;
    auto work = asio::make_work_guard(io);
    auto running = std::async(
        std::launch::async, [&io] { on_threads(4, [&io](int) { io.run(); }); });
    std::vector<std::future<bool>> results;
    for (int i = 0; i < count; ++i)
        results.push_back(asio::co_spawn(executor(asio::make_strand(io)),
                                         is_right(i), asio::use_future));
    int right = 0;
    for (auto& each : results)
        right += each.get();
    EXPECT_EQ(right, count);
    work.reset();
    running.get();
}

namespace {

awaitable<int> wait_for_exit(process p)
{
    co_return co_await p.wait();
}

}  // namespace

TEST_F(threads, children_are_started_from_threads_that_run_no_loop)
{
    asio::io_context io;
    auto work = asio::make_work_guard(io);
    auto running = std::async(std::launch::async, [&io] { io.run(); });
    on_threads(8, [&io](int thread) {
        for (int i = 0; i < often(50); ++i) {
            // Each its own: the loop must not run what is still being made.
            auto p = spawn_process(
                io, child("exit", std::to_string(thread)).out(piped));
            auto code = asio::co_spawn(io, wait_for_exit(std::move(p)),
                                       asio::use_future);
            EXPECT_EQ(code.get(), thread);
        }
    });
    work.reset();
    running.get();
}

// ---------------------------------------------------------- descriptors

namespace {

// Opens and closes descriptors until it is told to stop. Throws if one of
// them was closed, or changed, by someone else.
void use_descriptors(const std::atomic<bool>& stop, int flags)
{
    char byte = 'a';
    while (!stop) {
        int ends[2];
        must(::pipe2(ends, flags));
        const int null = must(::open("/dev/null", O_RDWR | flags));
        const int copy = must(
            ::fcntl(ends[1], flags & O_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0));
        require_equal(::write(copy, &byte, 1), ssize_t{1});
        char got = 0;
        require_equal(::read(ends[0], &got, 1), ssize_t{1});
        require_equal(got, byte);
        require_equal(::write(null, &byte, 1), ssize_t{1});
        for (const int fd : {ends[0], ends[1], null, copy})
            must(::close(fd));
        byte = byte == 'z' ? 'a' : static_cast<char>(byte + 1);
    }
}

command print_fds(bool close_fds)
{
    return child("print-fds")
        .in(devnull)
        .out(piped)
        .err(piped)
        .close_fds(close_fds);
}

awaitable<std::string> output_of(command what)
{
    auto p = co_await create_subprocess(std::move(what));
    auto done = co_await p.communicate();
    co_return done.out;
}

// Every other start fails, and has its pipes to close.
awaitable<void> start_good_and_bad(command what, std::string expected)
{
    const auto bad = exec("/nonexistent").in(piped).out(piped).err(piped);
    for (int i = 0; i < often(100); ++i) {
        const auto got = co_await output_of(what);
        EXPECT_EQ(got, expected);
        const auto failure =
            co_await thrown_by<spawn_error>(create_subprocess(bad));
        EXPECT_EQ(failure.value().step(), spawn_step::exec);
    }
}

}  // namespace

TEST_F(threads, spawning_while_others_open_files_leaks_nothing)
{
    // What is not close-on-exec is inherited where that is asked for; so
    // there, others open only what is.
    for (const bool close_fds : {true, false}) {
        const auto expected = run(output_of(print_fds(close_fds)));
        if (close_fds) {
            EXPECT_EQ(expected, "0 null\n1 pipe\n2 pipe\n");
        }
        std::atomic<bool> stop = false;
        auto others = std::async(std::launch::async, [&] {
            on_threads(4, [&](int i) {
                use_descriptors(stop, close_fds && i % 2 ? 0 : O_CLOEXEC);
            });
        });
        on_threads(4, [&](int) {
            run(start_good_and_bad(print_fds(close_fds), expected));
        });
        stop = true;
        others.get();
    }
}

// ------------------------------------------------- the end of a loop

namespace {

// Everything that a handle whose loop is gone can be asked for.
awaitable<void> use_all(process& p)
{
    EXPECT_FALSE(p.send_signal(SIGTERM));
    EXPECT_FALSE(p.terminate());
    EXPECT_FALSE(p.kill());
    static_cast<void>(p.poll());
    static_cast<void>(p.status());
    static_cast<void>(p.usage());
    EXPECT_GT(p.pid(), 0);
    static_cast<void>(p.get_executor());
    static_cast<void>(co_await error_of(p.wait()));
    EXPECT_TRUE(co_await error_of(p.communicate()));
    // What was read before is still there.
    EXPECT_EQ(p.out().try_readline(), "two\n");
    EXPECT_EQ(co_await p.out().read(1), "3");
    EXPECT_TRUE(co_await error_of(p.out().read(1)));
    EXPECT_TRUE(co_await error_of(p.out().read()));
    EXPECT_TRUE(co_await error_of(p.out().readline()));
    char byte = 0;
    EXPECT_TRUE(
        co_await error_of(p.out().async_read_some(asio::buffer(&byte, 1))));
    EXPECT_FALSE(p.out().at_eof());
    EXPECT_FALSE(p.in().write("x"));
    EXPECT_TRUE(p.in().is_closing());
    EXPECT_TRUE(co_await error_of(p.in().drain()));
    EXPECT_TRUE(co_await error_of(p.in().wait_closed()));
    EXPECT_TRUE(
        co_await error_of(p.in().async_write_some(asio::buffer("x", 1))));
    p.in().close();
    p.out().close();
}

}  // namespace

TEST_F(threads, handles_outlive_their_loops_and_children_do_not)
{
    on_threads(8, [](int) {
        for (int i = 0; i < often(20) + 1; ++i) {
            auto io = std::make_unique<asio::io_context>();
            std::vector<process> all;
            for (int each = 0; each < 3; ++each)
                all.push_back(spawn_process(
                    *io, shell("printf 'one\\ntwo\\n3'; exec sleep 600")
                             .in(piped)
                             .out(piped)));
            // Each with something under way: nothing, reading, all.
            std::vector<std::future<std::string>> lines;
            for (auto& each : all)
                lines.push_back(asio::co_spawn(*io, each.out().readline(),
                                               asio::use_future));
            while (io->run_one() != 0)
                if (std::ranges::all_of(lines, [](auto& line) {
                        return line.wait_for(std::chrono::seconds(0)) ==
                               std::future_status::ready;
                    }))
                    break;
            for (auto& line : lines)
                EXPECT_EQ(line.get(), "one\n");
            all[1].in().write(pattern(300'000));
            auto waiting = asio::co_spawn(*io, all[1].wait(), asio::use_future);
            auto draining =
                asio::co_spawn(*io, all[1].in().drain(), asio::use_future);
            auto reading = asio::co_spawn(*io, all[1].out().readexactly(999),
                                          asio::use_future);
            auto talking = asio::co_spawn(
                *io, all[2].communicate(pattern(300'000)), asio::use_future);
            io->poll();

            std::vector<int> pids;
            for (const auto& each : all)
                pids.push_back(each.pid());
            io.reset();
            EXPECT_THROW(waiting.get(), std::future_error);
            EXPECT_THROW(draining.get(), std::future_error);
            EXPECT_THROW(reading.get(), std::future_error);
            EXPECT_THROW(talking.get(), std::future_error);
            for (const int pid : pids)
                EXPECT_TRUE(wait_until([pid] { return !process_exists(pid); }));
            for (auto& each : all)
                run(use_all(each));
        }
    });
}

TEST_F(threads, dropped_children_of_all_loops_are_collected)
{
    on_threads(16, [](int) {
        asio::io_context io;
        for (int round = 0; round < often(30) + 1; ++round) {
            std::vector<process> dropped;
            for (int i = 0; i < 4; ++i)
                dropped.push_back(
                    spawn_process(io, exec("sleep", "600").new_session()));
        }
    });
    EXPECT_TRUE(wait_until([] { return children().empty(); }));
}

// ------------------------------------------------------------------ fork

TEST_F(threads, a_fork_of_the_program_runs_its_own_loop)
{
    // The copy starts threads, which no sanitizer of threads lets a copy of
    // a program with several do; and that of addresses may be forked while
    // another thread holds its locks.
    constexpr int others = sanitized ? 0 : 3;
    auto main = []() -> awaitable<void> {
        auto before =
            co_await create_subprocess(child("dialogue").in(piped).out(piped));
        std::atomic<bool> stop = false;
        auto busy = std::async(std::launch::async, [&stop] {
            on_threads(others, [&stop](int i) {
                for (int n = i; !stop; ++n)
                    EXPECT_TRUE(run(is_right(n)));
            });
        });
        std::optional<process> detached;
        if (sanitized) {
            // The thread that was to start others is gone, too.
            busy.get();
        } else {
            // Keeps the thread busy that collects what nobody waits for.
            detached = co_await create_subprocess(exec("sleep", "600"));
            detached->detach();
        }
        const int left_alone = detached ? detached->pid() : -1;
        detached.reset();
        for (int copy = 0; copy < often(50); ++copy) {
            const int code = in_a_copy([] {
                const auto own = run(gather(
                    std::views::iota(0, 20) | std::views::transform([](int i) {
                        return is_right(i);
                    }),
                    in_flight(5)));
                for (const bool each : own)
                    require(each);
                // Dropped here, collected here.
                {
                    asio::io_context io;
                    const auto dropped =
                        spawn_process(io, exec("sleep", "600"));
                }
                require(wait_until([] { return children().empty(); }));
            });
            EXPECT_EQ(code, 0);
            // Ours have not noticed.
            before.in().write("line\n");
            EXPECT_EQ(co_await before.out().readline(), "got: line\n");
            EXPECT_TRUE(co_await is_right(copy));
        }
        stop = true;
        if (!sanitized) {
            busy.get();
            EXPECT_TRUE(process_is_alive(left_alone));
            ::kill(left_alone, SIGKILL);
        }
        before.in().close();
        EXPECT_EQ(co_await before.wait(), 0);
    };
    run_bounded(main());
}
