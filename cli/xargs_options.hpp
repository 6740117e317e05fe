// xargs_options: what `brood xargs` was asked for, in xargs's own words.

#pragma once

#include "cli/option_table.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

struct xargs_options {
    std::optional<char> delimiter;  // none: blanks, newlines and quotes
    std::string arg_file;           // empty: the standard input
    std::string end_of_file;        // empty: none
    std::optional<std::string> replace;
    std::optional<std::size_t> max_lines;
    std::optional<std::size_t> max_args;
    std::size_t max_procs = 1;  // 0: no limit
    std::optional<std::size_t> max_chars;
    std::string slot_variable;
    bool no_run_if_empty = false;
    bool exit_if_too_long = false;
    bool print_commands = false;
    bool ask = false;
    bool open_tty = false;
    bool show_limits = false;
    bool help = false;
    bool version = false;
    std::vector<std::string> command;
    // Without "xargs: ".
    std::vector<std::string> warnings;
};

// One line; `hint` asks for "Try 'xargs --help' ..." behind it. Empty: the
// line is printed already (by getopt).
class xargs_usage_error : public std::runtime_error {
public:
    xargs_usage_error(const std::string& text, bool with_hint)
        : std::runtime_error(text), hint(with_hint)
    {
    }

    bool hint;
};

// The options in the order of --help.
std::span<const option_text> xargs_option_texts() noexcept;

// `program` is what getopt's own messages begin with. Stops at the first word
// that is no option. Throws xargs_usage_error. One thread at a time: getopt
// keeps its place in global variables.
xargs_options parse_xargs(const std::string& program,
                          const std::vector<std::string>& words);

}  // namespace cli
