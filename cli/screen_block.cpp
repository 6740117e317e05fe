#include "cli/screen_block.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <poll.h>
#include <unistd.h>

namespace cli {

void screen_block::paint(const std::vector<line>& lines)
{
    std::string text = to_top();
    if (widths_.empty() && touched_) {
        // To the start of a line, of the next one if this one has text: as
        // many spaces as the line is wide wrap only where the cursor is not
        // at the start, since a terminal wraps with the character after the
        // last column. zsh does the same before its prompt.
        text.append(columns_, ' ');
        text += "\r\x1b[K";
    }
    touched_ = false;
    auto had = widths_.size();
    widths_.clear();
    for (const auto& one : lines) {
        text += one.text;
        text += "\x1b[K\n";
        widths_.push_back(one.columns);
    }
    if (had > lines.size())
        text += "\x1b[J";
    write(text);
}

void screen_block::erase()
{
    if (widths_.empty())
        return;
    auto text = to_top() + "\x1b[J";
    widths_.clear();
    write(text);
}

void screen_block::resized(std::size_t columns)
{
    columns_ = std::max<std::size_t>(columns, 1);
    // Most terminals wrap what no longer fits: that is more lines to erase.
    // Those that cut it off lose a line or two of older output instead.
    std::vector<std::size_t> wrapped;
    for (auto width : widths_)
        for (std::size_t rest = std::max<std::size_t>(width, 1); rest > 0;
             rest -= std::min(rest, columns_))
            wrapped.push_back(std::min(rest, columns_));
    widths_ = std::move(wrapped);
}

std::string screen_block::to_top() const
{
    if (widths_.empty())
        return {};
    return "\r\x1b[" + std::to_string(widths_.size()) + "A";
}

void screen_block::write(const std::string& text) const
{
    // A terminal that is gone is no reason to stop the jobs.
    std::string_view rest = text;
    while (!rest.empty()) {
        auto written = ::write(fd_, rest.data(), rest.size());
        if (written > 0) {
            rest.remove_prefix(static_cast<std::size_t>(written));
        } else if (written < 0 && errno == EAGAIN) {
            // Somebody made the terminal non-blocking. Not for ever: it may
            // be stopped with Ctrl-S.
            ::pollfd waiting{fd_, POLLOUT, 0};
            if (::poll(&waiting, 1, 100) <= 0)
                return;
        } else if (written == 0 || errno != EINTR) {
            return;
        }
    }
}

}  // namespace cli
