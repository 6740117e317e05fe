// screen_block: some lines at the end of a terminal that are painted over and
// over, and vanish without a trace.
//
// The cursor rests below the block, at the start of a line, and is never
// hidden: whenever the program ends, however it does, the terminal is as a
// shell wants it. Each change is one write, so nothing flickers.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace cli {

class screen_block {
public:
    explicit screen_block(int terminal) : fd_(terminal) {}

    // One painted line; `columns` without the escape sequences in `text`.
    struct line {
        std::string text;
        std::size_t columns = 0;
    };

    // Instead of what is there. Pre: each line is narrower than the terminal.
    void paint(const std::vector<line>& lines);

    // Leaves the terminal as if the block had never been.
    void erase();

    // Others have written to the terminal since erase(), and may have left
    // the cursor within a line.
    void touched() noexcept { touched_ = true; }

    // The terminal has `columns` now: what was painted has wrapped.
    void resized(std::size_t columns);

    // The terminal shows something else: nothing is left to erase.
    void forget() noexcept { widths_.clear(); }

    bool painted() const noexcept { return !widths_.empty(); }

private:
    void write(const std::string& text) const;
    std::string to_top() const;

    int fd_;
    std::size_t columns_ = 80;
    bool touched_ = true;  // a shell's command line may have preceded
    std::vector<std::size_t> widths_;
};

}  // namespace cli
