// quantities: durations, sizes, counts and signals as people write them.
//
// Pure. None of these functions takes a text that is only in part what it
// should be: "10x" is no duration. Empty: it is none.

#pragma once

#include "cli/options.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

// "10" and "1.5" (seconds), "200ms", "1.5s", "2m", "1h", "1d", and several of
// these with units in a row: "1h30m".
std::optional<duration> parse_duration(std::string_view text);

// "512", "64K", "1.5M", "1G", "2T": bytes, in steps of 1024. An i, a B or iB
// after the letter changes nothing.
std::optional<std::uint64_t> parse_size(std::string_view text);

// Digits alone.
std::optional<std::uint64_t> parse_count(std::string_view text);
// Digits with or without a minus sign.
std::optional<int> parse_integer(std::string_view text);
// A decimal number that is not negative.
std::optional<double> parse_number(std::string_view text);
// "20%": 20.
std::optional<double> parse_percent(std::string_view text);

// "8", "50%", "+2", "0".
std::optional<job_limit> parse_job_limit(std::string_view text);

// "TERM", "SIGTERM", "term", "15".
std::optional<int> parse_signal(std::string_view text);

// "80x24": columns and rows.
std::optional<std::pair<unsigned short, unsigned short>>
parse_terminal_size(std::string_view text);

// "," at a time; "a,,b" has an empty part.
std::vector<std::string_view> split_at(std::string_view text, char separator);

// What `-d` takes: one or more characters, with \n, \t, \0, \\ and \xHH.
std::optional<std::string> parse_delimiter(std::string_view text);

}  // namespace cli
