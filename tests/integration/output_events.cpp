// output_events.cpp: both outputs of a child as one sequence.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)

#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace brood;
using namespace brood_test;

using merged_output = clean_test;

constexpr auto out = output_source::out;
constexpr auto err = output_source::err;

command obedient()
{
    return child("obey").in(piped).out(piped).err(piped);
}

// "out: bytes", or "end"
std::string text_of(const std::optional<output_event>& event)
{
    if (!event)
        return "end";
    return (event->source() == out ? "out: " : "err: ") + event->bytes();
}

void tell(process& p, std::string_view orders)
{
    p.in().write(orders);
}

// Tells the child to write one line, and gives what arrives.
awaitable<std::string> answer_to(process& p, output_events& events,
                                 std::string order)
{
    tell(p, order + "\n");
    const auto event = co_await events.next();
    co_return text_of(event);
}

// The child has ended, and with it what it could write.
awaitable<void> finish(process& p)
{
    p.in().close();
    const int code = co_await p.wait();
    EXPECT_EQ(code, 0);
}

awaitable<void> in_order()
{
    auto p = co_await create_subprocess(obedient());
    output_events events(p);
    // Every succession of three.
    const std::string_view pattern = "oooeoeeeoo";
    for (std::size_t i = 0; i != 100; ++i) {
        const std::string name =
            pattern[i % pattern.size()] == 'o' ? "out" : "err";
        const auto number = std::to_string(i);
        const auto text = co_await answer_to(p, events, name + " " + number);
        EXPECT_EQ(text, name + ": " + number + "\n");
    }
    co_await finish(p);
    const auto last = co_await events.next();
    EXPECT_EQ(text_of(last), "end");
    const auto again = co_await events.next();
    EXPECT_EQ(text_of(again), "end");
}

TEST_F(merged_output, comes_in_the_order_of_its_arrival)
{
    run_bounded(in_order());
}

awaitable<void> waiting_beforehand()
{
    auto p = co_await create_subprocess(obedient());
    output_events events(p);
    for (const bool first : {true, false}) {
        auto waiting = co_await create_task(events.next());
        co_await settle();
        EXPECT_FALSE(waiting.done());
        tell(p, first ? "err a\n" : "out b\n");
        const auto event = co_await waiting.join();
        EXPECT_EQ(text_of(event), first ? "err: a\n" : "out: b\n");
    }
    co_await finish(p);
}

TEST_F(merged_output, waits_for_whichever_comes_first)
{
    run_bounded(waiting_beforehand());
}

awaitable<void> one_ends_before(std::string ends, std::string goes_on)
{
    auto p = co_await create_subprocess(obedient());
    output_events events(p);
    tell(p, ends + " last\nclose " + ends + "\n");
    const auto last = co_await events.next();
    EXPECT_EQ(text_of(last), ends + ": last\n");
    for (int i = 0; i != 3; ++i) {
        const auto text = co_await answer_to(p, events, goes_on + " more");
        EXPECT_EQ(text, goes_on + ": more\n");
    }
    tell(p, "close " + goes_on + "\n");
    const auto end = co_await events.next();
    EXPECT_EQ(text_of(end), "end");
    EXPECT_EQ(p.poll(), std::nullopt);
    co_await finish(p);
}

TEST_F(merged_output, goes_on_when_one_of_the_two_has_ended)
{
    run_bounded(one_ends_before("out", "err"));
    run_bounded(one_ends_before("err", "out"));
}

// Cancels next() after each number of handlers in turn.
void cancelled_again_and_again(bool lines)
{
    asio::io_context io;
    auto p = spawn_process(io, obedient());
    std::optional<output_events> events;
    if (lines)
        events.emplace(p, by_line);
    else
        events.emplace(p);
    std::string wanted_out;
    std::string wanted_err;
    std::string got_out;
    std::string got_err;
    int aborted = 0;
    const auto take = [&](const std::optional<output_event>& event) {
        (event->source() == out ? got_out : got_err) += event->bytes();
    };
    for (int round = 0; round != 60; ++round) {
        const auto number = std::to_string(round) + "\n";
        wanted_out += number;
        wanted_err += number;
        tell(p, "out " + number + "err " + number);
        const auto event = cancelled_between(io, round % 12, events->next());
        if (event)
            take(*event);
        else
            ++aborted;
    }
    p.in().close();
    for (bool more = true; more;) {
        const auto event = cancelled_between(io, 1000, events->next());
        more = event && *event;
        if (more)
            take(*event);
        // Not there yet: then it was aborted.
        more = more || !event;
    }
    EXPECT_GT(aborted, 0);
    EXPECT_EQ(got_out, wanted_out);
    EXPECT_EQ(got_err, wanted_err);
}

TEST_F(merged_output, a_cancelled_next_loses_nothing)
{
    cancelled_again_and_again(false);
    cancelled_again_and_again(true);
}

awaitable<void> much_of_both()
{
    auto p = co_await create_subprocess(
        child("flood-both", "10M").out(piped).err(piped));
    output_events events(p);
    std::string all_out;
    std::string all_err;
    std::size_t longest = 0;
    for (;;) {
        const auto event = co_await events.next();
        if (!event)
            break;
        longest = std::max(longest, event->bytes().size());
        EXPECT_FALSE(event->bytes().empty());
        (event->source() == out ? all_out : all_err) += event->bytes();
        // The child writes as much to the one as to the other, and neither
        // keeps us from reading the other.
        EXPECT_LT(std::max(all_out.size(), all_err.size()) -
                      std::min(all_out.size(), all_err.size()),
                  std::size_t{1} << 20);
    }
    const auto wanted = pattern(std::size_t{10} << 20);
    EXPECT_TRUE(all_out == wanted);
    EXPECT_TRUE(all_err == wanted);
    EXPECT_LE(longest, std::size_t{256} << 10);
    const int code = co_await p.wait();
    EXPECT_EQ(code, 0);
}

TEST_F(merged_output, gives_every_byte_of_both)
{
    run_bounded(much_of_both());
}

// As many turns would do to read it all.
awaitable<void> asked_once()
{
    auto p = co_await create_subprocess(
        child("flood-both", "10M").out(piped).err(piped));
    output_events events(p);
    co_await events.next();
    co_await turns(5000);
    EXPECT_EQ(p.poll(), std::nullopt);
}

TEST_F(merged_output, is_read_no_faster_than_it_is_asked_for)
{
    run_bounded(asked_once());
}

awaitable<void> in_lines()
{
    auto p = co_await create_subprocess(obedient());
    output_events events(p, by_line);
    // Begun first, but the other line is whole first.
    tell(p, "out- be\n");
    auto waiting = co_await create_task(events.next());
    co_await settle();
    tell(p, "err x\n");
    const auto whole = co_await waiting.join();
    EXPECT_EQ(text_of(whole), "err: x\n");
    const auto begun = co_await answer_to(p, events, "out gun");
    EXPECT_EQ(begun, "out: begun\n");
    // Several lines at once; nothing, too, is a line.
    tell(p, "out 1\nout \nout 3\n");
    for (const std::string text : {"out: 1\n", "out: \n", "out: 3\n"}) {
        const auto event = co_await events.next();
        EXPECT_EQ(text_of(event), text);
    }
    // What is left at the end has no newline.
    tell(p, "err- rest\n");
    co_await finish(p);
    const auto rest = co_await events.next();
    EXPECT_EQ(text_of(rest), "err: rest");
    const auto end = co_await events.next();
    EXPECT_EQ(text_of(end), "end");
}

TEST_F(merged_output, by_line_gives_whole_lines)
{
    run_bounded(in_lines());
}

awaitable<void> over_the_limit()
{
    auto p = co_await create_subprocess(obedient().limit(10));
    output_events events(p, by_line);
    tell(p, "err 0123456789\n");
    const auto just = co_await events.next();
    EXPECT_EQ(text_of(just), "err: 0123456789\n");
    tell(p, "err 0123456789A\n");
    for (int i = 0; i != 2; ++i) {
        const auto error =
            co_await thrown_by<limit_overrun_error>(events.next());
        EXPECT_TRUE(error.has_value());
    }
    const auto piece = co_await p.err().read(8);
    EXPECT_EQ(piece, "01234567");
    const auto rest = co_await events.next();
    EXPECT_EQ(text_of(rest), "err: 89A\n");
    tell(p, "out- 0123456789A\n");
    const auto endless = co_await thrown_by<limit_overrun_error>(events.next());
    EXPECT_TRUE(endless.has_value());
    co_await finish(p);
}

TEST_F(merged_output, a_line_over_the_limit_is_not_consumed)
{
    run_bounded(over_the_limit());
}

template <class T>
awaitable<std::string> complaint_of(awaitable<T> work)
{
    const auto error = co_await thrown_by<std::logic_error>(std::move(work));
    co_return error ? error->what() : "no complaint";
}

awaitable<void> beside_other_reads()
{
    auto p = co_await create_subprocess(obedient());
    output_events events(p);
    output_events others(p);
    auto waiting = co_await create_task(events.next());
    co_await settle();
    const auto twice = co_await complaint_of(events.next());
    EXPECT_EQ(twice, "brood: another next() of these output_events is already "
                     "waiting");
    const auto beside = co_await complaint_of(others.next());
    EXPECT_EQ(beside, "brood: output_events::next() while another read of the "
                      "child's output is waiting");
    tell(p, "out one\n");
    const auto one = co_await waiting.join();
    EXPECT_EQ(text_of(one), "out: one\n");
    // Between two of them the readers are free, and leave what they leave.
    tell(p, "out two\nout three\nclose out\n");
    const auto two = co_await p.out().readline();
    EXPECT_EQ(two, "two\n");
    const auto three = co_await others.next();
    EXPECT_EQ(text_of(three), "out: three\n");
    p.err().close();
    const auto end = co_await others.next();
    EXPECT_EQ(text_of(end), "end");
    co_await finish(p);
}

TEST_F(merged_output, one_read_at_a_time)
{
    run_bounded(beside_other_reads());
}

TEST_F(merged_output, needs_both_outputs_piped)
{
    asio::io_context io;
    auto p = spawn_process(io, child("exit", "0").out(piped));
    try {
        const output_events events(p);
        FAIL() << "not refused";
    } catch (const std::logic_error& error) {
        EXPECT_STREQ(error.what(),
                     "brood: output_events needs both outputs of the child "
                     "piped: .out(piped).err(piped)");
    }
}

awaitable<void> without_the_process()
{
    std::optional<output_events> events;
    {
        auto p = co_await create_subprocess(obedient());
        events.emplace(p);
        tell(p, "out before\n");
        const auto before = co_await events->next();
        EXPECT_EQ(text_of(before), "out: before\n");
    }
    const auto end = co_await events->next();
    EXPECT_EQ(text_of(end), "end");
}

TEST_F(merged_output, outlives_its_process)
{
    run_bounded(without_the_process());
}

awaitable<void> wait_for_ever(bool& began, bool& ended)
{
    struct at_end {
        ~at_end() { ended = true; }
        bool& ended;
    };
    const at_end told{ended};
    auto p = co_await create_subprocess(obedient());
    output_events events(p);
    began = true;
    co_await events.next();
}

// The coroutine owns the events, and the wait owns the coroutine.
TEST_F(merged_output, goes_with_the_loop_it_waits_on)
{
    bool began = false;
    bool ended = false;
    {
        asio::io_context io;
        asio::co_spawn(io, wait_for_ever(began, ended),
                       [](std::exception_ptr) {});
        while (!began)
            io.run_one();
        io.poll();
    }
    EXPECT_TRUE(ended);
}

TEST_F(merged_output, says_that_its_loop_is_gone)
{
    std::optional<asio::io_context> io(std::in_place);
    auto p = spawn_process(*io, obedient());
    output_events events(p);
    io.reset();
    const auto ask = [&events]() -> awaitable<error_code> {
        co_return co_await error_of(events.next());
    };
    EXPECT_EQ(run(ask()), asio::error::operation_aborted);
}

}  // namespace
