// option_table: every option of the program, once.
//
// The parser, --help, the manual page and the completions are all made of
// these rows, so that none of them can know an option that the others do not.

#pragma once

#include "cli/options.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// What help and completions need to know of an option.
struct option_text {
    std::string_view names;  // "-j,--jobs,-P"
    std::string_view value;  // "N|N%|+N|0"; empty: it takes none
    enum class taking { required, optional };
    taking takes;
    std::string_view group;
    std::string_view text;     // what it does
    std::string_view accepts;  // of a bad value: what would be a good one
    // Words for completion: "file", "dir", "command", or "a b c".
    std::string_view completes;
};

// The forms that know an option, as a sum of these.
namespace in_form {
inline constexpr unsigned each = 1;
inline constexpr unsigned all = 2;
inline constexpr unsigned one = 4;
inline constexpr unsigned runs = each | all | one;
inline constexpr unsigned many = each | all;
}  // namespace in_form

struct option_row {
    option_text as;
    unsigned forms;
    // Takes the value ("" for none) into the options; false: it is none that
    // this option takes.
    bool (*set)(options& into, const std::string& value);
};

// In the order of --help. (`xargs` has a table of its own, xargs_options.hpp.)
const std::vector<option_row>& option_table();

unsigned bit_of(options::form form) noexcept;
std::string_view to_string(options::form form) noexcept;

// "-j", "--jobs", "-P" of "-j,--jobs,-P".
std::vector<std::string_view> names_of(const option_text& option);

// The name of the list that is closest to a word that is none, if any is.
std::optional<std::string_view>
nearest(std::string_view word, const std::vector<std::string_view>& names);

}  // namespace cli
