// patient_start.cpp: a gather with a limit goes on where the system has no
// room for more children at the moment.
#include "support/async_test.hpp"
#include "support/few_descriptors.hpp"
#include "support/fixture.hpp"
#include "support/in_a_copy.hpp"
#include "support/process_test.hpp"

#include "async/start_queue.hpp"
#include "os/posix/system_call.hpp"

#include <brood/brood.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace brood;
using namespace brood_test;
using os::fault_injection;

using patient_start = clean_test;

// The loop's own descriptors are there once it has had a child.
awaitable<void> warm_up()
{
    {
        auto first = co_await create_subprocess(child("exit", "0"));
        require_equal(co_await first.wait(), 0);
    }
    // What tells of its end is still on the stack.
    co_await settle();
}

command with_three_pipes()
{
    return child("cat").in(piped).out(piped).err(piped);
}

// How many children there were at the same time.
struct crowd {
    int now = 0;
    int most = 0;
};

awaitable<std::string> echoed(int number, crowd& children)
{
    auto cat = co_await create_subprocess(with_three_pipes());
    children.most = std::max(children.most, ++children.now);
    auto written = co_await cat.communicate(std::to_string(number));
    require_equal(co_await cat.wait(), 0);
    --children.now;
    co_return written.out;
}

awaitable<void> forty_with_room_for_a_few()
{
    co_await warm_up();
    const few_descriptors few(20);
    crowd children;
    auto work = std::views::iota(0, 40) |
                std::views::transform([&children](int number) {
                    return echoed(number, children);
                });
    const auto all = co_await gather(work, in_flight(40));
    for (int i = 0; i != 40; ++i)
        require_equal(all.at(static_cast<std::size_t>(i)), std::to_string(i));
    // Each needs three pipes at first, and a pidfd to the end.
    require(children.most >= 1 && children.most < 20,
            std::to_string(children.most) + " at the same time");
}

TEST_F(patient_start, forty_children_share_the_room_of_a_few)
{
    BROOD_IN_A_COPY([] {
        const leak_check before;
        run_bounded(forty_with_room_for_a_few());
        require_clean(before);
    });
}

awaitable<bool> can_start(bool& started)
{
    auto p = co_await create_subprocess(with_three_pipes());
    started = true;
    co_return true;
}

// A range of one.
auto just(bool& started)
{
    return std::views::iota(0, 1) | std::views::transform([&started](int) {
               return can_start(started);
           });
}

awaitable<void> without_any_room()
{
    co_await warm_up();
    const few_descriptors few(1);
    bool started = false;
    const auto error =
        co_await thrown_by<spawn_error>(gather(just(started), in_flight(3)));
    require(error.has_value(), "it was started");
    require_equal(error->code().value(), EMFILE);
    require(error->step() == spawn_step::pipe);
    // A number with one decimal stands between the two.
    const std::string text = error->what();
    const auto before = text.find(": pipe, after 7 attempts in ");
    const auto behind =
        text.find(" s, with no children running: Too many open files");
    require(text.starts_with("cannot start ") && before != text.npos &&
                behind != text.npos && text[behind - 2] == '.',
            text);
    require(!started);
}

TEST_F(patient_start, gives_up_and_says_how_often_and_how_long_it_tried)
{
    BROOD_IN_A_COPY([] {
        const leak_check before;
        run_bounded(without_any_room());
        require_clean(before);
    });
}

awaitable<void> without_a_limit()
{
    co_await warm_up();
    bool started = false;
    const auto before = open_descriptors().size();
    // One that has ended leaves nothing behind, once it is collected.
    co_await gather(just(started), in_flight(1));
    require(started);
    require(co_await becomes_true(
        [before] { return open_descriptors().size() == before; }));
    std::vector<spawn_error> errors;
    {
        const few_descriptors few(1);
        const auto keep = [&errors](std::optional<spawn_error> error) {
            require(error.has_value(), "it was started");
            errors.push_back(*error);
        };
        keep(co_await thrown_by<spawn_error>(can_start(started)));
        keep(co_await thrown_by<spawn_error>(gather(just(started))));
        keep(co_await thrown_by<spawn_error>(gather(can_start(started))));
    }
    for (const auto& error : errors) {
        require_equal(error.code().value(), EMFILE);
        const std::string text = error.what();
        require(text.find("attempt") == text.npos, text);
    }
}

TEST_F(patient_start, outside_of_a_limited_gather_the_error_comes_at_once)
{
    BROOD_IN_A_COPY([] { run_bounded(without_a_limit()); });
}

awaitable<void> another_error_in_a_limited_gather()
{
    auto work = std::views::iota(0, 1) | std::views::transform([](int) {
                    return create_subprocess(exec("/nonexistent/program"));
                });
    const auto error =
        co_await thrown_by<spawn_error>(gather(work, in_flight(1)));
    EXPECT_TRUE(error);
    if (!error)
        co_return;
    EXPECT_EQ(error->code().value(), ENOENT);
    const std::string text = error->what();
    EXPECT_EQ(text.find("attempt"), text.npos) << text;
}

TEST_F(patient_start, an_error_that_time_does_not_mend_comes_at_once)
{
    run_bounded(another_error_in_a_limited_gather());
}

awaitable<void> work_of(bool& started)
{
    co_await gather(just(started), in_flight(1));
}

awaitable<void> cancelled_while_it_waits()
{
    co_await warm_up();
    bool started = false;
    std::optional<few_descriptors> few(std::in_place, 1);
    auto task = co_await create_task(work_of(started));
    co_await brood_test::settle();
    require(!task.done(), "it did not wait");
    task.cancel();
    // Now there would be room.
    few.reset();
    const auto error = co_await error_of(task.join());
    require(error == asio::error::operation_aborted, error.message());
    require(!started, "a cancelled start started something");
}

TEST_F(patient_start, cancelled_during_the_wait_starts_nothing)
{
    BROOD_IN_A_COPY([] {
        const leak_check before;
        run_bounded(cancelled_while_it_waits());
        require_clean(before);
    });
}

// Holds all the room there is for as long as `open` is closed.
awaitable<void> hold_the_room(asio::steady_timer& closed, int& holders)
{
    auto cat = co_await create_subprocess(with_three_pipes());
    ++holders;
    co_await error_of(closed.async_wait(use_awaitable));
    --holders;
}

awaitable<void> goes_on_when_another_has_ended()
{
    co_await warm_up();
    const auto io = co_await asio::this_coro::executor;
    asio::steady_timer closed(io, asio::steady_timer::time_point::max());
    int holders = 0;
    // A start takes six at the least, and three of them are kept.
    const few_descriptors few(8);
    auto work = std::views::iota(0, 3) | std::views::transform([&](int) {
                    return hold_the_room(closed, holders);
                });
    auto all = co_await create_task(gather(work, in_flight(3)));
    for (int i = 0; i != 3; ++i) {
        require(co_await becomes_true([&] { return holders == 1; }));
        co_await brood_test::settle();
        require_equal(holders, 1);
        closed.cancel();
        co_await brood_test::settle();
    }
    co_await all.join();
}

TEST_F(patient_start, goes_on_when_another_child_is_dropped)
{
    BROOD_IN_A_COPY([] {
        const leak_check before;
        run_bounded(goes_on_when_another_has_ended());
        require_clean(before);
    });
}

// Stands in line, and starts nothing.
class bystander final : public detail::waiting_start,
                        public std::enable_shared_from_this<bystander> {
public:
    void wake(bool child_ended) override { ++(child_ended ? ends_ : turns_); }
    int ends() const { return ends_; }
    int turns() const { return turns_; }

private:
    int ends_ = 0;
    int turns_ = 0;
};

TEST_F(patient_start, the_first_in_line_is_told_of_every_end)
{
    asio::io_context io;
    auto& queue = detail::start_queue::of(io.get_executor());
    const auto first = std::make_shared<bystander>();
    const auto second = std::make_shared<bystander>();
    const auto place = queue.add(first);
    const auto behind = queue.add(second);
    EXPECT_TRUE(queue.is_first(place));
    EXPECT_FALSE(queue.is_first(behind));
    {
        auto p = spawn_process(io, child("exit", "0").out(piped));
        EXPECT_EQ(queue.running(), 1);
        EXPECT_EQ(wait_on(io, p), 0);
        EXPECT_EQ(queue.running(), 0);
        EXPECT_EQ(first->ends(), 1);
    }
    // Its pipe is closed.
    EXPECT_EQ(first->ends(), 2);
    // One that was not started took no room.
    EXPECT_THROW(auto p = spawn_process(io, exec("/nonexistent/program")),
                 spawn_error);
    EXPECT_EQ(first->ends(), 2);
    // Nor did one of which that is known only after its birth.
    std::exception_ptr failure;
    asio::co_spawn(io, create_subprocess(exec("/nonexistent/program")),
                   [&failure](std::exception_ptr thrown, const process&) {
                       failure = thrown;
                   });
    io.restart();
    io.run();
    EXPECT_TRUE(failure);
    EXPECT_EQ(queue.running(), 0);
    EXPECT_EQ(first->ends(), 2);
    // One that is killed in the background.
    {
        auto p = spawn_process(io, child("ready-then-pause").out(piped));
        EXPECT_EQ(queue.running(), 1);
    }
    EXPECT_EQ(queue.running(), 0);
    EXPECT_GT(first->ends(), 2);
    EXPECT_EQ(second->ends(), 0);

    queue.leave(place);
    EXPECT_EQ(first->turns(), 0);
    EXPECT_EQ(second->turns(), 1);
    queue.leave(behind);
}

// Starts a child in a limited gather, or without; the n-th call from there on
// fails once.
awaitable<int> returncode_with_fault(long calls, int error, bool limited)
{
    auto start = [calls, error](int) -> awaitable<process> {
        fault_injection::arm(calls, error);
        return create_subprocess(
            child("cat").in(piped).out(devnull).err(piped));
    };
    std::vector<process> made;
    if (limited)
        made = co_await gather(std::views::iota(0, 1) |
                                   std::views::transform(start),
                               in_flight(1));
    else
        made.push_back(co_await start(0));
    fault_injection::disarm();
    made.front().in().close();
    co_return co_await made.front().wait();
}

// The call was the one that reads a child's report, after which nothing is
// known of it: nobody's shortage.
bool is_unknown(const spawn_error& failure)
{
    return failure.step() == spawn_step::none &&
           failure.code().value() == EPROTO;
}

TEST_F(patient_start, survives_a_shortage_at_whichever_call)
{
    for (const int error : {EMFILE, ENFILE, EAGAIN, ENOMEM}) {
        std::vector<spawn_step> steps;
        for (long calls = 0; calls != 30; ++calls) {
            SCOPED_TRACE("call " + std::to_string(calls) + " fails with " +
                         std::to_string(error));
            try {
                EXPECT_EQ(run(returncode_with_fault(calls, error, false)), 0);
            } catch (const spawn_error& failure) {
                steps.push_back(failure.step());
            }
            fault_injection::disarm();
            try {
                EXPECT_EQ(run(returncode_with_fault(calls, error, true)), 0);
            } catch (const spawn_error& failure) {
                EXPECT_TRUE(is_unknown(failure)) << failure.what();
            }
            fault_injection::disarm();
        }
        // Without a pidfd it goes on without one.
        const bool is_a_lack_of_numbers = error == EMFILE || error == ENFILE;
        for (const auto step :
             {spawn_step::pipe, spawn_step::open, spawn_step::exec})
            EXPECT_NE(std::ranges::count(steps, step), 0) << to_string(step);
        if (!is_a_lack_of_numbers) {
            EXPECT_NE(std::ranges::count(steps, spawn_step::start), 0);
        }
    }
}

}  // namespace
