// shell_line: where in a line for /bin/sh a value stands, and how it is to be
// written there so that the shell takes it as text.
//
// Knows as much of the shell's grammar as that needs: quotes, comments and
// $(...). Where the shells themselves disagree, or where no way of quoting
// helps (`...`, ${...}, $((...)), here-documents), it refuses.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

struct shell_place {
    enum class inside { nothing, single_quotes, double_quotes, comment };

    inside where = inside::nothing;
    // "$x{}": the value must not become a part of the name.
    bool after_name = false;
    // "{}>f": a number there would be a descriptor's.
    bool before_redirection = false;
};

// The value, as the shell is to read it in this place.
std::string shell_text(std::string_view value, const shell_place& where);

// Reads a line from its beginning.
class shell_line {
public:
    shell_line();

    // The text that comes next.
    void read(std::string_view text);
    // A value comes next, with `rest` behind it. Throws usage_error that says
    // why there can be none.
    shell_place value(std::string_view rest);
    // A number of ours comes next, which may stand everywhere; none: it needs
    // no quotes.
    std::optional<shell_place> number(std::string_view rest);

private:
    enum class context {
        command,
        single_quotes,
        double_quotes,
        comment,
        backquotes,
        parameter,
        arithmetic
    };

    void read_command(std::string_view text);
    void read_double_quotes(std::string_view text);
    void read_parameter(std::string_view text);
    void read_arithmetic(std::string_view text);
    bool read_expansion(std::string_view text);
    bool is_case(std::string_view text) const;
    void give_up(const char* reason);
    bool leads_to_redirection(std::string_view rest) const;
    void filled();

    std::vector<context> nested_;  // never empty: the outermost is a command
    // Once this is set, it is not known any more what a character means.
    const char* unclear_ = nullptr;
    std::size_t taken_ = 0;
    unsigned depth_ = 0;  // of the braces or the parentheses
    bool word_starts_ = true;
    // A value without any text may stand where the word starts.
    bool maybe_empty_ = false;
    bool escaping_ = false;  // a backslash was the last
    bool dollar_ = false;    // a $ was the last
    bool naming_ = false;    // a $ and letters were
    bool document_ = false;  // << was read
    char before_ = '\0';
};

}  // namespace cli
