// terminal_plan.cpp: which of a child's streams are on its terminal, and who
// of ours types and reads.
#include "core/command_data.hpp"

#include <brood/command.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using brood::exec;
using brood::piped;
using brood::pty;
using brood::detail::makes_group;
using brood::detail::makes_session;
using brood::detail::plan_terminal;

struct expected_plan {
    brood::command what;
    int first;
    bool we_type;
    int shown_at;
};

TEST(terminal_plan, follows_from_the_streams_it_is_given_for)
{
    const pty on(24, 80);
    const auto ls = exec("ls");
    const std::vector<expected_plan> table{
        {brood::command(ls), -1, false, -1},
        {brood::command(ls).in(piped).out(piped).err(piped), -1, false, -1},
        {brood::command(ls).in(on), 0, true, -1},
        {brood::command(ls).in(on).out(piped).err(piped), 0, true, -1},
        {brood::command(ls).out(on), 1, false, 1},
        {brood::command(ls).err(on), 2, false, 2},
        {brood::command(ls).out(piped).err(on), 2, false, 2},
        {brood::command(ls).in(on).out(on), 0, true, 1},
        {brood::command(ls).in(on).err(on), 0, true, 2},
        {brood::command(ls).out(on).err(on), 1, false, 1},
        {brood::command(ls).in(on).out(on).err(on), 0, true, 1},
        {brood::command(ls).out(on).err(brood::to_stdout), 1, false, 1},
    };
    for (std::size_t i = 0; i != table.size(); ++i) {
        SCOPED_TRACE("row " + std::to_string(i));
        const auto& row = table[i];
        const auto plan = plan_terminal(row.what.data());
        EXPECT_EQ(plan.wanted.has_value(), row.first >= 0);
        EXPECT_EQ(plan.first, row.first);
        EXPECT_EQ(plan.we_type, row.we_type);
        EXPECT_EQ(plan.shown_at, row.shown_at);
        // A terminal comes with a session, and that with a group.
        EXPECT_EQ(makes_session(row.what.data()), row.first >= 0);
        EXPECT_EQ(makes_group(row.what.data()), row.first >= 0);
    }
}

TEST(terminal_plan, has_the_terminal_as_it_was_described)
{
    const auto plan =
        plan_terminal(exec("ls").err(pty(3, 4).echo(false)).data());
    ASSERT_TRUE(plan.wanted.has_value());
    EXPECT_EQ(*plan.wanted, pty(3, 4).echo(false));
    EXPECT_NE(*plan.wanted, pty(3, 4));
    EXPECT_FALSE(plan.wanted->has_echo());
    EXPECT_FALSE(plan.wanted->is_raw());
    // What is raw is not echoed, whatever was said of it.
    EXPECT_FALSE(pty().echo(true).raw().has_echo());
}

}  // namespace
