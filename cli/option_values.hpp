// option_values: what the rows of option_table share.

#pragma once

#include "cli/option_table.hpp"
#include "cli/quantities.hpp"

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// The parts of option_table(), which is too long for one file.
void add_course_rows(std::vector<option_row>& rows);  // input to failures
void add_output_rows(std::vector<option_row>& rows);  // what comes after

inline constexpr auto required = option_text::taking::required;
inline constexpr auto optional_value = option_text::taking::optional;

inline constexpr std::string_view a_duration =
    "a duration, such as 10, 1.5s, 200ms, 2m or 1h30m";
inline constexpr std::string_view a_size = "a size, such as 512K, 64M or 1G";
inline constexpr std::string_view a_number_of_times =
    "a whole number from 1 on, such as 3";

// Stores what a parser made of the value, if it made something of it.
template <class T, class U>
bool keep(T& into, const std::optional<U>& parsed)
{
    if (!parsed)
        return false;
    into = *parsed;
    return true;
}

// From 1 on, as an unsigned.
inline bool keep_positive(unsigned& into, const std::string& value)
{
    const auto count = parse_count(value);
    if (!count || *count == 0 || *count > std::numeric_limits<unsigned>::max())
        return false;
    into = static_cast<unsigned>(*count);
    return true;
}

template <class Enum>
struct word {
    std::string_view text;
    Enum means;
};

template <class Enum, std::size_t N>
bool keep_word(Enum& into, const std::string& value,
               const word<Enum> (&words)[N])
{
    for (const word<Enum>& known : words) {
        if (known.text == value) {
            into = known.means;
            return true;
        }
    }
    return false;
}

}  // namespace cli
