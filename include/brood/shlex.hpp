// shlex.hpp: arguments to a shell's command line, and back again.
//
// Equal to CPython's shlex.quote, shlex.join and shlex.split(s), on bytes.
// Not a shell: nothing is expanded, run or looked up. brood itself never
// parses a command line; these are for programs that are handed one, or that
// show one.
#pragma once

#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <brood/export.hpp>

namespace brood::shlex {

namespace detail {

// Appends `argument`, quoted, to `line`, after a space unless it is the first.
BROOD_API void append_argument(std::string& line, std::string_view argument);

}  // namespace detail

/// Returns `argument` as one word of a shell's command line.
///
/// What is made of `[A-Za-z0-9_@%+=:,./-]` alone comes back as it is. All else
/// is put in single quotes, a single quote in it becomes `'"'"'`, and an empty
/// argument becomes `''`. Bytes from 0x80 on are quoted in every locale.
///
/// Limits:       linear time. A NUL byte is kept, but no shell accepts one.
/// Platform:     for POSIX shells; cmd.exe on Windows has other rules.
/// See:          join, split; shlex.quote in Python.
[[nodiscard]] BROOD_API std::string quote(std::string_view argument);

/// Returns `arguments`, each of them quoted, with single spaces between.
///
/// Takes any range whose elements convert to std::string_view. For every such
/// range, `split(join(arguments))` gives the arguments back.
///
/// Limits:       linear time.
/// Platform:     as quote.
/// See:          quote, split; shlex.join in Python.
template <std::ranges::input_range Arguments>
    requires std::is_convertible_v<std::ranges::range_reference_t<Arguments>,
                                   std::string_view>
[[nodiscard]] std::string join(Arguments&& arguments)
{
    std::string line;
    // One at a time: a lazy range may make each element only for the moment
    // that it is looked at, so views of them must not be collected.
    for (auto&& argument : arguments)
        detail::append_argument(line,
                                std::forward<decltype(argument)>(argument));
    return line;
}

/// Returns the words of `line`, as a POSIX shell's quoting rules divide it.
///
/// Words end at spaces, tabs, newlines and carriage returns outside quotes.
/// Single quotes keep everything. In double quotes a backslash escapes only
/// `"` and `\`; before any other byte it is kept, so `"\$"` gives `\$`, as in
/// Python and unlike a shell. Outside quotes a backslash escapes any byte, a
/// newline too. `#`, operators, variables and wildcards are ordinary bytes.
///
/// Errors:       std::invalid_argument, "No closing quotation ..." or
///               "No escaped character ...", with the offset in `line`.
/// Limits:       linear time.
/// See:          join; shlex.split in Python (comments=False, posix=True).
[[nodiscard]] BROOD_API std::vector<std::string> split(std::string_view line);

}  // namespace brood::shlex
