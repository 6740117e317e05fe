// How xargs reads its input, and what commands it makes.

#include "cli/xargs_items.hpp"

#include <gtest/gtest.h>

namespace {

using words = std::vector<std::string>;

cli::xargs_options asked(const words& line)
{
    return cli::parse_xargs("xargs", line);
}

words items(const words& line, std::string_view input)
{
    cli::xargs_splitter splitter(asked(line));
    words found;
    const auto take = [&] {
        while (const auto item = splitter.next())
            found.push_back(item->text);
    };
    for (const char byte : input) {
        if (splitter.take(byte))
            break;
        take();
    }
    splitter.finish();
    take();
    return found;
}

std::vector<words> commands(const words& line, std::string_view input,
                            std::size_t max_chars = 100000)
{
    const cli::xargs_options options = asked(line);
    cli::xargs_splitter splitter(options);
    cli::xargs_builder builder(options, options.max_chars.value_or(max_chars));
    for (const char byte : input)
        if (splitter.take(byte))
            break;
    splitter.finish();
    while (const auto item = splitter.next())
        builder.add(*item);
    builder.finish();
    std::vector<words> made;
    while (auto command = builder.next())
        made.push_back(std::move(*command));
    return made;
}

TEST(xargs_items, divides_at_blanks_and_newlines_but_not_in_quotes)
{
    const std::pair<std::string_view, words> table[] = {
        {"a b\tc\nd", {"a", "b", "c", "d"}},
        {"  a  \n\n b \n", {"a", "b"}},
        {"'a b' \"c d\" e\\ f", {"a b", "c d", "e f"}},
        {"a'b c'd", {"ab cd"}},
        {"'' \"\"", {"", ""}},
        {"'a\"b' \"c'd\"", {"a\"b", "c'd"}},
        {"'a\\b'", {"a\\b"}},
        {"a\\\nb", {"a\nb"}},
        {"a\fb \f c", {"a\fb", "c"}},
        {"", {}},
        {" \n\t\n", {}},
    };
    for (const auto& [input, meant] : table)
        EXPECT_EQ(items({}, input), meant) << input;
}

TEST(xargs_items, refuses_a_quote_that_is_not_closed)
{
    for (const auto* input : {"'a", "a'b\nc'", "'a\nb'"}) {
        try {
            items({}, input);
            ADD_FAILURE() << input;
        } catch (const cli::xargs_failure& error) {
            EXPECT_NE(std::string(error.what()).find("unmatched single quote"),
                      std::string::npos);
        }
    }
    EXPECT_THROW(items({}, "\"a"), cli::xargs_failure);
}

TEST(xargs_items, ends_at_the_end_of_file_item)
{
    EXPECT_EQ(items({"-E_"}, "a\n_\nb\n"), (words{"a"}));
    EXPECT_EQ(items({"-e_"}, "a _ b"), (words{"a"}));
    EXPECT_EQ(items({"-e"}, "a _ b"), (words{"a", "_", "b"}));
    EXPECT_EQ(items({"-E_"}, "a_ __ b"), (words{"a_", "__", "b"}));
    EXPECT_EQ(items({"-E_", "-d,"}, "a,_,b"), (words{"a", "_", "b"}));
}

TEST(xargs_items, takes_everything_as_it_stands_with_a_delimiter)
{
    EXPECT_EQ(items({"-0"}, std::string_view("a 'b\0\\c\n\0\0", 10)),
              (words{"a 'b", "\\c\n", ""}));
    EXPECT_EQ(items({"-d\\n"}, "a b\n\nc"), (words{"a b", "", "c"}));
    EXPECT_EQ(items({"-d\\x2c"}, "a,b"), (words{"a", "b"}));
    EXPECT_EQ(items({"-d\\054"}, "a,b"), (words{"a", "b"}));
}

TEST(xargs_items, takes_whole_lines_to_replace_with)
{
    EXPECT_EQ(items({"-I@"}, "  a b \n\n'c  d' e\n"),
              (words{"a b ", "c  d e"}));
}

TEST(xargs_items, counts_items_and_lines)
{
    using made = std::vector<words>;
    EXPECT_EQ(commands({"-n2", "x"}, "a b c"),
              (made{{"x", "a", "b"}, {"x", "c"}}));
    EXPECT_EQ(commands({"-L1", "x"}, "a b\nc\n\nd"),
              (made{{"x", "a", "b"}, {"x", "c"}, {"x", "d"}}));
    EXPECT_EQ(commands({"-L2", "x"}, "a\n\nb\nc\n"),
              (made{{"x", "a", "b"}, {"x", "c"}}));
    // A blank at the end joins the next line.
    EXPECT_EQ(commands({"-L1", "x"}, "a \nb\nc\n"),
              (made{{"x", "a", "b"}, {"x", "c"}}));
    EXPECT_EQ(commands({"-L1", "x"}, "a \n\nb\nc\n"),
              (made{{"x", "a", "b"}, {"x", "c"}}));
    EXPECT_EQ(commands({"-l", "x"}, "a\nb\n"), (made{{"x", "a"}, {"x", "b"}}));
    EXPECT_EQ(commands({"-L2", "-0", "x"}, std::string_view("a\0b\0c\0", 6)),
              (made{{"x", "a", "b"}, {"x", "c"}}));
}

TEST(xargs_items, runs_once_without_items_unless_told_not_to)
{
    using made = std::vector<words>;
    EXPECT_EQ(commands({}, ""), (made{{"echo"}}));
    EXPECT_EQ(commands({"x", "y"}, " \n"), (made{{"x", "y"}}));
    EXPECT_EQ(commands({"-r", "x"}, ""), (made{}));
    EXPECT_EQ(commands({"-i", "x"}, ""), (made{}));
}

TEST(xargs_items, replaces_in_the_arguments_not_in_the_command)
{
    using made = std::vector<words>;
    EXPECT_EQ(commands({"-I@", "@", "a@b", "@@", "c"}, "1\n2\n"),
              (made{{"@", "a1b", "11", "c"}, {"@", "a2b", "22", "c"}}));
    EXPECT_EQ(commands({"-i", "x", "{}"}, "a b\n"), (made{{"x", "a b"}}));
}

TEST(xargs_items, keeps_commands_below_a_length)
{
    using made = std::vector<words>;
    // "x", "aa" and "bb" with a NUL each: 8.
    EXPECT_EQ(commands({"-s8", "x"}, "aa bb cc"),
              (made{{"x", "aa", "bb"}, {"x", "cc"}}));
    EXPECT_EQ(commands({"-s7", "x"}, "aa bb"),
              (made{{"x", "aa"}, {"x", "bb"}}));
    EXPECT_THROW(commands({"-s4", "x"}, "aa"), cli::xargs_failure);
    EXPECT_THROW(commands({"-s2", "x"}, ""), cli::xargs_failure);
    EXPECT_THROW(commands({"-n2", "-s7", "-x", "x"}, "aa bb"),
                 cli::xargs_failure);
    EXPECT_THROW(commands({"-I@", "-s5", "x", "a@a"}, "b"), cli::xargs_failure);
}

TEST(xargs_items, shows_words_as_a_shell_reads_them)
{
    const std::pair<std::string_view, std::string_view> table[] = {
        {"plain-1.c", "plain-1.c"},
        {"", "''"},
        {"a b", "'a b'"},
        {"it's", "\"it's\""},
        {"a'b\"c", "'a'\\''b\"c'"},
        {" \f", "' '$'\\f'"},
        {"\n \f\r", "''$'\\n'' '$'\\f\\r'"},
        {"\x01", "''$'\\001'"},
        {"{", "'{'"},
        {"{}", "{}"},
        {"a=b", "'a=b'"},
        {"~a", "'~a'"},
        {"a~", "a~"},
        {"#a", "'#a'"},
    };
    for (const auto& [word, meant] : table)
        EXPECT_EQ(cli::xargs_quote(word), meant) << word;
}

TEST(xargs_items, the_last_of_options_that_exclude_each_other_counts)
{
    const cli::xargs_options lines = asked({"-n2", "-L3", "x"});
    EXPECT_FALSE(lines.max_args);
    EXPECT_EQ(lines.max_lines, 3u);
    EXPECT_EQ(lines.warnings,
              (words{"warning: options --max-args and -L are mutually "
                     "exclusive, ignoring previous --max-args value"}));
    const cli::xargs_options same = asked({"-I@", "-n1", "x"});
    EXPECT_TRUE(same.replace);
    EXPECT_TRUE(same.warnings.empty());
    // The options end at the command.
    EXPECT_EQ(asked({"-n1", "x", "-n2"}).command, (words{"x", "-n2"}));
}

TEST(xargs_items, bad_values_are_told_with_the_option)
{
    const std::pair<words, std::string_view> table[] = {
        {{"-nx"}, "invalid number \"x\" for -n option"},
        {{"-n0"}, "value 0 for -n option should be >= 1"},
        {{"-P-1"}, "value -1 for -P option should be >= 0"},
        {{"-dab"},
         "Invalid input delimiter specification ab: the delimiter "
         "must be either a single character or an escape sequence "
         "starting with \\."},
        {{"-d\\xgg"},
         "Invalid escape sequence \\xgg in input delimiter "
         "specification; trailing characters gg not "
         "recognised."},
        {{"--process-slot-var=a=b"},
         "option --process-slot-var may not be set to a value which includes "
         "`='"},
    };
    for (const auto& [line, text] : table) {
        try {
            asked(line);
            ADD_FAILURE() << line[0];
        } catch (const cli::xargs_usage_error& error) {
            EXPECT_EQ(std::string_view(error.what()), text);
        }
    }
}

}  // namespace
