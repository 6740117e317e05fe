// start_patience.cpp: when a start that failed is tried again.
#include "core/start_patience.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace {

using brood::core::effort_text;
using brood::core::start_patience;
using namespace std::chrono_literals;

constexpr bool alone = false;
constexpr bool with_children = true;
constexpr std::uint32_t no_chance = 0;

// The longest that a wait can be: `random % (half + 1)` is half of it.
std::uint32_t most_chance(std::chrono::milliseconds wait)
{
    return static_cast<std::uint32_t>(wait.count() / 2);
}

struct row {
    int waits_before;  // in which nothing ended
    bool children_running;
    std::chrono::milliseconds elapsed;
    std::optional<std::chrono::milliseconds> whole;  // none: give up
};

// clang-format off
const std::vector<row> rows{
    {0, alone,         0ms,     20ms},
    {1, alone,         0ms,     40ms},
    {2, alone,         0ms,     80ms},
    {5, alone,         0ms,     640ms},
    // Nobody is left whose end could make room.
    {6, alone,         0ms,     std::nullopt},
    {6, with_children, 0ms,     1000ms},
    {7, with_children, 0ms,     1000ms},
    {100, with_children, 0ms,   1000ms},
    // The time is up, or nearly.
    {0, with_children, 29990ms, 10ms},
    {9, with_children, 29999ms, 1ms},
    {0, with_children, 30000ms, std::nullopt},
    {0, alone,         30001ms, std::nullopt},
    // As many attempts as there may be.
    {198, with_children, 0ms,   1000ms},
    {199, with_children, 0ms,   std::nullopt},
};
// clang-format on

start_patience after(int waits)
{
    start_patience patience;
    for (int i = 0; i != waits; ++i)
        EXPECT_TRUE(patience.attempt_failed(with_children, 0ms, no_chance));
    return patience;
}

TEST(start_patience, waits_longer_each_time_and_then_gives_up)
{
    for (const auto& row : rows) {
        SCOPED_TRACE(std::to_string(row.waits_before) + " waits, " +
                     std::to_string(row.elapsed.count()) + " ms");
        auto patience = after(row.waits_before);
        const auto chance = most_chance(row.whole.value_or(0ms));
        EXPECT_EQ(
            patience.attempt_failed(row.children_running, row.elapsed, chance),
            row.whole);
        EXPECT_EQ(patience.attempts(), row.waits_before + 1);
    }
}

TEST(start_patience, spreads_the_waits_between_half_and_all)
{
    for (const std::uint32_t chance :
         {0U, 1U, 10U, 11U, 4711U, std::numeric_limits<std::uint32_t>::max()}) {
        const auto wait =
            start_patience().attempt_failed(alone, 0ms, chance).value();
        EXPECT_GE(wait, 10ms);
        EXPECT_LE(wait, 20ms);
    }
    EXPECT_EQ(start_patience().attempt_failed(alone, 0ms, 0), 10ms);
    EXPECT_EQ(start_patience().attempt_failed(alone, 0ms, 10), 20ms);
}

TEST(start_patience, begins_again_when_a_child_has_ended)
{
    auto patience = after(6);
    patience.child_ended();
    EXPECT_EQ(patience.attempt_failed(alone, 0ms, most_chance(20ms)), 20ms);
    // The attempts are counted all the same: it always ends.
    auto tireless = after(199);
    tireless.child_ended();
    EXPECT_FALSE(tireless.attempt_failed(with_children, 0ms, no_chance));
}

TEST(start_patience, says_what_was_tried)
{
    EXPECT_EQ(effort_text(7, 3204ms, 12),
              "after 7 attempts in 3.2 s, with 12 children running");
    EXPECT_EQ(effort_text(1, 0ms, 1),
              "after 1 attempt in 0.0 s, with 1 child running");
    EXPECT_EQ(effort_text(200, 29960ms, 0),
              "after 200 attempts in 30.0 s, with no children running");
}

}  // namespace
