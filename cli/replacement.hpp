// replacement: {} and its kin, filled in.
//
//     {}      all values, with blanks between     {#}  the job's number
//     {.}     without the extension               {%}  its slot
//     {/}     without the folder                  {2}, {-1}  one value
//     {//}    the folder                          {2.}, {2/} ...  part of it
//     {/.}    without both                        {name}, {name.}  by --header
//
// Everything else in braces stays as it is. As in GNU parallel; no Perl.

#pragma once

#include "cli/shell_line.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// Which part of a value.
enum class value_part { whole, no_extension, file_name, folder, bare_name };

// "a.b/c.d": a.b/c (no_extension), c.d (file_name), a.b (folder), c (bare).
std::string part_of(std::string_view value, value_part part);

// What a command's words are filled with.
struct filling {
    const std::vector<std::string>& values;
    std::uint64_t seq = 0;
    unsigned slot = 0;
};

// One word, or a line for the shell, with placeholders in it.
class word_template {
public:
    // `replace` is used in place of {} (-I); `names` are the header's.
    word_template(std::string_view text, std::string_view replace,
                  const std::vector<std::string>& names);

    bool has_placeholder() const noexcept;

    // From now on fill() quotes each value for the shell as the place where it
    // stands needs it. Throws usage_error where that cannot be done.
    void quote_for_shell();

    std::string fill(const filling& with) const;
    // The words that it becomes: one, but for a lone {} (or {.} ...), which
    // gives one for each value, and a lone {2} of no value, which gives none.
    void append_words(const filling& with,
                      std::vector<std::string>& words) const;

private:
    struct piece {
        enum class kind { text, all, one, seq, slot };

        kind what = kind::text;
        std::string text;
        int position = 0;  // of one: from 1, or from -1 at the end
        value_part part = value_part::whole;
        std::optional<shell_place> place;  // none: not in a shell's line
    };

    bool read_placeholder(std::string_view inside,
                          const std::vector<std::string>& names);
    void add_text(std::string_view text);

    std::vector<piece> pieces_;
};

// A whole command. Without any placeholder, {} is appended. Without any word,
// the value is the command, as it stands. Throws usage_error for a line in
// which a value cannot be quoted.
class command_template {
public:
    command_template(const std::vector<std::string>& words, bool shell,
                     std::string_view replace,
                     const std::vector<std::string>& names);

    // For a shell line {"/bin/sh", "-c", line}.
    std::vector<std::string> fill(const filling& with) const;

private:
    bool shell_;
    std::vector<word_template> words_;
};

}  // namespace cli
