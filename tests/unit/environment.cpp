// environment.cpp: a child's environment from the parent's and a recipe.

#include "core/environment.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

using brood::core::find_variable;
using strings = std::vector<std::string>;
using views = std::vector<std::string_view>;
using kind = brood::detail::environment_change::kind;
using recipe = std::vector<brood::detail::environment_change>;

strings merge(const views& parent, const recipe& changes)
{
    std::vector<const char*> pointers;
    for (const auto each : parent)
        pointers.push_back(each.data());
    pointers.push_back(nullptr);
    const auto merged =
        brood::core::merge_environment(pointers.data(), changes);
    EXPECT_EQ(merged.variables.back(), nullptr);
    return strings(merged.variables.begin(), merged.variables.end() - 1);
}

const views parent{"HOME=/root", "PATH=/bin", "EMPTY=", "TERM=dumb"};

TEST(merge_environment, changes_nothing_without_a_recipe)
{
    EXPECT_EQ(merge(parent, {}), strings(parent.begin(), parent.end()));
    EXPECT_EQ(merge({}, {}), strings());
    // After clearenv(3), environ is a null pointer.
    EXPECT_EQ(brood::core::merge_environment(nullptr, {}).variables,
              std::vector<const char*>{nullptr});
}

TEST(merge_environment, keeps_a_variables_place_and_adds_new_ones_behind)
{
    const recipe changes{{kind::set, "NEW", "1"},
                         {kind::set, "PATH", "/opt"},
                         {kind::set, "LAST", "2"}};
    EXPECT_EQ(merge(parent, changes),
              strings({"HOME=/root", "PATH=/opt", "EMPTY=", "TERM=dumb",
                       "NEW=1", "LAST=2"}));
}

TEST(merge_environment, removes_what_is_unset)
{
    const recipe changes{{kind::unset, "PATH", {}},
                         {kind::unset, "EMPTY", {}},
                         {kind::unset, "NEVER_SET", {}}};
    EXPECT_EQ(merge(parent, changes), strings({"HOME=/root", "TERM=dumb"}));
}

TEST(merge_environment, applies_the_changes_in_their_order)
{
    const recipe set_then_unset{{kind::set, "A", "1"}, {kind::unset, "A", {}}};
    EXPECT_EQ(merge({"B=2"}, set_then_unset), strings({"B=2"}));

    const recipe unset_then_set{{kind::unset, "B", {}}, {kind::set, "B", "3"}};
    EXPECT_EQ(merge({"B=2", "C=4"}, unset_then_set), strings({"C=4", "B=3"}));

    const recipe twice{{kind::set, "A", "1"}, {kind::set, "A", "2"}};
    EXPECT_EQ(merge({}, twice), strings({"A=2"}));

    const recipe cleared{
        {kind::set, "A", "1"}, {kind::clear, {}, {}}, {kind::set, "B", "2"}};
    EXPECT_EQ(merge(parent, cleared), strings({"B=2"}));
}

TEST(merge_environment, tells_a_name_from_one_that_begins_like_it)
{
    const views alike{"PATHS=1", "PAT=2", "PATH=3", "PATH"};
    EXPECT_EQ(merge(alike, {{kind::unset, "PATH", {}}}),
              strings({"PATHS=1", "PAT=2", "PATH"}));
    EXPECT_EQ(merge(alike, {{kind::set, "PATH", "4"}}),
              strings({"PATHS=1", "PAT=2", "PATH=4", "PATH"}));
}

TEST(merge_environment, leaves_no_second_value_of_a_name_behind)
{
    // Programs disagree on which of two counts, so none may keep the old.
    const views twice{"A=1", "B=2", "A=3", "A=4"};
    EXPECT_EQ(merge(twice, {{kind::set, "A", "5"}}), strings({"A=5", "B=2"}));
    EXPECT_EQ(merge(twice, {{kind::unset, "A", {}}}), strings({"B=2"}));
}

TEST(merge_environment, passes_bytes_and_equals_signs_of_values_through)
{
    const recipe changes{{kind::set, "A", "x=y=z"},
                         {kind::set, "\xff\xfe", "\x80\n\t "},
                         {kind::set, "NONE", ""}};
    EXPECT_EQ(
        merge({"B==", "C=\xff"}, changes),
        strings({"B==", "C=\xff", "A=x=y=z", "\xff\xfe=\x80\n\t ", "NONE="}));
}

TEST(merge_environment, keeps_what_is_no_variable)
{
    EXPECT_EQ(merge({"no equals sign", "=odd"}, {{kind::set, "A", "1"}}),
              strings({"no equals sign", "=odd", "A=1"}));
}

TEST(find_variable, finds_the_value_of_exactly_that_name)
{
    const char* const list[] = {"PATHS=no", "PAT=no", "PATH", "PATH=/bin",
                                "PATH=no",  "EMPTY=", nullptr};
    EXPECT_STREQ(find_variable(list, "PATH"), "/bin");
    EXPECT_STREQ(find_variable(list, "EMPTY"), "");
    EXPECT_EQ(find_variable(list, "PA"), nullptr);
    EXPECT_EQ(find_variable(list, "HOME"), nullptr);
}

TEST(find_variable, finds_nothing_in_no_environment)
{
    const char* const empty[] = {nullptr};
    EXPECT_EQ(find_variable(empty, "PATH"), nullptr);
    // After clearenv(3), environ is a null pointer.
    EXPECT_EQ(find_variable(nullptr, "PATH"), nullptr);
}

}  // namespace
