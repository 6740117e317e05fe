// stream_lines.cpp: lines that are there already, and reads into a string.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include <gtest/gtest.h>

#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace brood;
using namespace brood_test;

using streams = clean_test;
using strings = std::vector<std::string>;

static_assert(std::ranges::input_range<buffered_lines>);

strings all_of(stream_reader& reader)
{
    strings lines;
    for (const auto line : reader.buffered_lines())
        lines.emplace_back(line);
    return lines;
}

}  // namespace

TEST_F(streams, buffered_lines_are_all_whole_lines_that_are_there)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor);
        EXPECT_EQ(all_of(*fed), strings());
        fed.feed("one\ntwo\n\nfour\nfi");
        // Nothing is read from the pipe before someone asks.
        EXPECT_EQ(all_of(*fed), strings());
        EXPECT_EQ(co_await fed->readline(), "one\n");
        const auto lines = all_of(*fed);
        EXPECT_EQ(lines, strings({"two\n", "\n", "four\n"}));
        EXPECT_EQ(all_of(*fed), strings());
        fed.feed("ve\nsix");
        fed.finish();
        EXPECT_EQ(co_await fed->readline(), "five\n");
        EXPECT_EQ(all_of(*fed), strings());
        EXPECT_EQ(co_await fed->readline(), "six");
        EXPECT_EQ(all_of(*fed), strings());
    };
    run_bounded(main());
}

TEST_F(streams, a_line_of_no_limit_at_all_is_refused_and_kept)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor);
        fed.feed("1\n\n2\n");
        EXPECT_EQ(co_await fed->readline(), "1\n");
        bool refused = false;
        try {
            co_await fed->readline(0);
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        EXPECT_TRUE(refused);
        EXPECT_EQ(co_await fed->readline(), "\n");
        EXPECT_EQ(co_await fed->readline(), "2\n");
    };
    run_bounded(main());
}

TEST_F(streams, buffered_lines_leave_what_a_loop_has_not_come_to)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor);
        fed.feed("1\n2\n3\n4|5\n6\n7\n");
        EXPECT_EQ(co_await fed->readline(), "1\n");
        for (const auto line : fed->buffered_lines()) {
            EXPECT_EQ(line, "2\n");
            break;
        }
        strings seen;
        for (const auto line : fed->buffered_lines()) {
            seen.emplace_back(line);
            // Others may take their part meanwhile.
            if (seen.size() == 1) {
                EXPECT_EQ(co_await fed->readuntil("|"), "4|");
            }
            if (seen.size() == 2) {
                EXPECT_EQ(fed->try_readline(), "6\n");
            }
        }
        const strings expected{"3\n", "5\n", "7\n"};
        EXPECT_EQ(seen, expected);
    };
    run_bounded(main());
}

TEST_F(streams, buffered_lines_end_at_a_line_over_the_limit)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor, 3);
        fed.feed("a\nabc\nabcd\nb\n");
        EXPECT_EQ(co_await fed->readline(), "a\n");
        EXPECT_EQ(all_of(*fed), strings({"abc\n"}));
        bool refused = false;
        try {
            co_await fed->readline();
        } catch (const limit_overrun_error&) {
            refused = true;
        }
        EXPECT_TRUE(refused);
        EXPECT_EQ(co_await fed->readuntil("c"), "abc");
        EXPECT_EQ(all_of(*fed), strings({"d\n", "b\n"}));
    };
    run_bounded(main());
}

TEST_F(streams, buffered_lines_belong_to_a_read_that_waits)
{
    auto main = []() -> awaitable<void> {
        fed_reader fed(co_await asio::this_coro::executor);
        fed.feed("1\n2\n3\n|");
        EXPECT_EQ(co_await fed->readline(), "1\n");
        strings seen;
        auto lines = fed->buffered_lines();
        std::optional<task<std::string>> waiting;
        for (const auto line : lines) {
            seen.emplace_back(line);
            waiting.emplace(co_await create_task(fed->readuntil("#")));
            co_await settle();
            EXPECT_THROW(static_cast<void>(fed->buffered_lines()),
                         std::logic_error);
            EXPECT_THROW(static_cast<void>(fed->try_readline()),
                         std::logic_error);
        }
        EXPECT_EQ(seen, strings({"2\n"}));
        fed.feed("#4\n");
        EXPECT_EQ(co_await waiting->join(), "3\n|#");
        EXPECT_EQ(all_of(*fed), strings({"4\n"}));
    };
    run_bounded(main());
}

// As much as a pipe holds, or more, is not read through the buffer.
TEST_F(streams, a_large_read_gives_what_is_there)
{
    auto main = []() -> awaitable<void> {
        constexpr std::size_t large = 1 << 20;
        fed_reader fed(co_await asio::this_coro::executor);
        fed.feed("hello");
        const auto hello = co_await fed->read(large);
        EXPECT_EQ(hello, "hello");
        EXPECT_LE(hello.capacity(), 1024u);
        fed.feed(pattern(1 << 16));
        EXPECT_EQ(co_await fed->read(large), pattern(1 << 16));
        fed.feed(pattern(1 << 16));
        EXPECT_EQ(co_await fed->read(1 << 16), pattern(1 << 16));
        // What is in the buffer comes first.
        fed.feed("a\nb");
        EXPECT_EQ(co_await fed->readline(), "a\n");
        EXPECT_EQ(co_await fed->read(large), "b");

        auto waiting = co_await create_task(fed->read(large));
        co_await settle();
        bool refused = false;
        try {
            co_await fed->read(large);
        } catch (const std::logic_error&) {
            refused = true;
        }
        EXPECT_TRUE(refused);
        waiting.cancel();
        bool cancelled = false;
        try {
            co_await waiting.join();
        } catch (const system_error& error) {
            cancelled = error.code() == asio::error::operation_aborted;
        }
        EXPECT_TRUE(cancelled);
        fed.feed("kept");
        fed.finish();
        EXPECT_EQ(co_await fed->read(large), "kept");
        EXPECT_EQ(co_await fed->read(large), "");
        EXPECT_TRUE(fed->at_eof());
    };
    run_bounded(main());
}
