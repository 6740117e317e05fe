// copy_ends.cpp: copies that do not come to the end of what they read: their
// streams are closed, their processes dropped, their loop goes.
#include "support/async_test.hpp"
#include "support/fixture.hpp"
#include "support/taken_writer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace {

using namespace brood;
using namespace brood_test;

using copies = clean_test;

// What one read of a pipe gives at the most, and so what fills one.
constexpr std::size_t full = std::size_t{64} * 1024;

}  // namespace

TEST_F(copies, end_when_their_streams_are_closed_meanwhile)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io);
        taken_writer to(io);
        auto copied = co_await create_task(copy(*from, *to));
        co_await settle();
        from->close();
        EXPECT_EQ(co_await error_of(copied.join()), errc::stream_closed);

        fed_reader other(io);
        auto second = co_await create_task(copy(*other, *to));
        co_await settle();
        to->close();
        other.feed("too late");
        EXPECT_EQ(co_await error_of(second.join()), errc::stream_closed);
        EXPECT_EQ(co_await other->read(8), "too late");
    };
    run_bounded(main());
}

TEST_F(copies, end_when_the_reader_is_closed_and_the_writer_is_slow)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io);
        taken_writer to(io);
        to->write(pattern(full));
        from.feed("rest");
        auto copied = co_await create_task(copy(*from, *to));
        co_await settle();
        EXPECT_FALSE(copied.done());
        from->close();
        co_await settle();
        EXPECT_TRUE(copied.done());
        EXPECT_EQ(co_await error_of(copied.join()), errc::stream_closed);
    };
    run_bounded(main());
}

TEST_F(copies, end_when_the_writer_is_closed_and_the_reader_silent)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io);
        taken_writer to(io);
        auto copied = co_await create_task(copy(*from, *to));
        co_await settle();
        EXPECT_FALSE(copied.done());
        to->close();
        co_await settle();
        EXPECT_TRUE(copied.done());
        EXPECT_EQ(co_await error_of(copied.join()), errc::stream_closed);
    };
    run_bounded(main());
}

// Here it reads and writes.
TEST_F(copies, from_a_terminal_end_when_the_child_that_reads_is_dropped)
{
    auto main = []() -> awaitable<void> {
        auto source =
            co_await create_subprocess(child("cat").in(pty()).out(pty()));
        std::optional<task<std::uint64_t>> copied;
        {
            auto cat =
                co_await create_subprocess(child("cat").in(piped).out(devnull));
            copied = co_await create_task(copy(source.out(), cat.in()));
            co_await settle();
        }
        EXPECT_EQ(co_await error_of(copied->join()), errc::stream_closed);
    };
    run_bounded(main());
}

TEST_F(copies, end_when_the_child_that_reads_is_dropped)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io);
        std::optional<task<std::uint64_t>> copied;
        {
            auto cat =
                co_await create_subprocess(child("cat").in(piped).out(devnull));
            copied = co_await create_task(copy(*from, cat.in()));
            co_await settle();
        }
        from.feed("nobody is there");
        EXPECT_EQ(co_await error_of(copied->join()), errc::stream_closed);
        EXPECT_EQ(co_await from->read(100), "nobody is there");
    };
    run_bounded(main());
}

TEST_F(copies, go_with_their_loop)
{
    for (const bool awaited : {false, true})
        for (int count = 0; count < 8; ++count) {
            asio::io_context io;
            auto source = spawn_process(io, child("flood", "1G").out(piped));
            auto cat = spawn_process(
                io, child("ready-then-pause").in(piped).out(devnull));
            bool called = false;
            if (awaited)
                asio::co_spawn(io, copy(source.out(), cat.in()),
                               [&called](std::exception_ptr, std::uint64_t) {
                                   called = true;
                               });
            else
                async_copy(
                    source.out(), cat.in(),
                    [&called](error_code, std::uint64_t) { called = true; });
            for (int turn = 0; turn < count; ++turn)
                io.poll_one();
            EXPECT_FALSE(called);
        }
}

TEST_F(copies, and_writes_that_wait_go_with_their_loop)
{
    const auto ignored = [](std::exception_ptr, auto...) {};
    for (int what = 0; what < 4; ++what) {
        asio::io_context io;
        auto source = spawn_process(io, child("flood", "1G").out(piped));
        auto slow =
            spawn_process(io, child("ready-then-pause").in(piped).out(devnull));
        auto& in = slow.in();
        // So much waits that whoever waits for it waits for ever.
        if (what == 0) {
            in.write(pattern(full));
            asio::co_spawn(io, copy(source.out(), in), ignored);
        } else if (what == 1) {
            in.write(pattern(full));
            asio::co_spawn(
                io, in.async_write_some(asio::buffer("x", 1), use_awaitable),
                ignored);
        } else if (what == 2) {
            in.write(pattern(4 * full));
            asio::co_spawn(io, in.drain(), ignored);
        } else {
            in.write(pattern(4 * full));
            asio::co_spawn(io, in.wait_closed(), ignored);
        }
        for (int turn = 0; turn < 50; ++turn)
            io.poll_one();
        // The processes go first, then the loop; then no descriptor is left.
    }
}
