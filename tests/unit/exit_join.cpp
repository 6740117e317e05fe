// exit_join.cpp: every order in which a child and its streams can end.

#include "core/exit_join.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using brood::core::exit_join;
using action = brood::core::join_action;
using event = brood::core::join_event;

constexpr auto exited = event::exited;
constexpr auto stream_ended = event::stream_ended;
constexpr auto drain_expired = event::drain_expired;
constexpr auto wait = action::wait;
constexpr auto start_drain = action::start_drain;
constexpr auto stop = action::stop;
constexpr auto finish = action::finish;

constexpr bool patient = true;
constexpr bool impatient = false;

struct answer {
    event when;
    action then;
};

struct run_over {
    int streams;
    bool is_patient;
    std::vector<answer> course;
    bool complete;
};

// Each way in which a run can go, up to the action that ends it.
// clang-format off
const std::vector<run_over> runs{
    {0, impatient, {{exited, finish}}, true},
    {0, patient, {{exited, finish}}, true},

    {1, impatient, {{stream_ended, wait}, {exited, finish}}, true},
    {1, patient, {{stream_ended, wait}, {exited, finish}}, true},
    {1, impatient, {{exited, start_drain}, {stream_ended, finish}}, true},
    {1, patient, {{exited, wait}, {stream_ended, finish}}, true},
    {1, impatient, {{exited, start_drain}, {drain_expired, stop}}, false},

    {2, impatient,
     {{stream_ended, wait}, {stream_ended, wait}, {exited, finish}}, true},
    {2, patient,
     {{stream_ended, wait}, {stream_ended, wait}, {exited, finish}}, true},
    {2, impatient,
     {{stream_ended, wait}, {exited, start_drain}, {stream_ended, finish}},
     true},
    {2, patient,
     {{stream_ended, wait}, {exited, wait}, {stream_ended, finish}}, true},
    {2, impatient,
     {{stream_ended, wait}, {exited, start_drain}, {drain_expired, stop}},
     false},
    {2, impatient,
     {{exited, start_drain}, {stream_ended, wait}, {stream_ended, finish}},
     true},
    {2, patient,
     {{exited, wait}, {stream_ended, wait}, {stream_ended, finish}}, true},
    {2, impatient,
     {{exited, start_drain}, {stream_ended, wait}, {drain_expired, stop}},
     false},
    {2, impatient, {{exited, start_drain}, {drain_expired, stop}}, false},
};
// clang-format on

bool ends(action what)
{
    return what == finish || what == stop;
}

// Walks through every order of events that can happen and counts them.
int count_orders(exit_join join, int open, bool has_exited, bool draining)
{
    int orders = 0;
    const auto go_on = [&](event next, int left, bool gone) {
        auto after = join;
        const auto then = after.on(next);
        orders += ends(then) ? 1
                             : count_orders(after, left, gone,
                                            draining || then == start_drain);
    };
    if (!has_exited)
        go_on(exited, open, true);
    if (open != 0)
        go_on(stream_ended, open - 1, has_exited);
    if (draining)
        go_on(drain_expired, open, has_exited);
    return orders;
}

TEST(exit_join, answers_every_order_of_events)
{
    for (const auto& run : runs) {
        exit_join join(run.streams, run.is_patient);
        std::string course = std::to_string(run.streams) + " streams:";
        for (const auto& [when, then] : run.course) {
            course += " " + std::to_string(static_cast<int>(when));
            EXPECT_EQ(join.on(when), then) << course;
        }
        EXPECT_EQ(join.complete(), run.complete) << course;
    }
}

TEST(exit_join, has_no_order_of_events_beside_those_in_the_table)
{
    std::size_t orders = 0;
    for (const int streams : {0, 1, 2})
        for (const bool is_patient : {impatient, patient})
            orders += static_cast<std::size_t>(count_orders(
                exit_join(streams, is_patient), streams, false, false));
    EXPECT_EQ(orders, runs.size());
}

TEST(exit_join, is_complete_only_when_every_stream_has_ended)
{
    exit_join join(2, patient);
    EXPECT_FALSE(join.complete());
    (void)join.on(stream_ended);
    EXPECT_FALSE(join.complete());
    (void)join.on(exited);
    EXPECT_FALSE(join.complete());
    (void)join.on(stream_ended);
    EXPECT_TRUE(join.complete());
}

TEST(exit_join, never_takes_the_end_of_the_streams_for_the_exit)
{
    exit_join join(2, impatient);
    EXPECT_EQ(join.on(stream_ended), wait);
    EXPECT_EQ(join.on(stream_ended), wait);
    EXPECT_TRUE(join.complete());  // the streams are; the run is not over
}

}  // namespace
