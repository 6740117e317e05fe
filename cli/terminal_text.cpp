#include "cli/terminal_text.hpp"

#include <algorithm>
#include <array>

namespace cli {

namespace {

struct code_range {
    char32_t first;
    char32_t last;
};

// The ranges of Unicode's East Asian Width that are W or F, and emoji, whole
// blocks at a time. wcwidth(3) would need the user's locale to be set, which
// changes how numbers are printed.
constexpr std::array<code_range, 18> wide{{
    {0x1100, 0x115f},
    {0x231a, 0x231b},
    {0x23e9, 0x23ec},
    {0x2e80, 0x303e},
    {0x3041, 0x33ff},
    {0x3400, 0x4dbf},
    {0x4e00, 0x9fff},
    {0xa000, 0xa4cf},
    {0xa960, 0xa97f},
    {0xac00, 0xd7a3},
    {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},
    {0xff01, 0xff60},
    {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff},
    {0x1f900, 0x1faff},
    {0x20000, 0x3fffd},
}};

// Combining marks, joiners, direction marks and variation selectors.
constexpr std::array<code_range, 9> combining{{
    {0x300, 0x36f},
    {0x483, 0x489},
    {0x591, 0x5bd},
    {0x610, 0x61a},
    {0x1ab0, 0x1aff},
    {0x200b, 0x200f},
    {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f},
}};

template <std::size_t N>
bool holds(const std::array<code_range, N>& ranges, char32_t code)
{
    return std::any_of(ranges.begin(), ranges.end(), [code](auto range) {
        return code >= range.first && code <= range.last;
    });
}

struct character {
    std::size_t bytes;
    std::size_t columns;
};

// The first of `text`, which is valid and not empty.
character first_of(std::string_view text) noexcept
{
    auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80)
        return {1, 1};
    std::size_t bytes = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    bytes = std::min(bytes, text.size());
    char32_t code = lead & (0x7fu >> bytes);
    for (std::size_t at = 1; at < bytes; ++at)
        code = code << 6 | (static_cast<unsigned char>(text[at]) & 0x3fu);
    if (holds(combining, code))
        return {bytes, 0};
    return {bytes, holds(wide, code) ? 2u : 1u};
}

}  // namespace

std::size_t columns_of(std::string_view text) noexcept
{
    std::size_t columns = 0;
    while (!text.empty()) {
        auto one = first_of(text);
        columns += one.columns;
        text.remove_prefix(one.bytes);
    }
    return columns;
}

std::string clipped(std::string_view text, std::size_t columns)
{
    if (columns == 0)
        return {};
    std::size_t used = 0;
    std::size_t at = 0;
    std::size_t fits = 0;  // with room for the mark
    while (at < text.size()) {
        auto one = first_of(text.substr(at));
        if (used + one.columns > columns)
            return std::string(text.substr(0, fits)) + ">";
        used += one.columns;
        at += one.bytes;
        if (used + 1 <= columns)
            fits = at;
    }
    return std::string(text);
}

std::string fitted(std::string_view text, std::size_t columns)
{
    auto line = clipped(text, columns);
    line.append(columns - columns_of(line), ' ');
    return line;
}

std::string as_ascii(std::string_view text)
{
    std::string line;
    while (!text.empty()) {
        auto one = first_of(text);
        if (one.bytes == 1)
            line += text.front();
        else
            line.append(one.columns, '?');
        text.remove_prefix(one.bytes);
    }
    return line;
}

}  // namespace cli
