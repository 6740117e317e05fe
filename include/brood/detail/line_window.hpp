// detail/line_window.hpp: what a stream_reader has read already, for the inline
// functions that take lines out of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace brood::detail {

// Shared with the buffer itself: offsets into `data`, each byte searched once.
struct line_window {
    char* data = nullptr;
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t searched = 0;  // before it, and behind begin, is no newline
    bool is_reading = false;   // then all of it belongs to that read

    // The next newline's place, or `end`.
    std::size_t find_newline() noexcept
    {
        const auto from = std::max(begin, searched);
        searched = end;
        if (from != end)
            if (const void* const found =
                    std::memchr(data + from, '\n', end - from))
                searched = static_cast<std::size_t>(
                    static_cast<const char*>(found) - data);
        return searched;
    }

    // Takes the next line with its newline. Null: there is no whole one, it
    // is over the limit, or a read is under way.
    std::string_view take_line(std::size_t limit) noexcept
    {
        const auto newline = find_newline();
        if (newline == end || newline - begin > limit || is_reading)
            return {};
        const std::string_view line(data + begin, newline + 1 - begin);
        begin = newline + 1;
        return line;
    }
};

}  // namespace brood::detail
