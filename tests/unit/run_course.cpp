// run_course.cpp: every event in every state, and every order of events.

#include "core/run_course.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using brood::stop_reason;
using brood::core::run_course;
using action = brood::core::run_action;
using event = brood::core::run_event;

constexpr auto exited = event::exited;
constexpr auto streams_ended = event::streams_ended;
constexpr auto timeout = event::timeout;
constexpr auto idle_timeout = event::idle_timeout;
constexpr auto output_limit = event::output_limit;
constexpr auto cancelled = event::cancelled;
constexpr auto drain_over = event::drain_over;
constexpr auto emptied = event::emptied;
constexpr auto unkillable = event::unkillable;

std::string text(action what)
{
    switch (what) {
    case action::none: return "none";
    case action::stop: return "stop";
    case action::hurry: return "hurry";
    case action::drain: return "drain";
    case action::finish: return "finish";
    }
    return "?";
}

struct step {
    event when;
    action then;
};

struct course {
    std::vector<step> steps;
    stop_reason reason;
    bool complete;
};

const std::vector<course> courses{
    // By itself, in either order.
    {{{streams_ended, action::none},
      {exited, action::stop},
      {emptied, action::finish}},
     stop_reason::none,
     true},
    {{{exited, action::drain},
      {streams_ended, action::stop},
      {emptied, action::finish}},
     stop_reason::none,
     true},
    // Somebody holds a pipe: until the drain is over, or until he is gone.
    {{{exited, action::drain},
      {drain_over, action::stop},
      {emptied, action::finish}},
     stop_reason::none,
     false},
    {{{exited, action::drain},
      {drain_over, action::stop},
      {streams_ended, action::none},
      {emptied, action::finish}},
     stop_reason::none,
     true},
    // Stopped; the pipes end before and after the last of them, or never.
    {{{timeout, action::stop},
      {exited, action::none},
      {streams_ended, action::none},
      {emptied, action::finish}},
     stop_reason::timeout,
     true},
    {{{timeout, action::stop},
      {exited, action::none},
      {emptied, action::drain},
      {streams_ended, action::finish}},
     stop_reason::timeout,
     true},
    {{{timeout, action::stop},
      {exited, action::none},
      {emptied, action::drain},
      {drain_over, action::finish}},
     stop_reason::timeout,
     false},
    {{{idle_timeout, action::stop},
      {exited, action::none},
      {streams_ended, action::none},
      {emptied, action::finish}},
     stop_reason::idle_timeout,
     true},
    {{{output_limit, action::stop},
      {exited, action::none},
      {streams_ended, action::none},
      {emptied, action::finish}},
     stop_reason::output_limit,
     true},
    {{{cancelled, action::stop},
      {exited, action::none},
      {streams_ended, action::none},
      {emptied, action::finish}},
     stop_reason::cancelled,
     true},
    // The first reason stays, but a cancellation goes over all.
    {{{timeout, action::stop},
      {idle_timeout, action::none},
      {output_limit, action::none},
      {exited, action::none},
      {streams_ended, action::none},
      {emptied, action::finish}},
     stop_reason::timeout,
     true},
    {{{timeout, action::stop},
      {cancelled, action::hurry},
      {exited, action::none},
      {streams_ended, action::none},
      {emptied, action::finish}},
     stop_reason::cancelled,
     true},
    // What remains after the end is stopped without a reason.
    {{{streams_ended, action::none},
      {exited, action::stop},
      {timeout, action::none},
      {emptied, action::finish}},
     stop_reason::none,
     true},
    // The time is over between the exit and the end of the streams.
    {{{exited, action::drain},
      {timeout, action::stop},
      {drain_over, action::none},
      {emptied, action::finish}},
     stop_reason::timeout,
     false},
    // Nobody waits for one that cannot be killed, nor for its pipes.
    {{{timeout, action::stop}, {unkillable, action::finish}},
     stop_reason::timeout,
     false},
    {{{exited, action::drain},
      {drain_over, action::stop},
      {unkillable, action::finish}},
     stop_reason::none,
     false},
};

TEST(run_course, goes_as_the_table_says)
{
    for (std::size_t i = 0; i != courses.size(); ++i) {
        run_course tested;
        const auto& wanted = courses[i];
        for (std::size_t s = 0; s != wanted.steps.size(); ++s)
            EXPECT_EQ(text(tested.on(wanted.steps[s].when)),
                      text(wanted.steps[s].then))
                << "course " << i << ", step " << s;
        EXPECT_EQ(tested.reason(), wanted.reason) << "course " << i;
        EXPECT_EQ(tested.complete(), wanted.complete) << "course " << i;
        for (int e = 0; e != 9; ++e)
            EXPECT_EQ(text(tested.on(static_cast<event>(e))), "none")
                << "course " << i << ", after its end, event " << e;
        EXPECT_EQ(tested.reason(), wanted.reason) << "course " << i;
    }
}

// Nobody wants to hear more of one that is cancelled: what holds its pipes
// must not make the caller wait.
TEST(run_course, cancelled_while_it_drains_after_the_stop_is_over)
{
    run_course tested;
    tested.on(timeout);
    tested.on(exited);
    EXPECT_EQ(text(tested.on(emptied)), "drain");
    EXPECT_EQ(text(tested.on(cancelled)), "finish");
    EXPECT_EQ(tested.reason(), stop_reason::cancelled);
}

// What an operation that carries out a course knows at some point of it.
struct world {
    run_course course;
    bool exited = false;
    bool streams_ended = false;
    int drains = 0;  // asked for and not answered yet
    bool drained = false;
    int stops = 0;         // asked for at all
    bool stopped = false;  // and answered
    bool interrupted = false;
    int finishes = 0;
};

bool can_happen(const world& now, event what)
{
    switch (what) {
    case exited: return !now.exited;
    case streams_ended: return !now.streams_ended;
    case drain_over: return now.drains != 0;
    // Nobody is left alive only when the children themselves are not.
    case emptied: return now.stops != 0 && !now.stopped && now.exited;
    case unkillable: return now.stops != 0 && !now.stopped;
    default: return true;
    }
}

void happen(world& now, event what)
{
    const bool was_stopping = now.stops != 0;
    const auto then = now.course.on(what);
    switch (what) {
    case exited: now.exited = true; break;
    case streams_ended: now.streams_ended = true; break;
    case drain_over: now.drains = 0; break;
    case emptied:
    case unkillable: now.stopped = true; break;
    default: now.interrupted = true; break;
    }
    if (now.finishes != 0) {
        ASSERT_EQ(text(then), "none");
    }
    switch (then) {
    case action::none: break;
    case action::stop:
        // Never for one that runs undisturbed.
        ASSERT_TRUE(now.exited || now.interrupted);
        ++now.stops;
        break;
    case action::hurry:
        ASSERT_TRUE(was_stopping);
        ASSERT_FALSE(now.stopped);
        ASSERT_EQ(what, cancelled);
        break;
    case action::drain:
        ASSERT_TRUE(now.exited);
        ASSERT_FALSE(now.streams_ended);
        now.drains = 1;
        break;
    case action::finish:
        ASSERT_TRUE(now.stopped);
        ++now.finishes;
        break;
    }
    ASSERT_LE(now.stops, 1);
    ASSERT_LE(now.finishes, 1);
    ASSERT_EQ(now.course.complete() && !now.streams_ended, false);
}

// Each drain and stop is answered, and nothing else comes any more: the
// children of one that is stopped have ended by then.
void check_that_it_ends(world now)
{
    for (int answers = 0; now.finishes == 0; ++answers) {
        ASSERT_LT(answers, 6) << "it never ends";
        if (!now.exited)
            happen(now, exited);
        else if (now.stops != 0 && !now.stopped)
            happen(now, emptied);
        else if (now.drains != 0)
            happen(now, drain_over);
        else
            FAIL() << "it waits for nothing";
        if (::testing::Test::HasFatalFailure())
            return;
    }
}

int walk(const world& from, int left)
{
    check_that_it_ends(from);
    int count = 1;
    for (int e = 0; left != 0 && e != 9; ++e) {
        if (!can_happen(from, static_cast<event>(e)))
            continue;
        auto now = from;
        happen(now, static_cast<event>(e));
        if (::testing::Test::HasFatalFailure())
            return count;
        count += walk(now, left - 1);
        if (::testing::Test::HasFatalFailure()) {
            ADD_FAILURE() << "with " << left << " to go: event " << e;
            return count;
        }
    }
    return count;
}

TEST(run_course, ends_in_every_order_of_events)
{
    constexpr int length = 7;
    EXPECT_GT(walk(world(), length), 100'000);
}

// Also what can never happen does no harm: after a finish there is silence,
// and there is one stop at most.
TEST(run_course, stays_sane_in_impossible_orders)
{
    constexpr int length = 5;
    int orders = 1;
    for (int i = 0; i != length; ++i)
        orders *= 9;
    for (int order = 0; order != orders; ++order) {
        run_course tested;
        int stops = 0;
        bool finished = false;
        for (int i = 0, rest = order; i != length; ++i, rest /= 9) {
            const auto then = tested.on(static_cast<event>(rest % 9));
            if (finished) {
                ASSERT_EQ(text(then), "none") << order;
            }
            stops += then == action::stop ? 1 : 0;
            finished = finished || then == action::finish;
        }
        ASSERT_LE(stops, 1) << order;
    }
}

}  // namespace
