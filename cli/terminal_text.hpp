// terminal_text: text cut to the columns that it may have on a terminal.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cli {

// The columns that `text` takes, which is valid UTF-8 without control
// characters: two for a wide character, none for one that combines.
std::size_t columns_of(std::string_view text) noexcept;

// As much of `text` as fits in `columns`; what is cut off leaves a ">".
std::string clipped(std::string_view text, std::size_t columns);

// The same, filled up with spaces.
std::string fitted(std::string_view text, std::size_t columns);

// With "?" for all that is not ASCII, for a terminal that shows nothing else.
std::string as_ascii(std::string_view text);

}  // namespace cli
