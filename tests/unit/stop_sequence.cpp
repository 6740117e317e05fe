// stop_sequence.cpp: how a child is asked to end, as data.

#include <brood/stop_sequence.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using brood::stop_sequence;
using brood::stop_step;
using namespace std::chrono_literals;
using steps = std::vector<stop_step>;

std::string refusal(int signal, std::chrono::nanoseconds grace)
{
    try {
        static_cast<void>(stop_sequence().then(signal, grace));
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "not refused";
}

TEST(stop_sequence, is_empty_by_itself)
{
    EXPECT_TRUE(stop_sequence().steps().empty());
}

TEST(stop_sequence, keeps_its_steps_in_order)
{
    const auto chained =
        stop_sequence().then(SIGINT, 2s).then(SIGTERM, brood::unlimited);
    EXPECT_TRUE(chained.steps() ==
                (steps{{SIGINT, 2s}, {SIGTERM, brood::unlimited}}));
    stop_sequence named;
    named.then(SIGINT, 2s).then(SIGTERM, brood::unlimited);
    EXPECT_TRUE(named.steps() == chained.steps());
    EXPECT_FALSE(stop_sequence().then(SIGINT, 1s).steps() ==
                 stop_sequence().then(SIGINT, 2s).steps());
}

TEST(stop_sequence, of_a_command_is_sigterm_and_five_seconds)
{
    EXPECT_TRUE(stop_sequence::standard().steps() == (steps{{SIGTERM, 5s}}));
}

TEST(stop_sequence, of_a_temporary_does_not_dangle)
{
    static_assert(
        std::is_same_v<decltype(stop_sequence().then(1, 0ns)), stop_sequence>);
    static_assert(
        std::is_same_v<decltype(std::declval<stop_sequence&>().then(1, 0ns)),
                       stop_sequence&>);
}

TEST(stop_sequence, refuses_what_is_no_signal_and_a_negative_time)
{
    EXPECT_EQ(refusal(0, 1s), "brood: stop_sequence: 0 is not a signal");
    EXPECT_EQ(refusal(-9, 1s), "brood: stop_sequence: -9 is not a signal");
    EXPECT_EQ(refusal(65, 1s), "brood: stop_sequence: 65 is not a signal");
    EXPECT_EQ(refusal(15, -1ns),
              "brood: stop_sequence: the time after signal 15 is negative");
    EXPECT_EQ(refusal(1, 0ns), "not refused");
    EXPECT_EQ(refusal(64, 1s), "not refused");
}

TEST(stop_sequence, is_as_it_was_after_a_refusal)
{
    auto sequence = stop_sequence::standard();
    EXPECT_THROW(sequence.then(99, 1s), std::invalid_argument);
    EXPECT_TRUE(sequence.steps() == stop_sequence::standard().steps());
}

}  // namespace
