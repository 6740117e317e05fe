// Quantities as people write them: what is taken, and what is not.

#include "cli/quantities.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace {

using namespace std::chrono_literals;

TEST(quantities, durations_are_seconds_unless_a_unit_says_otherwise)
{
    const std::pair<std::string_view, cli::duration> table[] = {
        {"10", 10s},      {"0", 0s},        {"1.5", 1500ms}, {".5", 500ms},
        {"1.5s", 1500ms}, {"200ms", 200ms}, {"2m", 2min},    {"1h", 1h},
        {"1d", 24h},      {"1h30m", 90min}, {"2m1s", 121s},  {"0.1ms", 100us},
    };
    for (const auto& [text, meant] : table)
        EXPECT_EQ(cli::parse_duration(text), meant) << text;
    for (const auto* text : {"", "x", "10x", "-1", "1s2", "s", "1 s", "1e3",
                             "inf", "nan", "1..2", ".", "1S", "10000000000d"})
        EXPECT_EQ(cli::parse_duration(text), std::nullopt) << text;
}

TEST(quantities, sizes_are_bytes_in_steps_of_1024)
{
    const std::pair<std::string_view, std::uint64_t> table[] = {
        {"512", 512},       {"64K", 65536},     {"64k", 65536},
        {"1M", 1u << 20},   {"1.5M", 3u << 19}, {"1G", 1u << 30},
        {"1GiB", 1u << 30}, {"1KB", 1024},      {"2T", 1ull << 41},
        {"10B", 10},        {"0", 0},
    };
    for (const auto& [text, meant] : table)
        EXPECT_EQ(cli::parse_size(text), meant) << text;
    for (const auto* text :
         {"", "M", "1X", "-1", "1MM", "1 M", "99999999999T", "1iB"})
        EXPECT_EQ(cli::parse_size(text), std::nullopt) << text;
}

TEST(quantities, job_limits_are_a_count_a_percentage_or_more_than_the_cpus)
{
    using unit = cli::job_limit::unit;
    struct row {
        std::string_view text;
        unit in;
        double amount;
    };
    const row table[] = {
        {"8", unit::count, 8},           {"50%", unit::percent, 50},
        {"150%", unit::percent, 150},    {"+2", unit::more_than_cpus, 2},
        {"+0", unit::more_than_cpus, 0}, {"0", unit::unlimited, 0},
    };
    for (const row& one : table) {
        const auto limit = cli::parse_job_limit(one.text);
        ASSERT_TRUE(limit) << one.text;
        EXPECT_EQ(limit->in, one.in) << one.text;
        EXPECT_EQ(limit->amount, one.amount) << one.text;
    }
    for (const auto* text :
         {"", "x", "-1", "1.5", "0%", "%", "+", "+-1", "8x", "99999999999"})
        EXPECT_FALSE(cli::parse_job_limit(text)) << text;
}

TEST(quantities, signals_go_by_name_or_number)
{
    const std::pair<std::string_view, int> table[] = {
        {"TERM", SIGTERM},  {"SIGTERM", SIGTERM}, {"term", SIGTERM},
        {"sigint", SIGINT}, {"9", SIGKILL},       {"HUP", SIGHUP},
        {"usr1", SIGUSR1},  {"64", 64},
    };
    for (const auto& [text, meant] : table)
        EXPECT_EQ(cli::parse_signal(text), meant) << text;
    for (const auto* text : {"", "0", "65", "-9", "TERMX", "SIG", "9x"})
        EXPECT_EQ(cli::parse_signal(text), std::nullopt) << text;
}

TEST(quantities, terminals_are_columns_and_rows)
{
    EXPECT_EQ(cli::parse_terminal_size("80x24"),
              (std::pair<unsigned short, unsigned short>(80, 24)));
    for (const auto* text : {"", "80", "x", "80x", "x24", "0x24", "80x0",
                             "80x24x1", "70000x24", "-1x2"})
        EXPECT_FALSE(cli::parse_terminal_size(text)) << text;
}

TEST(quantities, delimiters_may_be_escapes)
{
    const std::pair<std::string_view, std::string> table[] = {
        {",", ","},     {"\\n", "\n"},
        {"\\t", "\t"},  {"\\0", std::string(1, '\0')},
        {"\\x41", "A"}, {"\\\\", "\\"},
        {"ab", "ab"},   {"\\x7cx", "|x"},
    };
    for (const auto& [text, meant] : table)
        EXPECT_EQ(cli::parse_delimiter(text), meant) << text;
    for (const auto* text : {"", "\\q", "\\xg"})
        EXPECT_EQ(cli::parse_delimiter(text), std::nullopt) << text;
}

TEST(quantities, numbers_are_whole_texts)
{
    EXPECT_EQ(cli::parse_count("12"), 12u);
    EXPECT_EQ(cli::parse_integer("-12"), -12);
    EXPECT_EQ(cli::parse_number("1.5"), 1.5);
    EXPECT_EQ(cli::parse_percent("20%"), 20.0);
    for (const auto* text : {"", "1x", "x", " 1", "+1"}) {
        EXPECT_EQ(cli::parse_count(text), std::nullopt) << text;
        EXPECT_EQ(cli::parse_integer(text), std::nullopt) << text;
        EXPECT_EQ(cli::parse_number(text), std::nullopt) << text;
    }
    EXPECT_EQ(cli::parse_percent("20"), std::nullopt);
}

}  // namespace
