// copy.cpp: what one child writes is what another one reads, moved where that
// can be done, and never lost, whatever happens to either.
#include "support/async_test.hpp"
#include "support/fixture.hpp"
#include "support/refused_calls.hpp"
#include "support/taken_writer.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <sys/syscall.h>

namespace {

using namespace brood;
using namespace brood_test;
using namespace std::chrono_literals;

using copies = clean_test;

const error_code broken_pipe(EPIPE, asio::error::get_system_category());

constexpr std::size_t mib = 1 << 20;

// The bytes that this process has read with read(2) and its like; proc(5).
std::uint64_t bytes_read()
{
    std::ifstream file("/proc/self/io");
    std::string name;
    std::uint64_t value = 0;
    file >> name >> value;
    require_equal(name, "rchar:");
    return value;
}

// 8 MiB from one child to another, and back to us.
awaitable<void> from_child_to_child()
{
    auto source = co_await create_subprocess(child("flood", "8M").out(piped));
    auto cat = co_await create_subprocess(child("cat").in(piped).out(piped));
    auto reading = co_await create_task(cat.out().read());
    EXPECT_EQ(co_await copy(source.out(), cat.in()), 8 * mib);
    EXPECT_TRUE(source.out().at_eof());
    cat.in().close();
    EXPECT_TRUE(co_await reading.join() == pattern(8 * mib));
    EXPECT_EQ(co_await source.wait(), 0);
    EXPECT_EQ(co_await cat.wait(), 0);
}

// What one read of a pipe gives at the most, and so what fills one.
constexpr std::size_t full = std::size_t{64} * 1024;

}  // namespace

TEST_F(copies, pass_on_everything)
{
    run_bounded(from_child_to_child());
}

TEST_F(copies, move_the_bytes_between_pipes_without_reading_them)
{
    auto main = []() -> awaitable<void> {
        auto source =
            co_await create_subprocess(child("flood", "32M").out(piped));
        auto sink = co_await create_subprocess(
            child("count-stdin").in(piped).out(piped));
        const auto before = bytes_read();
        EXPECT_EQ(co_await copy(source.out(), sink.in()), 32 * mib);
        EXPECT_LT(bytes_read() - before, mib);
        sink.in().close();
        EXPECT_EQ(co_await sink.out().readline(),
                  std::to_string(32 * mib) + "\n");
        co_await source.wait();
        co_await sink.wait();
    };
    run_bounded(main());
}

TEST_F(copies, read_and_write_where_the_system_refuses_to_move)
{
    for (const int error : {ENOSYS, EPERM, EINVAL})
        BROOD_IN_A_COPY([error] {
            refuse({{SYS_splice, error}});
            run_bounded(from_child_to_child());
        });
}

TEST_F(copies, read_from_a_terminal)
{
    auto main = []() -> awaitable<void> {
        auto source = co_await create_subprocess(
            child("echo", "one", "two").in(pty()).out(pty()));
        auto cat =
            co_await create_subprocess(child("cat").in(piped).out(piped));
        EXPECT_EQ(co_await copy(source.out(), cat.in()), 10u);
        cat.in().close();
        EXPECT_EQ(co_await cat.out().read(), "one\r\ntwo\r\n");
        co_await source.wait();
        co_await cat.wait();
    };
    run_bounded(main());
}

TEST_F(copies, keep_the_order_with_what_was_read_and_written_before)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io);
        taken_writer to(io);
        // More than the pipe takes, so that some of it waits.
        const auto first = pattern(200'000);
        to->write(first);
        from.feed("a line\nsecond");
        EXPECT_EQ(co_await from->readline(), "a line\n");
        from.feed(", third");
        from.finish();
        auto copied = co_await create_task(copy(*from, *to));
        co_await settle();
        // What has been read goes behind what waits; what has not, too.
        std::string got = to.take();
        while (got.size() < first.size() + 13) {
            co_await settle();
            got += to.take();
        }
        EXPECT_TRUE(got == first + "second, third");
        EXPECT_EQ(co_await copied.join(), 13u);
    };
    run_bounded(main());
}

TEST_F(copies, wait_for_who_is_slow)
{
    auto main = []() -> awaitable<void> {
        auto cat =
            co_await create_subprocess(child("cat").in(piped).out(devnull));
        cat.send_signal(SIGSTOP);
        EXPECT_TRUE(co_await becomes_true(
            [pid = cat.pid()] { return process_state(pid) == 'T'; }));
        auto source =
            co_await create_subprocess(child("flood", "4M").out(piped));
        auto copied = co_await create_task(copy(source.out(), cat.in()));
        // Once both pipes are full, nobody has anything to do.
        EXPECT_TRUE(co_await becomes_true(
            [pid = source.pid()] { return process_state(pid) == 'S'; }));
        co_await settle();
        EXPECT_FALSE(copied.done());
        EXPECT_EQ(source.poll(), std::nullopt);
        cat.send_signal(SIGCONT);
        EXPECT_EQ(co_await copied.join(), 4 * mib);
        cat.in().close();
        EXPECT_EQ(co_await cat.wait(), 0);
        EXPECT_EQ(co_await source.wait(), 0);
    };
    run_bounded(main());
}

TEST_F(copies, cancelled_between_any_two_handlers_lose_nothing)
{
    const auto sent = pattern(300'001);
    for (const bool read_before : {false, true})
        for (int count = 0; count < 12; ++count) {
            asio::io_context io;
            fed_reader from(io.get_executor());
            taken_writer to(io.get_executor());
            std::string got;
            std::size_t fed = 0;
            std::optional<std::uint64_t> over;
            for (int turn = 0; !over; ++turn) {
                // One that is stopped before it has done anything must be let
                // go on at times.
                const bool enough = fed - got.size() > 40'000;
                const auto piece = std::min(sent.size() - fed,
                                            std::size_t{enough ? 0u : 7001u});
                from.feed(std::string_view(sent).substr(fed, piece));
                fed += piece;
                const bool last = fed == sent.size();
                if (last)
                    from.finish();
                if (read_before && !last && turn % 3 == 0) {
                    io.restart();
                    static_cast<void>(
                        cancelled_between(io, 3, from->readuntil("never")));
                }
                over = cancelled_between(io, enough || last ? 100 : count,
                                         copy(*from, *to));
                got += to.take();
                io.restart();
                io.poll();
                got += to.take();
            }
            EXPECT_TRUE(got == sent) << count;
        }
}

TEST_F(copies, end_at_once_when_cancelled_while_a_move_waits)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io);
        taken_writer to(io);
        to->write(pattern(full));
        from.feed("rest\n");
        auto copied = co_await create_task(copy(*from, *to));
        co_await settle();
        EXPECT_FALSE(copied.done());
        copied.cancel();
        co_await settle();
        EXPECT_TRUE(copied.done());
        // Neither side is left in use, and nothing is lost.
        EXPECT_EQ(co_await from->readline(), "rest\n");
        EXPECT_EQ(to.take().size(), full);
        EXPECT_TRUE(to->write("more"));
        EXPECT_EQ(to.take(), "more");
    };
    run_bounded(main());
}

TEST_F(copies, end_at_once_when_cancelled_while_what_was_read_waits)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io, mib);
        taken_writer to(io);
        const auto sent = pattern(3 * full);
        // All of it is in the reader's buffer.
        auto searching = co_await create_task(from->readuntil("never"));
        for (std::size_t at = 0; at != sent.size(); at += full) {
            from.feed(std::string_view(sent).substr(at, full));
            co_await settle();
        }
        searching.cancel();
        co_await settle();
        to->write(pattern(full));
        auto copied = co_await create_task(copy(*from, *to));
        co_await settle();
        EXPECT_FALSE(copied.done());
        // No more is taken over than a drain waits for.
        EXPECT_GT(to.waiting(), full);
        EXPECT_LE(to.waiting(), 2 * full);
        // In use all the while.
        EXPECT_TRUE(co_await thrown_by<std::logic_error>(from->readline()));
        copied.cancel();
        co_await settle();
        EXPECT_TRUE(copied.done());
        std::string got;
        while (to.waiting() != 0) {
            got += to.take();
            co_await turns(1);
        }
        got += to.take();
        from.finish();
        EXPECT_TRUE(got + co_await from->read() == pattern(full) + sent);
    };
    run_bounded(main());
}

TEST_F(copies, tell_that_nobody_reads_any_more_and_how_far_they_came)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io);
        taken_writer to(io);
        from.feed("first");
        error_code why;
        std::uint64_t copied = 0;
        bool over = false;
        async_copy(*from, *to, [&](error_code ec, std::uint64_t bytes) {
            over = true;
            why = ec;
            copied = bytes;
        });
        EXPECT_FALSE(over);
        co_await settle();
        EXPECT_FALSE(over);
        EXPECT_EQ(to.take(), "first");
        to.leave();
        from.feed("second");
        EXPECT_TRUE(co_await becomes_true([&] { return over; }));
        EXPECT_EQ(why, broken_pipe);
        EXPECT_EQ(copied, 5u);
        // Not lost: somebody else may have it.
        EXPECT_EQ(co_await from->read(6), "second");
        // Said at once the next time.
        EXPECT_EQ(co_await error_of(copy(*from, *to)), broken_pipe);
    };
    run_bounded(main());
}

TEST_F(copies, refuse_streams_that_are_closed_or_in_use)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io);
        taken_writer to(io);
        {
            auto reading = co_await create_task(from->readline());
            EXPECT_EQ(co_await error_of(copy(*from, *to)),
                      errc::already_reading);
            from.feed("line\n");
            EXPECT_EQ(co_await reading.join(), "line\n");
        }
        {
            auto copied = co_await create_task(copy(*from, *to));
            co_await settle();
            EXPECT_TRUE(co_await thrown_by<std::logic_error>(from->readline()));
            EXPECT_EQ(co_await error_of(copy(*from, *to)),
                      errc::already_reading);
            copied.cancel();
            EXPECT_TRUE(co_await thrown_by<system_error>(copied.join()));
        }
        {
            to->write(pattern(64 * 1024));
            auto writing = co_await create_task(
                to->async_write_some(asio::buffer("x", 1), use_awaitable));
            co_await settle();
            EXPECT_EQ(co_await error_of(copy(*from, *to)),
                      errc::already_writing);
            to.take();
            EXPECT_EQ(co_await writing.join(), 1u);
        }
        from->close();
        EXPECT_EQ(co_await error_of(copy(*from, *to)), errc::stream_closed);
        fed_reader other(io);
        to->close();
        EXPECT_EQ(co_await error_of(copy(*other, *to)), errc::stream_closed);
    };
    run_bounded(main());
}

TEST_F(copies, see_the_end_also_where_nobody_takes_anything_any_more)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        for (const bool gone : {false, true}) {
            fed_reader from(io);
            taken_writer to(io);
            from.feed("all");
            auto copied = co_await create_task(copy(*from, *to));
            co_await settle();
            EXPECT_EQ(to.take(), "all");
            if (gone)
                to.leave();
            else
                to->write(pattern(full));
            from.finish();
            EXPECT_EQ(co_await copied.join(), 3u);
            to->close();
            co_await to->wait_closed();  // nothing has failed
        }
    };
    run_bounded(main());
}

TEST_F(copies, into_one_writer_are_one_at_a_time)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        fed_reader from(io);
        fed_reader other(io);
        taken_writer to(io);
        auto copied = co_await create_task(copy(*from, *to));
        co_await settle();
        other.feed("other");
        EXPECT_EQ(co_await error_of(copy(*other, *to)), errc::already_writing);
        EXPECT_EQ(co_await error_of(to->async_write_some(asio::buffer("x", 1),
                                                         use_awaitable)),
                  errc::already_writing);
        from.feed("first");
        from.finish();
        EXPECT_EQ(co_await copied.join(), 5u);
        other.finish();
        EXPECT_EQ(co_await copy(*other, *to), 5u);
        EXPECT_EQ(to.take(), "firstother");
    };
    run_bounded(main());
}

TEST_F(copies, outlive_the_processes_whose_streams_they_are)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        taken_writer to(io);
        std::optional<task<std::uint64_t>> copied;
        {
            auto source = co_await create_subprocess(
                child("echo", "last words").out(piped));
            copied = co_await create_task(copy(source.out(), *to));
            co_await turns(1);
            EXPECT_EQ(co_await source.wait(), 0);
        }
        EXPECT_EQ(co_await copied->join(), 11u);
        EXPECT_EQ(to.take(), "last words\n");
    };
    run_bounded(main());
}
