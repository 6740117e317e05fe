// xargs_items: xargs's own reading of its input, and the commands it makes.
//
// Pure: bytes in, items out; items in, commands out.

#pragma once

#include "cli/xargs_options.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// xargs ends with 1, and this text.
class xargs_failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Divides the input: at blanks and newlines, but for those in quotes or after
// a backslash; with -I at newlines; with -d at its character, and then nothing
// else is special.
class xargs_splitter {
public:
    explicit xargs_splitter(const xargs_options& asked);

    struct item {
        std::string text;
        // It is the last one of a line, as -L counts lines.
        bool ends_line = false;
    };

    // Takes one byte; true: the input has ended logically (-E).
    bool take(char byte);
    // No more bytes come. Throws xargs_failure for a quote that is not closed.
    void finish();

    // An item that is complete.
    std::optional<item> next();

    // A NUL stood where none can be passed on; tells it once.
    bool saw_nul() noexcept;

private:
    enum class state { between, word, single_quote, double_quote, backslash };

    bool take_unquoted(char byte);
    bool end_item();
    void end_line();
    void append(char byte);

    std::optional<char> delimiter_;
    std::string end_of_file_;
    bool whole_lines_;
    bool lines_matter_;

    state at_ = state::between;
    std::string text_;
    bool cut_ = false;  // by a NUL: what follows in the item is lost
    bool blank_last_ = false;
    bool line_has_item_ = false;
    bool nul_seen_ = false;
    bool nul_told_ = false;
    std::deque<item> ready_;  // with -L, the last waits for its line's end
    bool line_open_ = false;  // ready_'s last item may still end its line
};

// What limits a command's length, from the system and -s.
struct xargs_limits {
    std::size_t environment = 0;  // bytes, with a NUL behind each variable
    std::size_t most = 0;         // that -s may say
    std::size_t used = 0;         // that is used
};

// Puts items together.
class xargs_builder {
public:
    xargs_builder(const xargs_options& asked, std::size_t max_chars);

    // Throws xargs_failure for one that fits nowhere; what is complete by then
    // is still to be run.
    void add(const xargs_splitter::item& item);
    // The input has ended.
    void finish();
    // The rest of the input makes no sense; what came before does.
    void finish_early();

    // A command that is complete.
    bool has_command() const noexcept { return !ready_.empty(); }
    std::optional<std::vector<std::string>> next();

private:
    void add_replaced(const std::string& item);
    void flush();

    std::vector<std::string> start_;
    std::optional<std::string> replace_;
    std::optional<std::size_t> max_args_;
    std::optional<std::size_t> max_lines_;
    bool exit_if_too_long_;
    bool run_if_empty_;
    std::size_t max_chars_;

    std::vector<std::string> words_;
    std::size_t start_size_ = 0;
    std::size_t size_ = 0;
    std::size_t lines_ = 0;
    bool made_one_ = false;
    std::deque<std::vector<std::string>> ready_;
};

// As a shell reads it; what cannot be printed as $'\n'.
std::string xargs_quote(std::string_view word);

}  // namespace cli
