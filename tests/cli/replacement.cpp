// {} and its kin. What GNU parallel makes of the same is compared in
// test_parallel.py.

#include "cli/replacement.hpp"

#include <gtest/gtest.h>

namespace {

using words = std::vector<std::string>;
using cli::value_part;

TEST(replacement, takes_the_parts_of_a_path)
{
    struct row {
        std::string_view value;
        std::string_view no_extension, file_name, folder, bare_name;
    };
    // The results are GNU parallel's.
    const row table[] = {
        {"a.b/c", "a.b/c", "c", "a.b", "c"},
        {"/a.b", "/a", "a.b", "/", "a"},
        {"a/", "a/", "", ".", ""},
        {"/", "/", "", "/", ""},
        {"a.b.c", "a.b", "a.b.c", ".", "a.b"},
        {".hid", "", ".hid", ".", ""},
        {"x/.hid", "x/", ".hid", "x", ""},
        {"", "", "", ".", ""},
        {"a b.c", "a b", "a b.c", ".", "a b"},
        {"a/b/", "a/b/", "", "a", ""},
        {"/usr/x.tar.gz", "/usr/x.tar", "x.tar.gz", "/usr", "x.tar"},
    };
    for (const row& one : table) {
        EXPECT_EQ(cli::part_of(one.value, value_part::whole), one.value);
        EXPECT_EQ(cli::part_of(one.value, value_part::no_extension),
                  one.no_extension)
            << one.value;
        EXPECT_EQ(cli::part_of(one.value, value_part::file_name), one.file_name)
            << one.value;
        EXPECT_EQ(cli::part_of(one.value, value_part::folder), one.folder)
            << one.value;
        EXPECT_EQ(cli::part_of(one.value, value_part::bare_name), one.bare_name)
            << one.value;
    }
}

struct filled {
    words command;
    words values;
    words result;
};

words fill(const filled& one, bool shell, std::string_view replace = "{}",
           const words& names = {})
{
    const cli::command_template command(one.command, shell, replace, names);
    return command.fill({one.values, 7, 3});
}

TEST(replacement, fills_the_words_of_a_command)
{
    const filled table[] = {
        {{"echo", "{}"}, {"a b"}, {"echo", "a b"}},
        {{"echo", "x{}y"}, {"a"}, {"echo", "xay"}},
        {{"echo", "{}{}"}, {"a"}, {"echo", "aa"}},
        {{"echo"}, {"a"}, {"echo", "a"}},
        {{"echo"}, {"a", "b"}, {"echo", "a", "b"}},
        {{"echo", "{}"}, {"a", "b"}, {"echo", "a", "b"}},
        {{"echo", "<{}>"}, {"a", "b"}, {"echo", "<a b>"}},
        {{"mv", "{}", "{.}.bak"}, {"d/a.c"}, {"mv", "d/a.c", "d/a.bak"}},
        {{"x", "{/}", "{//}", "{/.}"}, {"d/a.c"}, {"x", "a.c", "d", "a"}},
        {{"x", "{.}"}, {"a.c", "b.c"}, {"x", "a", "b"}},
        {{"x", "{#}", "{%}"}, {"a"}, {"x", "7", "3"}},
        {{"x", "{2}-{1}"}, {"a", "b"}, {"x", "b-a"}},
        {{"x", "{-1}", "{-2}"}, {"a", "b"}, {"x", "b", "a"}},
        {{"x", "{2/.}", "{1//}"}, {"p/a", "q/b.c"}, {"x", "b", "p"}},
        {{"x", "{3}", "<{3}>"}, {"a"}, {"x", "<>"}},
        {{"x", "{foo}"}, {"a"}, {"x", "{foo}", "a"}},
        {{"x", "{foo}", "{}"}, {"a"}, {"x", "{foo}", "a"}},
        {{"x", "{0}"}, {"a"}, {"x", "{0}", "a"}},
        {{"x", "{a{}b}"}, {"v"}, {"x", "{avb}"}},
        {{"x", "{", "}"}, {"v"}, {"x", "{", "}", "v"}},
        {{"x", "{{}}"}, {"v"}, {"x", "{v}"}},
        {{"{}", "-x"}, {"ls"}, {"ls", "-x"}},
        {{"x", "{}"}, {"{}"}, {"x", "{}"}},
        {{"x", ""}, {"v"}, {"x", "", "v"}},
    };
    for (const filled& one : table)
        EXPECT_EQ(fill(one, false), one.result)
            << testing::PrintToString(one.command);
}

TEST(replacement, quotes_each_value_for_a_shell)
{
    const filled table[] = {
        {{"echo {}"}, {"a b"}, {"/bin/sh", "-c", "echo 'a b'"}},
        {{"echo", "a", "{}"}, {"$(x)"}, {"/bin/sh", "-c", "echo a '$(x)'"}},
        {{"echo"}, {"it's"}, {"/bin/sh", "-c", "echo 'it'\"'\"'s'"}},
        {{"wc <{} >{.}.n"},
         {"a b.c"},
         {"/bin/sh", "-c", "wc <'a b.c' >'a b'.n"}},
        {{"echo"}, {"a", "b c"}, {"/bin/sh", "-c", "echo a 'b c'"}},
        {{"echo {#}"}, {"a"}, {"/bin/sh", "-c", "echo 7"}},
        {{"x"}, {""}, {"/bin/sh", "-c", "x ''"}},
    };
    for (const filled& one : table)
        EXPECT_EQ(fill(one, true), one.result)
            << testing::PrintToString(one.command);
}

TEST(replacement, takes_the_value_as_the_command_where_there_is_none)
{
    EXPECT_EQ(fill({{}, {"echo $HOME"}, {}}, true),
              (words{"/bin/sh", "-c", "echo $HOME"}));
}

TEST(replacement, knows_the_names_of_a_header)
{
    const words names = {"file", "size", "a.b"};
    const words values = {"d/x.c", "7", "z"};
    EXPECT_EQ(
        fill(
            {{"x", "{file}", "{size}", "{a.b}", "{file/.}", "{1}"}, values, {}},
            false, "{}", names),
        (words{"x", "d/x.c", "7", "z", "x", "d/x.c"}));
    EXPECT_EQ(fill({{"x", "{nope}", "{}"}, {"v"}, {}}, false, "{}", names),
              (words{"x", "{nope}", "v"}));
}

TEST(replacement, uses_another_text_in_place_of_the_braces)
{
    EXPECT_EQ(
        fill({{"x", "@@", "{}", "a@@b", "{.}"}, {"v.c"}, {}}, false, "@@"),
        (words{"x", "v.c", "{}", "av.cb", "v"}));
    // It may stand in the text of the appended one, too.
    EXPECT_EQ(fill({{"x", "{}"}, {"v"}, {}}, false, "@@"),
              (words{"x", "{}", "v"}));
}

}  // namespace
