// copy_ends.cpp: copies that do not come to the end of what they read: their
// streams are closed, their processes dropped, their loop goes.
#include "support/async_test.hpp"
#include "support/fixture.hpp"
#include "support/taken_writer.hpp"

#include BROOD_ASIO_HEADER(strand.hpp)

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace {

using namespace brood;
using namespace brood_test;

using copies = clean_test;

const error_code broken_pipe(EPIPE, asio::error::get_system_category());

// What one read of a pipe gives at the most, and so what fills one.
constexpr std::size_t full = std::size_t{64} * 1024;

// Large enough for what the tests read ahead.
constexpr std::size_t limit = 8 * full;

// Lets `from` read `bytes` into its buffer.
awaitable<void> read_ahead(fed_reader& from, std::string_view bytes)
{
    auto searching = co_await create_task(from->readuntil("never"));
    for (; !bytes.empty(); bytes.remove_prefix(std::min(full, bytes.size()))) {
        from.feed(bytes.substr(0, full));
        co_await settle();
    }
    searching.cancel();
    co_await settle();
}

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

TEST_F(copies, end_when_the_reader_is_closed_with_much_read_ahead)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io, limit);
        taken_writer to(io);
        const auto sent = pattern(6 * full);
        co_await read_ahead(from, sent);
        to->write(pattern(full));
        auto copied = co_await create_task(copy(*from, *to));
        co_await settle();
        EXPECT_FALSE(copied.done());
        const auto kept = to.waiting();
        from->close();
        co_await settle();
        EXPECT_TRUE(copied.done());
        EXPECT_EQ(co_await error_of(copied.join()), errc::stream_closed);
        // No more is passed on, and what was not is still there.
        EXPECT_EQ(to.waiting(), kept);
        const auto rest = co_await from->read(sent.size() - kept);
        EXPECT_TRUE(rest == std::string_view(sent).substr(kept));
    };
    run_bounded(main());
}

TEST_F(copies, end_when_the_writer_is_closed_and_their_move_waits)
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
        to->close();
        co_await settle();
        EXPECT_TRUE(copied.done());
        EXPECT_EQ(co_await error_of(copied.join()), errc::stream_closed);
        EXPECT_EQ(co_await from->read(4), "rest");
        EXPECT_EQ(to.take().size(), full);
        EXPECT_TRUE(to.at_end());
    };
    run_bounded(main());
}

TEST_F(copies, end_when_the_writer_is_closed_and_their_drain_waits)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io, limit);
        taken_writer to(io);
        const auto sent = pattern(3 * full);
        co_await read_ahead(from, sent);
        to->write(pattern(full));
        auto copied = co_await create_task(copy(*from, *to));
        co_await settle();
        EXPECT_FALSE(copied.done());
        to->close();
        co_await settle();
        EXPECT_TRUE(copied.done());
        EXPECT_EQ(co_await error_of(copied.join()), errc::stream_closed);
        // What it has passed on is sent all the same.
        std::string got;
        while (!to.at_end()) {
            got += to.take();
            co_await turns(1);
        }
        from.finish();
        EXPECT_TRUE(got + co_await from->read() == pattern(full) + sent);
    };
    run_bounded(main());
}

TEST_F(copies, closed_between_any_two_handlers_end_at_once)
{
    enum class what { reader, writer, process };
    for (const auto closed : {what::reader, what::writer, what::process})
        for (const bool read_before : {false, true})
            for (int count = 0; count < 12; ++count) {
                asio::io_context io;
                fed_reader from(io.get_executor(), limit);
                taken_writer to(io.get_executor());
                // Nothing can be passed on before this is taken.
                to->write(pattern(full + 1));
                from.feed(pattern(full));
                if (read_before)
                    static_cast<void>(
                        cancelled_between(io, 50, from->readuntil("never")));
                bool over = false;
                async_copy(*from, *to,
                           [&](error_code, std::uint64_t) { over = true; });
                io.restart();
                for (int turn = 0; turn < count; ++turn)
                    io.poll_one();
                EXPECT_FALSE(over);
                if (closed == what::reader)
                    from->close();
                else if (closed == what::writer)
                    to->close();
                else
                    to.drop();
                io.restart();
                io.poll();
                EXPECT_TRUE(over) << count;
            }
}

// Where several threads run the loop, another handler can come in between.
TEST_F(copies, closed_between_a_wait_and_its_move_end_at_once)
{
    asio::io_context io;
    const executor strand(asio::make_strand(io));
    fed_reader from(strand);
    taken_writer to(strand);
    to->write(pattern(full + 1));
    bool over = false;
    async_copy(*from, *to, [&](error_code, std::uint64_t) { over = true; });
    io.poll();
    EXPECT_FALSE(over);
    asio::post(strand, [&] {
        from.feed("late");
        // The other thread sees it, but the strand is ours.
        std::thread([&io] { io.run_one(); }).join();
        from->close();
    });
    io.restart();
    io.poll();
    EXPECT_TRUE(over);
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

TEST_F(copies, end_when_a_child_is_dropped_whose_close_is_awaited)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io);
        std::optional<task<std::uint64_t>> copied;
        std::optional<task<void>> closing;
        {
            auto cat =
                co_await create_subprocess(child("cat").in(piped).out(devnull));
            copied = co_await create_task(copy(*from, cat.in()));
            closing = co_await create_task(cat.in().wait_closed());
            co_await settle();
        }
        co_await settle();
        EXPECT_TRUE(copied->done());
        EXPECT_TRUE(closing->done());
        EXPECT_EQ(co_await error_of(copied->join()), errc::stream_closed);
        co_await closing->join();
    };
    run_bounded(main());
}

TEST_F(copies, end_when_the_process_is_dropped_and_their_move_waits)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        for (const bool awaited : {false, true}) {
            fed_reader from(io);
            taken_writer to(io);
            to->write(pattern(full));
            from.feed("rest");
            auto copied = co_await create_task(copy(*from, *to));
            std::optional<task<void>> closing;
            if (awaited)
                closing = co_await create_task(to->wait_closed());
            co_await settle();
            to.drop();
            co_await settle();
            EXPECT_TRUE(copied.done());
            EXPECT_EQ(co_await error_of(copied.join()), errc::stream_closed);
            if (awaited)
                co_await closing->join();
            EXPECT_EQ(co_await from->read(4), "rest");
            EXPECT_EQ(to.take().size(), full);
            EXPECT_TRUE(to.at_end());
        }
    };
    run_bounded(main());
}

TEST_F(copies, end_when_the_process_is_dropped_and_their_drain_waits)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io, limit);
        taken_writer to(io);
        const auto sent = pattern(3 * full);
        co_await read_ahead(from, sent);
        to->write(pattern(full));
        auto copied = co_await create_task(copy(*from, *to));
        co_await settle();
        EXPECT_FALSE(copied.done());
        const auto kept = to.waiting();
        to.drop();
        co_await settle();
        EXPECT_TRUE(copied.done());
        // Something that was to be sent is lost.
        EXPECT_EQ(co_await error_of(copied.join()), broken_pipe);
        EXPECT_EQ(to.take().size(), full);
        EXPECT_TRUE(to.at_end());
        const auto rest = co_await from->read(sent.size() - kept);
        EXPECT_TRUE(rest == std::string_view(sent).substr(kept));
    };
    run_bounded(main());
}

// As one does that runs out of memory before it waits for anything.
TEST_F(copies, that_go_without_an_end_leave_their_streams_free)
{
    asio::io_context io;
    fed_reader from(io.get_executor());
    bool called = false;
    {
        taken_writer to(io.get_executor());
        to->write(pattern(full));
        from.feed("a line\n");
        async_copy(*from, *to,
                   [&](error_code, std::uint64_t) { called = true; });
        io.poll();
        to.abandon();
    }
    std::string line;
    asio::co_spawn(
        io, from->readline(),
        [&](std::exception_ptr, std::string got) { line = std::move(got); });
    io.restart();
    io.poll();
    EXPECT_EQ(line, "a line\n");
    EXPECT_FALSE(called);
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
