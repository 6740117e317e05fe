// plain_text: what a program printed, made safe to show.

#pragma once

#include <string>
#include <string_view>

namespace cli {

// Valid UTF-8 without a terminal's escape sequences and control characters;
// line feeds and tabs stay. Of a line that was drawn again and again after
// carriage returns, the last state.
std::string plain_text(std::string_view bytes);

// The same as one line: line feeds, tabs and carriage returns become spaces.
std::string plain_line(std::string_view bytes);

// The last lines of `text`, `most` at most, without a line feed at the end.
std::string_view last_lines(std::string_view text, std::size_t most);

}  // namespace cli
