// fd_plan.cpp: every plan for a child's descriptors, carried out in a model.
//
// The model is a table of numbers and what they are open on, with the
// kernel's rules for fcntl(F_DUPFD_CLOEXEC), dup3, close-on-exec and exec.

#include "core/fd_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using brood::core::fd_step;
using brood::core::fd_wish;
using brood::core::plan_lifts;
using brood::core::plan_steps;
using wishes = std::vector<fd_wish>;

class descriptor_table {
public:
    // Numbers 0 to `count` - 1, each open on a file of its own.
    explicit descriptor_table(int count)
    {
        for (int number = 0; number != count; ++number)
            open_[number] = {number, number > 2};
    }

    int duplicate(int source, int above)
    {
        int number = above;
        while (open_.contains(number))
            ++number;
        open_[number] = {open_.at(source).file, true};
        return number;
    }

    // What the child's side does first.
    void close_others_on_exec()
    {
        for (auto& [number, each] : open_)
            if (number > 2)
                each.close_on_exec = true;
    }

    void apply(const fd_step& step)
    {
        if (step.what == fd_step::kind::duplicate) {
            // dup3(2) refuses this with EINVAL.
            ASSERT_NE(step.source, step.target);
            open_[step.target] = {open_.at(step.source).file, false};
        } else {
            open_.at(step.target).close_on_exec = false;
        }
    }

    std::map<int, int> after_exec() const
    {
        std::map<int, int> files;
        for (const auto& [number, each] : open_)
            if (!each.close_on_exec)
                files[number] = each.file;
        return files;
    }

private:
    struct entry {
        int file;
        bool close_on_exec;
    };
    std::map<int, entry> open_;
};

std::string text(const wishes& wanted)
{
    std::string shown;
    for (const auto& [source, target] : wanted)
        shown += std::to_string(source) + "->" + std::to_string(target) + " ";
    return shown;
}

// Carries the plan out as preparation and the child's side do.
std::map<int, int> carried_out(wishes wanted, int open)
{
    descriptor_table table(open);
    const auto plan = plan_lifts(wanted);
    for (const auto index : plan.lift)
        wanted[index].source =
            table.duplicate(wanted[index].source, plan.above);
    table.close_others_on_exec();
    for (const auto& step : plan_steps(wanted))
        table.apply(step);
    return table.after_exec();
}

// What was wished for, and the standard streams that nobody mentioned.
std::map<int, int> wished_for(const wishes& wanted)
{
    std::map<int, int> files{{0, 0}, {1, 1}, {2, 2}};
    for (const auto& [source, target] : wanted)
        files[target] = source;
    return files;
}

void expect_right(const wishes& wanted, int open)
{
    EXPECT_EQ(carried_out(wanted, open), wished_for(wanted)) << text(wanted);
}

// Calls `visit` with every assignment of sources below `sources` to targets.
template <class Visit>
void for_each_mapping(const std::vector<int>& targets, int sources, Visit visit)
{
    std::vector<int> choice(targets.size(), 0);
    for (;;) {
        wishes wanted;
        for (std::size_t i = 0; i != targets.size(); ++i)
            wanted.push_back({choice[i], targets[i]});
        visit(wanted);
        std::size_t digit = 0;
        while (digit != choice.size() && ++choice[digit] == sources)
            choice[digit++] = 0;
        if (digit == choice.size())
            return;
    }
}

TEST(fd_plan, gets_every_permutation_right)
{
    for (int count = 1; count <= 7; ++count) {
        std::vector<int> sources;
        for (int i = 0; i != count; ++i)
            sources.push_back(i);
        do {
            wishes wanted;
            for (int i = 0; i != count; ++i)
                wanted.push_back({sources[static_cast<std::size_t>(i)], i});
            expect_right(wanted, std::max(count, 3));
        } while (std::ranges::next_permutation(sources).found);
    }
}

TEST(fd_plan, gets_every_mapping_of_small_numbers_right)
{
    // One source for many targets, chains, cycles, what stays where it is.
    constexpr int open = 6;
    const std::vector<std::vector<int>> targets{
        {0},          {0, 1},          {0, 1, 2}, {2, 1, 0},   {0, 1, 2, 3},
        {0, 1, 2, 5}, {5, 0, 3, 1, 2}, {3, 4, 5}, {0, 1, 2, 7}};
    for (const auto& each : targets)
        for_each_mapping(
            each, open, [](const auto& wanted) { expect_right(wanted, open); });
}

TEST(fd_plan, gets_many_random_mappings_right)
{
    constexpr int open = 24;
    std::mt19937 random(20240229);
    const auto below = [&random](int end) {
        return static_cast<int>(random() % static_cast<unsigned>(end));
    };
    for (int round = 0; round != 20'000; ++round) {
        std::set<int> targets;
        for (int count = 1 + below(12); count != 0; --count)
            targets.insert(below(open + 8));
        std::vector<int> order(targets.begin(), targets.end());
        std::shuffle(order.begin(), order.end(), random);
        wishes wanted;
        for (const int target : order)
            wanted.push_back({below(open), target});
        expect_right(wanted, open);
    }
}

TEST(fd_plan, swaps)
{
    expect_right({{1, 0}, {0, 1}}, 3);
    expect_right({{0, 0}, {2, 1}, {1, 2}}, 3);
    expect_right({{1, 0}, {2, 1}, {0, 2}}, 3);
    expect_right({{0, 0}, {1, 1}, {2, 2}, {4, 3}, {3, 4}}, 5);
}

TEST(fd_plan, gives_one_source_to_many_targets)
{
    expect_right({{0, 0}, {0, 1}, {0, 2}}, 3);
    expect_right({{5, 0}, {5, 1}, {5, 2}, {5, 5}, {5, 9}}, 6);
}

TEST(fd_plan, keeps_what_is_already_in_place)
{
    const auto steps = plan_steps({{0, 0}, {4, 4}, {6, 3}});
    ASSERT_EQ(steps.size(), 3u);
    EXPECT_EQ(steps[0].what, fd_step::kind::keep);
    EXPECT_EQ(steps[1].what, fd_step::kind::keep);
    EXPECT_EQ(steps[1].target, 4);
    EXPECT_EQ(steps[2].what, fd_step::kind::duplicate);
    EXPECT_EQ(steps[2].source, 6);
    EXPECT_EQ(steps[2].target, 3);
}

TEST(fd_plan, lifts_only_what_would_be_overwritten)
{
    // A descriptor for a lift can be had or not; the usual child needs none.
    EXPECT_TRUE(plan_lifts({}).lift.empty());
    EXPECT_TRUE(plan_lifts({{0, 0}, {1, 1}, {2, 2}}).lift.empty());
    EXPECT_TRUE(plan_lifts({{5, 0}, {6, 1}, {7, 2}}).lift.empty());
    EXPECT_TRUE(plan_lifts({{0, 0}, {6, 1}, {6, 2}}).lift.empty());
    EXPECT_EQ(plan_lifts({{1, 0}, {7, 1}}).lift, std::vector<std::size_t>{0});
}

TEST(fd_plan, lifts_above_every_target_and_the_standard_streams)
{
    EXPECT_EQ(plan_lifts({}).above, 3);
    EXPECT_EQ(plan_lifts({{1, 0}, {0, 1}}).above, 3);
    EXPECT_EQ(plan_lifts({{1, 0}, {4, 9}, {0, 3}}).above, 10);
    // What stays where it is is open, so that nothing can be lifted onto it.
    EXPECT_EQ(plan_lifts({{1, 0}, {0, 1}, {1000, 1000}}).above, 3);
}

}  // namespace
