// stop_ladder.cpp: every event in every state of a ladder.

#include "core/stop_ladder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using brood::stop_sequence;
using brood::core::stop_action;
using brood::core::stop_ladder;
using event = brood::core::stop_event;
using kind = brood::core::stop_action::kind;
using namespace std::chrono_literals;

constexpr auto begin = event::begin;
constexpr auto grace_over = event::grace_over;
constexpr auto hurry = event::hurry;
constexpr auto emptied = event::emptied;

// "15/5ms" is a signal and its grace, "kill" one with the ladder's own.
std::string text(const stop_action& action)
{
    const auto ms = [](std::chrono::nanoseconds time) {
        return std::to_string(time / 1ms) + "ms";
    };
    switch (action.what) {
    case kind::none: return "none";
    case kind::signal:
        return std::to_string(action.signal) + "/" + ms(action.grace);
    case kind::kill:
        return action.grace == stop_ladder::kill_grace
                   ? "kill"
                   : "kill with a grace of " + ms(action.grace);
    case kind::finish: return "finish";
    case kind::give_up: return "give up";
    }
    return "?";
}

stop_ladder two_steps()
{
    return stop_ladder(stop_sequence().then(2, 20ms).then(15, 50ms));
}

struct row {
    std::vector<event> before;
    // What begin, grace_over, hurry and emptied are answered with then.
    std::vector<std::string> answers;
    bool killed;
};

const std::vector<row> states{
    {{}, {"2/20ms", "none", "kill", "finish"}, false},
    {{begin}, {"none", "15/50ms", "kill", "finish"}, false},
    {{begin, grace_over}, {"none", "kill", "kill", "finish"}, false},
    {{begin, grace_over, grace_over},
     {"none", "give up", "none", "finish"},
     true},
    {{hurry}, {"none", "give up", "none", "finish"}, true},
    {{begin, hurry}, {"none", "give up", "none", "finish"}, true},
    {{begin, grace_over, hurry}, {"none", "give up", "none", "finish"}, true},
    {{emptied}, {"none", "none", "none", "none"}, false},
    {{begin, emptied}, {"none", "none", "none", "none"}, false},
    {{hurry, emptied}, {"none", "none", "none", "none"}, true},
    {{hurry, grace_over}, {"none", "none", "none", "none"}, true},
};

TEST(stop_ladder, answers_every_event_in_every_state)
{
    const std::vector<event> events{begin, grace_over, hurry, emptied};
    for (std::size_t i = 0; i != states.size(); ++i) {
        const auto& state = states[i];
        for (std::size_t e = 0; e != events.size(); ++e) {
            auto ladder = two_steps();
            for (const auto before : state.before)
                ladder.on(before);
            EXPECT_EQ(ladder.killed(), state.killed) << "state " << i;
            EXPECT_EQ(text(ladder.on(events[e])), state.answers[e])
                << "state " << i << ", event " << e;
        }
    }
}

TEST(stop_ladder, kills_a_child_that_ignores_every_step)
{
    auto ladder = two_steps();
    std::vector<std::string> actions{text(ladder.on(begin))};
    for (int i = 0; i != 4; ++i)
        actions.push_back(text(ladder.on(grace_over)));
    EXPECT_EQ(actions, (std::vector<std::string>{"2/20ms", "15/50ms", "kill",
                                                 "give up", "none"}));
}

TEST(stop_ladder, kills_at_once_without_steps)
{
    stop_ladder ladder{stop_sequence()};
    EXPECT_EQ(text(ladder.on(begin)), "kill");
    EXPECT_EQ(text(ladder.on(emptied)), "finish");
}

TEST(stop_ladder, hands_an_unlimited_grace_on)
{
    stop_ladder ladder(stop_sequence().then(15, brood::unlimited));
    const auto action = ladder.on(begin);
    EXPECT_EQ(action.what, kind::signal);
    EXPECT_TRUE(action.grace == brood::unlimited);
}

// Whatever comes in which order: it ends once, and says nothing after that.
TEST(stop_ladder, ends_once_in_every_order_of_events)
{
    constexpr int length = 7;
    constexpr int orders = 1 << (2 * length);
    for (int order = 0; order != orders; ++order) {
        auto ladder = two_steps();
        bool ended = false;
        int kills = 0;
        for (int i = 0; i != length; ++i) {
            const auto action =
                ladder.on(static_cast<event>((order >> (2 * i)) & 3));
            if (ended) {
                ASSERT_EQ(action.what, kind::none) << order;
            }
            kills += action.what == kind::kill ? 1 : 0;
            ended = ended || action.what == kind::finish ||
                    action.what == kind::give_up;
        }
        ASSERT_LE(kills, 1) << order;
        ASSERT_EQ(ladder.killed(), kills == 1) << order;
        ladder.on(begin);
        ladder.on(hurry);
        const auto last = ladder.on(emptied).what;
        ASSERT_EQ(last, ended ? kind::none : kind::finish) << order;
    }
}

}  // namespace
