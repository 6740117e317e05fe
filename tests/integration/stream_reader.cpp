// stream_reader.cpp: reading what a child writes.
//
// Where it matters which bytes arrive together, the test writes the pipe
// itself (fed_reader); else a child does.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include BROOD_ASIO_HEADER(use_future.hpp)

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/socket.h>

namespace {

using namespace brood;
using namespace brood_test;
using namespace std::chrono_literals;
using namespace std::string_literals;

using streams = clean_test;

// The same pieces for every test: none is a multiple of another.
constexpr std::array<std::size_t, 6> odd_sizes{1, 3, 127, 4095, 4097, 10007};

// Writes `bytes` in odd-sized pieces and closes the stream.
awaitable<void> write_in_pieces(stream_writer& to, std::string bytes)
{
    std::size_t done = 0;
    for (std::size_t i = 0; done != bytes.size(); ++i) {
        const auto size =
            std::min(odd_sizes[i % odd_sizes.size()], bytes.size() - done);
        to.write(std::string_view(bytes).substr(done, size));
        co_await to.drain();
        done += size;
    }
    to.close();
}

}  // namespace

// ----------------------------------------------------------------- read

TEST_F(streams, read_returns_what_is_there)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor, 4);
        EXPECT_EQ(co_await fed->read(0), "");
        auto waiting = co_await create_task(fed->read(100));
        co_await settle();
        EXPECT_FALSE(waiting.done());
        fed.feed("x");
        EXPECT_EQ(co_await waiting.join(), "x");

        fed.feed("hello world");
        EXPECT_EQ(co_await fed->read(0), "");
        EXPECT_EQ(co_await fed->read(5), "hello");
        EXPECT_EQ(co_await fed->read(0), "");
        EXPECT_EQ(co_await fed->read(100), " world");
        // The limit is for lines.
        fed.feed(pattern(1000));
        EXPECT_EQ(co_await fed->read(2000), pattern(1000));

        fed.feed("1\n2|34\n56");
        EXPECT_EQ(co_await fed->readline(), "1\n");
        EXPECT_EQ(co_await fed->readuntil("|"), "2|");
        EXPECT_EQ(co_await fed->read(1), "3");
        EXPECT_EQ(co_await fed->readexactly(1), "4");
        EXPECT_EQ(co_await fed->readline(), "\n");
        fed.finish();
        EXPECT_EQ(co_await fed->read(), "56");
        for (int again = 0; again < 2; ++again) {
            EXPECT_EQ(co_await fed->read(5), "");
            EXPECT_EQ(co_await fed->read(0), "");
            EXPECT_EQ(co_await fed->read(), "");
        }
    };
    run_bounded(main());
}

TEST_F(streams, read_all_joins_everything_to_eof)
{
    auto main = []() -> awaitable<void> {
        auto flood = co_await create_subprocess(
            child("flood", "1M").out(piped).limit(1));
        EXPECT_EQ(co_await flood.out().read(), pattern(1 << 20));
        EXPECT_EQ(co_await flood.out().read(), "");
        EXPECT_EQ(co_await flood.wait(), 0);

        // Many small arrivals on a pipe above 2.
        auto other = co_await create_subprocess(
            shell("for i in 1 2 3 4 5 6 7 8 9; do echo $i >&3; done")
                .child_fd(3, piped_out)
                .limit(1));
        EXPECT_EQ(co_await other.reader(3).read(),
                  "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
        EXPECT_EQ(co_await other.wait(), 0);
    };
    run_bounded(main());
}

// ------------------------------------------------------------- readline

TEST_F(streams, readline_takes_one_line)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor);
        fed.feed("one\ntwo\n\nth");
        EXPECT_EQ(co_await fed->readline(), "one\n");
        EXPECT_EQ(co_await fed->readline(), "two\n");
        EXPECT_EQ(co_await fed->readline(), "\n");
        auto third = co_await create_task(fed->readline());
        for (const char* piece : {"r", "e", "e"}) {
            co_await settle();
            EXPECT_FALSE(third.done());
            fed.feed(piece);
        }
        fed.feed("\nlast");
        EXPECT_EQ(co_await third.join(), "three\n");
        fed.finish();
        EXPECT_EQ(co_await fed->readline(), "last");
        EXPECT_EQ(co_await fed->readline(), "");
        EXPECT_EQ(co_await fed->readline(), "");

        auto lines =
            co_await create_subprocess(child("lines", "2000", "50").out(piped));
        int count = 0;
        for (;;) {
            const auto line = co_await lines.out().readline();
            if (line.empty())
                break;
            EXPECT_EQ(line.size(), 51U);
            EXPECT_TRUE(line.starts_with(std::to_string(count) + ".")) << line;
            ++count;
        }
        EXPECT_EQ(count, 2000);
        EXPECT_EQ(co_await lines.wait(), 0);
    };
    run_bounded(main());
}

TEST_F(streams, try_readline_gives_only_what_is_buffered)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor, 4);
        fed.feed("1\n22\n333\n55555\n6");
        // It reads nothing itself.
        EXPECT_EQ(fed->try_readline(), std::nullopt);
        EXPECT_EQ(co_await fed->readline(), "1\n");
        EXPECT_EQ(fed->try_readline(), "22\n");
        EXPECT_EQ(fed->try_readline(), "333\n");
        // One over the limit is for readline() to report.
        EXPECT_EQ(fed->try_readline(), std::nullopt);
        EXPECT_EQ(co_await fed->readline(5), "55555\n");
        EXPECT_EQ(fed->try_readline(), std::nullopt);
        EXPECT_EQ(co_await fed->read(1), "6");
        fed.finish();
        EXPECT_EQ(co_await fed->read(1), "");
        EXPECT_EQ(fed->try_readline(), std::nullopt);
    };
    run_bounded(main());
}

TEST_F(streams, readline_past_the_limit_loses_nothing)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor, 8);
        fed.feed("12345678\n");
        EXPECT_EQ(co_await fed->readline(), "12345678\n");

        // The newline is there already.
        fed.feed("123456789\nnext\n");
        for (int again = 0; again < 2; ++again) {
            const auto error =
                co_await thrown_by<limit_overrun_error>(fed->readline());
            EXPECT_EQ(error.value().consumed(), 9U);
            EXPECT_EQ(error->code(), errc::limit_overrun);
        }
        EXPECT_EQ(co_await fed->read(9), "123456789");
        EXPECT_EQ(co_await fed->readline(), "\n");
        EXPECT_EQ(co_await fed->readline(), "next\n");

        // It comes later; a higher limit for one call takes the line.
        auto waiting = co_await create_task(fed->readline());
        fed.feed("12345678");
        co_await settle();
        EXPECT_FALSE(waiting.done());
        fed.feed("9");
        auto error = co_await thrown_by<limit_overrun_error>(waiting.join());
        EXPECT_EQ(error.value().consumed(), 9U);
        fed.feed("0\nnext\n");
        EXPECT_EQ(co_await fed->readline(10), "1234567890\n");
        error = co_await thrown_by<limit_overrun_error>(fed->readline(3));
        EXPECT_EQ(error.value().consumed(), 4U);
        EXPECT_EQ(co_await fed->readline(), "next\n");
        EXPECT_TRUE(
            co_await thrown_by<std::invalid_argument>(fed->readline(0)));

        auto lines = co_await create_subprocess(
            child("lines", "3", "100").out(piped).limit(99));
        std::string got;
        while (!lines.out().at_eof()) {
            error =
                co_await thrown_by<limit_overrun_error>(lines.out().readline());
            if (error)
                got += co_await lines.out().read(error->consumed());
            got += co_await lines.out().readline();
        }
        const std::string dots(99, '.');
        EXPECT_EQ(got, "0" + dots + "\n1" + dots + "\n2" + dots + "\n");
    };
    run_bounded(main());
}

// ------------------------------------------------------------ readuntil

TEST_F(streams, readuntil_finds_separators_across_chunks)
{
    auto main = []() -> awaitable<void> {
        // A chunk for each byte, the separator in two, and all at once.
        const std::string data = "aaaab12\0\0\0"
                                 "3rest"s;
        for (std::size_t cut = 0; cut <= data.size(); ++cut) {
            fed_reader fed(co_await asio::this_coro::executor);
            auto first = co_await create_task(fed->readuntil("aab"));
            for (std::size_t i = 0; i < data.size();) {
                const auto size = cut == 0 ? 1 : i < cut ? cut : data.size();
                fed.feed(std::string_view(data).substr(i, size));
                co_await settle();
                i += size;
            }
            EXPECT_EQ(co_await first.join(), "aaaab");
            EXPECT_EQ(co_await fed->readuntil("\0\0"s), "12\0\0"s);
            EXPECT_EQ(co_await fed->readuntil("\0"
                                              "3"s),
                      "\0"
                      "3"s);
            fed.finish();
            EXPECT_EQ(co_await fed->read(), "rest");
        }
    };
    run_bounded(main());
}

TEST_F(streams, readuntil_takes_the_earliest_ending_separator)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor);
        fed.feed("line 1\nline 2\r");
        EXPECT_EQ(co_await fed->readuntil("\r", "\n"), "line 1\n");
        EXPECT_EQ(co_await fed->readuntil("\r", "\n"), "line 2\r");
        // The end counts, not the beginning, nor the length.
        fed.feed("ABCD");
        EXPECT_EQ(co_await fed->readuntil("ABCD", "BC"), "ABC");
        EXPECT_EQ(co_await fed->read(10), "D");
        fed.feed("ABCD");
        EXPECT_EQ(co_await fed->readuntil("CD", "BCD", "ABCD"), "ABCD");

        // A long one has begun in an earlier chunk.
        auto split = co_await create_task(fed->readuntil("long", "x"));
        for (const char* piece : {"a l", "on", "g x"}) {
            co_await settle();
            EXPECT_FALSE(split.done());
            fed.feed(piece);
        }
        EXPECT_EQ(co_await split.join(), "a long");
        EXPECT_EQ(co_await fed->readuntil("long", "x"), " x");
        // A short one ends inside it.
        auto inside = co_await create_task(fed->readuntil("long", "n"));
        fed.feed("lo");
        co_await settle();
        fed.feed("ng");
        EXPECT_EQ(co_await inside.join(), "lon");
        EXPECT_EQ(co_await fed->read(10), "g");

        // Of two that end together, the shorter one; only the limit, which
        // does not count the separator, can tell.
        fed_reader strict(co_await asio::this_coro::executor, 1);
        strict.feed("ABCD");
        EXPECT_EQ(co_await error_of(strict->readuntil("BCD", "CD")),
                  errc::limit_overrun);
        EXPECT_EQ(co_await strict->readuntil("BCD"), "ABCD");
    };
    run_bounded(main());
}

TEST_F(streams, readuntil_past_the_limit_keeps_the_data)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor, 5);
        fed.feed("0123456789|!");
        auto found =
            co_await thrown_by<limit_overrun_error>(fed->readuntil("|"));
        EXPECT_EQ(found.value().consumed(), 10U);
        auto missing =
            co_await thrown_by<limit_overrun_error>(fed->readuntil("||"));
        // The last byte may be the first of the separator.
        EXPECT_EQ(missing.value().consumed(), 11U);
        EXPECT_STRNE(found->what(), missing->what());

        found = co_await thrown_by<limit_overrun_error>(
            fed->readuntil("|!", "9|!"));
        EXPECT_EQ(found.value().consumed(), 10U);
        missing = co_await thrown_by<limit_overrun_error>(
            fed->readuntil("||", "+++"));
        EXPECT_EQ(missing.value().consumed(), 10U);
        EXPECT_EQ(co_await fed->read(missing->consumed()), "0123456789");
        EXPECT_EQ(co_await fed->readuntil("|"), "|");
        EXPECT_EQ(co_await fed->read(10), "!");
        fed.feed("12345|");
        EXPECT_EQ(co_await fed->readuntil("|"), "12345|");
    };
    run_bounded(main());
}

TEST_F(streams, readuntil_at_eof_gives_the_partial_data)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor);
        fed.feed("some");
        auto waiting = co_await create_task(fed->readuntil("|"));
        co_await settle();
        fed.feed(" data");
        fed.finish();
        auto error = co_await thrown_by<incomplete_read_error>(waiting.join());
        EXPECT_EQ(error.value().partial(), "some data");
        EXPECT_EQ(error->expected(), std::nullopt);
        EXPECT_EQ(error->code(), errc::incomplete_read);
        EXPECT_TRUE(fed->at_eof());
        EXPECT_EQ(co_await fed->read(), "");
        error = co_await thrown_by<incomplete_read_error>(fed->readuntil("|"));
        EXPECT_EQ(error.value().partial(), "");
    };
    run_bounded(main());
}

TEST_F(streams, readuntil_rejects_an_empty_separator)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor);
        fed.feed("data");
        EXPECT_TRUE(
            co_await thrown_by<std::invalid_argument>(fed->readuntil("")));
        EXPECT_TRUE(co_await thrown_by<std::invalid_argument>(
            fed->readuntil("a", "", "b")));
        EXPECT_EQ(co_await fed->read(10), "data");
    };
    run_bounded(main());
}

// ---------------------------------------------------------- readexactly

TEST_F(streams, readexactly_takes_exactly_n)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor, 4);
        EXPECT_EQ(co_await fed->readexactly(0), "");
        auto waiting = co_await create_task(fed->readexactly(10));
        for (const char* piece : {"12", "3", "456789"}) {
            fed.feed(piece);
            co_await settle();
            EXPECT_FALSE(waiting.done());
        }
        fed.feed("0rest");
        EXPECT_EQ(co_await waiting.join(), "1234567890");
        EXPECT_EQ(co_await fed->readexactly(0), "");
        EXPECT_EQ(co_await fed->readexactly(4), "rest");

        auto flood = co_await create_subprocess(
            child("flood", "300K").out(piped).limit(10));
        const auto all = pattern(300 * 1024);
        EXPECT_EQ(co_await flood.out().readexactly(200'000),
                  all.substr(0, 200'000));
        EXPECT_EQ(co_await flood.out().read(), all.substr(200'000));
    };
    run_bounded(main());
}

TEST_F(streams, readexactly_at_eof_gives_the_partial_data)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor);
        fed.feed("eighteen bytes, so");
        fed.finish();
        auto error =
            co_await thrown_by<incomplete_read_error>(fed->readexactly(36));
        EXPECT_EQ(error.value().partial(), "eighteen bytes, so");
        EXPECT_EQ(error->expected(), 36U);
        EXPECT_NE(std::string(error->what()).find("18 bytes read of 36"),
                  std::string::npos)
            << error->what();
        EXPECT_TRUE(fed->at_eof());
        EXPECT_EQ(co_await fed->read(), "");
        EXPECT_EQ(co_await fed->readexactly(0), "");
    };
    run_bounded(main());
}

// ------------------------------------------------- errors, cancellation

namespace {

// Two ends of which the reading one fails, with ECONNRESET, once the other is
// closed: unix(7), which resets a stream that has unread data at its peer.
// The kernel tells that once, and end of file from then on.
os::pipe_ends resetting_ends()
{
    int numbers[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, numbers) < 0 ||
        ::write(numbers[0], "x", 1) != 1)
        throw std::runtime_error("socketpair");
    os::pipe_ends ends;
    ends.read_end = os::descriptor(numbers[0]);
    ends.write_end = os::descriptor(numbers[1]);
    return ends;
}

}  // namespace

TEST_F(streams, an_error_comes_after_the_data_before_it)
{
    auto main = []() -> awaitable<void> {
        const error_code reset(ECONNRESET, asio::error::get_system_category());
        const auto io = co_await asio::this_coro::executor;
        fed_reader fed(io, 1024, resetting_ends());
        fed.feed("line\nx|four123456");
        fed.finish();
        EXPECT_EQ(co_await fed->readline(), "line\n");
        EXPECT_EQ(co_await fed->readuntil("|"), "x|");
        EXPECT_EQ(co_await fed->readexactly(4), "four");
        EXPECT_EQ(co_await fed->read(1), "1");
        // What is not satisfied by the data fails, and the data stays.
        EXPECT_EQ(co_await error_of(fed->readline()), reset);
        EXPECT_EQ(co_await error_of(fed->readuntil("|")), reset);
        EXPECT_EQ(co_await error_of(fed->readexactly(10)), reset);
        EXPECT_EQ(co_await error_of(fed->read()), reset);
        EXPECT_EQ(co_await fed->read(10), "23456");
        EXPECT_FALSE(fed->at_eof());
        for (int again = 0; again < 2; ++again) {
            EXPECT_EQ(co_await error_of(fed->read(1)), reset);
            EXPECT_EQ(co_await error_of(fed->read()), reset);
            EXPECT_EQ(co_await error_of(fed->readline()), reset);
            EXPECT_EQ(co_await error_of(fed->readexactly(1)), reset);
            EXPECT_EQ(co_await error_of(fed->readuntil("|")), reset);
        }

        // One that waits as it happens is told.
        fed_reader other(io, 1024, resetting_ends());
        auto waiting = co_await create_task(other->readline());
        co_await settle();
        other.finish();
        EXPECT_EQ(co_await error_of(waiting.join()), reset);

        // One that was cancelled before does not lose it.
        fed_reader third(io, 1024, resetting_ends());
        third.feed("ab");
        EXPECT_FALSE(co_await cancelled_after(5, third->readline()));
        third.finish();
        EXPECT_EQ(co_await third->read(2), "ab");
        EXPECT_EQ(co_await error_of(third->readline()), reset);
    };
    run_bounded(main());
}

TEST_F(streams, a_cancelled_read_loses_nothing)
{
    auto main = []() -> awaitable<void> {
        for (int turn = 0; turn < 8; ++turn) {
            fed_reader fed(co_await asio::this_coro::executor);
            EXPECT_FALSE(co_await cancelled_after(turn, fed->read(9)));
            EXPECT_FALSE(co_await cancelled_after(turn, fed->read()));
            fed.feed("abc");
            EXPECT_FALSE(co_await cancelled_after(turn, fed->readexactly(6)));
            fed.feed("def");
            EXPECT_FALSE(co_await cancelled_after(turn, fed->readline()));
            fed.feed("ghi");
            EXPECT_FALSE(co_await cancelled_after(turn, fed->readuntil("|")));
            fed.feed("j");
            EXPECT_FALSE(co_await cancelled_after(turn, fed->read()));
            EXPECT_EQ(co_await error_of(as_value(settle())), error_code());
            EXPECT_TRUE(co_await thrown_by<timeout_error>(
                wait_for(fed->readline(), 0s)));
            EXPECT_EQ(co_await fed->readexactly(6), "abcdef");
            fed.feed("k\n|");
            EXPECT_EQ(co_await fed->readline(), "ghijk\n");
            EXPECT_FALSE(co_await cancelled_after(turn, fed->readexactly(5)));
            fed.finish();
            const auto error =
                co_await thrown_by<incomplete_read_error>(fed->readexactly(5));
            EXPECT_EQ(error.value().partial(), "|");
        }
    };
    run_bounded(main());
}

namespace {

// One of the reads in turn. The end of the stream ends it without an error.
awaitable<std::string> read_somehow(stream_reader& from, int which)
{
    try {
        switch (which % 4) {
        case 0: co_return co_await from.read(777);
        case 1: co_return co_await from.readline();
        case 2: co_return co_await from.readexactly(5003);
        default: co_return co_await from.readuntil("\x64\x65", "\xf0");
        }
    } catch (const incomplete_read_error& error) {
        co_return error.partial();
    }
}

}  // namespace

TEST_F(streams, reads_cancelled_at_every_point_give_each_byte_once)
{
    auto main = []() -> awaitable<void> {
        const auto sent = pattern(300'000);
        auto cat =
            co_await create_subprocess(child("cat").in(piped).out(piped));
        std::string got;
        // Nothing is there yet: these are cancelled for certain.
        for (int which = 0; which < 4; ++which)
            EXPECT_FALSE(co_await cancelled_after(
                which, read_somehow(cat.out(), which)));
        auto feeding = co_await create_task(write_in_pieces(cat.in(), sent));
        for (int i = 0; !cat.out().at_eof(); ++i) {
            const auto some =
                co_await cancelled_after(i % 11, read_somehow(cat.out(), i));
            if (some)
                got += *some;
            else
                got += co_await read_somehow(cat.out(), i / 3);
        }
        co_await feeding.join();
        EXPECT_EQ(got.size(), sent.size());
        EXPECT_TRUE(got == sent);
        EXPECT_EQ(co_await cat.wait(), 0);
    };
    run_bounded(main());
}

TEST_F(streams, reads_cancelled_between_any_two_handlers_lose_nothing)
{
    const auto bytes = pattern(30'000);
    for (int count = 0; count < 12; ++count) {
        asio::io_context io;
        fed_reader fed(io.get_executor());
        std::string got;
        std::size_t done = 0;
        for (int which = 0; done != bytes.size(); ++which) {
            // What is there may or may not be enough for the read.
            const auto size =
                std::min(odd_sizes[static_cast<std::size_t>(which) % 5],
                         bytes.size() - done);
            fed.feed(std::string_view(bytes).substr(done, size));
            done += size;
            got += cancelled_between(io, count, read_somehow(*fed, which / 2))
                       .value_or("");
        }
        fed.finish();
        auto rest = asio::co_spawn(io, fed->read(), asio::use_future);
        io.restart();
        io.run();
        got += rest.get();
        EXPECT_TRUE(got == bytes);
    }
}

TEST_F(streams, a_second_reader_is_refused)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor);
        auto first = co_await create_task(fed->readline());
        co_await settle();
        EXPECT_TRUE(co_await thrown_by<std::logic_error>(fed->read(1)));
        EXPECT_TRUE(co_await thrown_by<std::logic_error>(fed->readline()));
        char byte = 0;
        EXPECT_EQ(
            co_await error_of(fed->async_read_some(asio::buffer(&byte, 1))),
            errc::already_reading);
        // Nor does it get what the first one has so far.
        fed.feed("who");
        co_await settle();
        EXPECT_TRUE(co_await thrown_by<std::logic_error>(fed->read(1)));
        EXPECT_TRUE(co_await thrown_by<std::logic_error>(fed->readexactly(2)));
        EXPECT_THROW(static_cast<void>(fed->try_readline()), std::logic_error);
        fed.feed("le\nnext\n");
        EXPECT_EQ(co_await first.join(), "whole\n");
        EXPECT_EQ(co_await fed->readline(), "next\n");
    };
    run_bounded(main());
}

// --------------------------------------------------------- with a child

TEST_F(streams, at_eof_is_true_only_when_empty_and_ended)
{
    auto main = []() -> awaitable<void> {
        auto echo = co_await create_subprocess(child("echo", "a").out(piped));
        EXPECT_EQ(co_await echo.wait(), 0);
        EXPECT_FALSE(echo.out().at_eof());
        EXPECT_EQ(co_await echo.out().readline(), "a\n");
        EXPECT_EQ(co_await echo.out().readline(), "");
        EXPECT_TRUE(echo.out().at_eof());

        // The end has been seen, but something waits to be taken: a cancelled
        // communicate() leaves that.
        auto held = co_await create_subprocess(
            shell("echo one; exec >&-; echo closed >&2; exec sleep 600")
                .out(piped)
                .err(piped));
        EXPECT_EQ(co_await held.err().readline(), "closed\n");
        EXPECT_FALSE(co_await cancelled_after(50, held.communicate()));
        EXPECT_FALSE(held.out().at_eof());
        EXPECT_EQ(co_await held.out().readline(), "one\n");
        EXPECT_EQ(co_await held.out().read(), "");
        EXPECT_TRUE(held.out().at_eof());
    };
    run_bounded(main());
}

TEST_F(streams, a_zero_limit_is_refused)
{
    auto main = []() -> awaitable<void> {
        const auto before = children().size();
        EXPECT_TRUE(co_await thrown_by<std::invalid_argument>(
            create_subprocess(child("echo", "x").out(piped).limit(0))));
        EXPECT_EQ(children().size(), before);
    };
    run_bounded(main());
}
