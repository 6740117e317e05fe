// stream_pipe.cpp: reading from a child that goes on, or has gone.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

namespace {

using namespace brood;
using namespace brood_test;

using streams = clean_test;

// The number of the one pipe that has been opened since `before`.
int new_pipe(const descriptor_table& before)
{
    for (const auto& [fd, target] : open_descriptors())
        if (!before.contains(fd) && target.starts_with("pipe:"))
            return fd;
    return -1;
}

}  // namespace

TEST_F(streams, a_slow_reader_holds_the_child_back)
{
    auto main = []() -> awaitable<void> {
        const auto before = open_descriptors();
        auto flood = co_await create_subprocess(
            child("flood", "1M").out(piped).limit(10));
        const int pipe = new_pipe(before);
        const auto full = [pipe] {
            return os::bytes_waiting(pipe) == os::pipe_capacity(pipe);
        };
        EXPECT_TRUE(co_await becomes_true(full));
        co_await settle();
        // Nobody asked, so nothing was read, and the child waits.
        EXPECT_TRUE(full());
        EXPECT_EQ(flood.poll(), std::nullopt);
        EXPECT_EQ(co_await flood.out().read(1), pattern(1));
        EXPECT_TRUE(co_await becomes_true(full));
        co_await settle();
        EXPECT_TRUE(full());
        EXPECT_EQ(co_await flood.out().read(), pattern(1 << 20).substr(1));
        EXPECT_EQ(co_await flood.wait(), 0);

        auto small = co_await create_subprocess(
            child("flood", "21").out(piped).limit(10));
        std::string got;
        while (!small.out().at_eof())
            got += co_await small.out().read(4);
        EXPECT_EQ(got, pattern(21));
    };
    run_bounded(main());
}

TEST_F(streams, output_is_readable_after_exit)
{
    auto main = []() -> awaitable<void> {
        const auto all = pattern(256 * 1024);
        auto done = co_await create_subprocess(
            child("flood", "256K", "1").out(piped).pipe_size(256 * 1024));
        EXPECT_EQ(co_await done.wait(), 1);
        std::string got;
        while (!done.out().at_eof())
            got += co_await done.out().read(1000);
        EXPECT_TRUE(got == all);

        // A read that begins before the exit.
        auto early =
            co_await create_subprocess(child("flood", "256K", "1").out(piped));
        auto reading = co_await create_task(early.out().read(200));
        auto exit = co_await create_task(early.wait());
        got = co_await reading.join();
        while (!early.out().at_eof())
            got += co_await early.out().read(1000);
        EXPECT_TRUE(got == all);
        EXPECT_EQ(co_await exit.join(), 1);

        auto lines =
            co_await create_subprocess(child("lines", "1000").out(piped));
        EXPECT_EQ(co_await lines.wait(), 0);
        EXPECT_EQ(co_await lines.out().readline(), "0\n");
        EXPECT_TRUE((co_await lines.out().read()).ends_with("\n999\n"));
    };
    run_bounded(main());
}

TEST_F(streams, closing_the_reader_breaks_the_childs_pipe)
{
    auto main = []() -> awaitable<void> {
        auto flood =
            co_await create_subprocess(child("flood", "1G").out(piped));
        EXPECT_EQ(co_await flood.out().readexactly(10), pattern(10));
        flood.out().close();
        EXPECT_EQ(co_await flood.wait(), -SIGPIPE);
        // What had been read is still given out.
        const auto rest = co_await flood.out().read(100);
        EXPECT_EQ(rest, pattern(110).substr(10));
    };
    run_bounded(main());
}
