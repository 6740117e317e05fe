// shlex.cpp: brood::shlex against CPython's answers and against /bin/sh.

#include <brood/shlex.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <list>
#include <ranges>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_view_literals;
namespace shlex = brood::shlex;

#include "shlex_table.inc"

using strings = std::vector<std::string>;

std::span<const std::string_view> words_of(const words_row& row)
{
    return {row.words, row.count};
}

strings copies(std::span<const std::string_view> words)
{
    return {words.begin(), words.end()};
}

// The message of the std::invalid_argument that splitting `line` throws.
std::string split_error(std::string_view line)
{
    try {
        (void)shlex::split(line);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "no error";
}

// Arguments as only the shell can have parsed them: each is followed by NUL.
std::string shell_prints(const std::string& arguments)
{
    const std::string line = "printf '%s\\000' " + arguments;
    std::string printed;
    FILE* const pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr)
        return "popen failed";
    std::array<char, 4096> block;
    while (const auto n = std::fread(block.data(), 1, block.size(), pipe))
        printed.append(block.data(), n);
    EXPECT_EQ(::pclose(pipe), 0);
    return printed;
}

std::string each_with_nul(std::span<const std::string_view> words)
{
    std::string all;
    for (const auto word : words)
        all.append(word).append(1, '\0');
    return all;
}

bool shell_can_take(std::string_view argument)
{
    return argument.find('\0') == std::string_view::npos;
}

template <typename T>
concept joinable = requires(T value) { shlex::join(value); };

TEST(shlex_quote, answers_as_cpython_does)
{
    for (const auto& [argument, quoted] : quote_table)
        EXPECT_EQ(shlex::quote(argument), quoted) << argument;
}

TEST(shlex_quote, leaves_only_cpythons_safe_bytes_bare)
{
    constexpr auto safe =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "_@%+=:,./-"sv;
    for (int byte = 0; byte < 256; ++byte) {
        const std::string one(1, static_cast<char>(byte));
        EXPECT_EQ(shlex::quote(one) == one, safe.find(one) != safe.npos)
            << byte;
    }
}

TEST(shlex_join, answers_as_cpython_does)
{
    for (const auto& row : join_table)
        EXPECT_EQ(shlex::join(words_of(row)), row.line);
}

TEST(shlex_join, takes_every_range_of_what_converts_to_string_view)
{
    constexpr auto joined = "a 'b c' ''"sv;
    const std::array<const char*, 3> pointers{"a", "b c", ""};
    EXPECT_EQ(shlex::join(pointers), joined);
    EXPECT_EQ(shlex::join(strings{"a", "b c", ""}), joined);
    EXPECT_EQ(shlex::join(std::list<std::string>{"a", "b c", ""}), joined);
    EXPECT_EQ(shlex::join(std::span(pointers)), joined);
    EXPECT_EQ(shlex::join(strings()), "");
}

TEST(shlex_join, takes_a_range_whose_elements_live_for_a_moment)
{
    // Longer than any small-string buffer, so that a sanitizer sees a view
    // that outlives its string.
    const std::string a(100, 'a'), b(100, 'b');
    EXPECT_EQ(shlex::join(
                  std::views::iota(0, 2) |
                  std::views::transform([&](int i) { return i == 0 ? a : b; })),
              a + " " + b);
    // Each step of this one overwrites the string that the last one gave.
    std::istringstream input(a + " " + b);
    EXPECT_EQ(shlex::join(std::ranges::istream_view<std::string>(input)),
              a + " " + b);
}

TEST(shlex_join, does_not_take_a_string_for_a_list)
{
    static_assert(joinable<strings>);
    static_assert(!joinable<std::string>);
    static_assert(!joinable<const char*>);
    static_assert(!joinable<std::vector<int>>);
}

TEST(shlex_split, answers_as_cpython_does)
{
    for (const auto& row : split_table)
        EXPECT_EQ(shlex::split(row.line), copies(words_of(row))) << row.line;
}

TEST(shlex_split, fails_where_and_as_cpython_does)
{
    for (const auto& [line, error] : split_error_table) {
        const std::string message = split_error(line);
        EXPECT_TRUE(message.starts_with(error)) << line << ": " << message;
    }
}

TEST(shlex_split, says_which_quotation_or_backslash_is_to_blame)
{
    EXPECT_EQ(split_error("'it's'"),
              "No closing quotation for the ' at offset 5");
    EXPECT_EQ(split_error("\"a\" \"b"),
              "No closing quotation for the \" at offset 4");
    EXPECT_EQ(split_error("a \\\\\\"),
              "No escaped character after the \\ at offset 4");
    EXPECT_EQ(split_error("\"a\\"),
              "No escaped character after the \\ at offset 2");
}

TEST(shlex_split, gives_back_what_was_joined)
{
    for (const auto& row : join_table) {
        const auto words = words_of(row);
        EXPECT_EQ(shlex::split(shlex::join(words)), copies(words));
    }
}

TEST(shlex_split, gives_back_every_string_that_was_quoted)
{
    for (const auto& row : quote_table)
        EXPECT_EQ(shlex::split(shlex::quote(row.argument)),
                  strings{std::string(row.argument)});
}

TEST(shlex, is_linear_in_long_lines)
{
    // Were any step quadratic, this would run into the time limit of a test.
    constexpr std::size_t million = 1'000'000;
    const std::string safe(million, 'a');
    const std::string quotes(million, '\'');
    const strings many(million, "b c");
    EXPECT_EQ(shlex::quote(safe), safe);
    EXPECT_EQ(shlex::quote(quotes).size(), 5 * million + 2);
    EXPECT_EQ(shlex::split(shlex::quote(quotes)), strings{quotes});
    EXPECT_EQ(shlex::split(shlex::join(many)), many);
    EXPECT_EQ(shlex::split(std::string(million, ' ')), strings());
    EXPECT_EQ(shlex::split(std::string(2 * million, '\\')),
              strings{std::string(million, '\\')});
}

TEST(shlex_quote, is_understood_by_the_shell)
{
    std::vector<std::string_view> words;
    std::string quoted;
    for (const auto& row : quote_table) {
        if (!shell_can_take(row.argument))
            continue;
        words.push_back(row.argument);
        quoted += " " + shlex::quote(row.argument);
    }
    ASSERT_GT(words.size(), 300u);
    // One argument of execve holds 128 KiB on Linux.
    ASSERT_LT(quoted.size(), 100'000u);
    EXPECT_EQ(shell_prints(quoted), each_with_nul(words));
}

TEST(shlex_join, is_understood_by_the_shell)
{
    std::vector<std::string_view> words;
    for (const auto& row : join_table)
        for (const auto word : words_of(row))
            if (shell_can_take(word))
                words.push_back(word);
    ASSERT_GT(words.size(), 100u);
    EXPECT_EQ(shell_prints(shlex::join(words)), each_with_nul(words));
}

}  // namespace
