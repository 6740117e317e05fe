#include "cli/xargs_items.hpp"

#include <iterator>
#include <utility>

namespace cli {

xargs_splitter::xargs_splitter(const xargs_options& asked)
    : delimiter_(asked.delimiter),
      end_of_file_(asked.delimiter ? std::string() : asked.end_of_file),
      whole_lines_(asked.replace.has_value()),
      lines_matter_(asked.max_lines.has_value())
{
}

void xargs_splitter::append(char byte)
{
    at_ = at_ == state::between ? state::word : at_;
    if (byte == '\0') {
        nul_seen_ = true;
        cut_ = true;
    }
    if (!cut_)
        text_ += byte;
}

// True: it was the end-of-file item.
bool xargs_splitter::end_item()
{
    at_ = state::between;
    cut_ = false;
    std::string text = std::exchange(text_, std::string());
    if (!end_of_file_.empty() && text == end_of_file_)
        return true;
    ready_.push_back({std::move(text), false});
    line_has_item_ = true;
    line_open_ = lines_matter_;
    return false;
}

void xargs_splitter::end_line()
{
    if (line_open_ && !ready_.empty())
        ready_.back().ends_line = true;
    line_open_ = false;
}

bool xargs_splitter::take_unquoted(char byte)
{
    const bool blank = byte == ' ' || byte == '\t';
    if (byte == '\n') {
        if (at_ == state::word && end_item())
            return true;
        // A blank at its end makes the line go on, over empty ones, too.
        if (line_has_item_ && (!blank_last_ || whole_lines_))
            end_line();
        blank_last_ = false;
        line_has_item_ = false;
        return false;
    }
    blank_last_ = blank;
    // Between items all white space is passed over; only blanks end one.
    if (at_ == state::between &&
        (blank || byte == '\f' || byte == '\r' || byte == '\v'))
        return false;
    if (blank && !whole_lines_)
        return end_item();
    if (byte == '\'' || byte == '"' || byte == '\\') {
        at_ = byte == '\''  ? state::single_quote
              : byte == '"' ? state::double_quote
                            : state::backslash;
        return false;
    }
    append(byte);
    return false;
}

bool xargs_splitter::take(char byte)
{
    if (delimiter_) {
        if (byte != *delimiter_) {
            at_ = state::word;
            text_ += byte;
            return false;
        }
        end_item();
        end_line();
        return false;
    }
    switch (at_) {
    case state::between:
    case state::word: return take_unquoted(byte);
    case state::backslash:
        at_ = state::word;
        append(byte);
        return false;
    case state::single_quote:
    case state::double_quote: break;
    }
    const bool single = at_ == state::single_quote;
    if (byte == '\n')
        throw xargs_failure(std::string("unmatched ") +
                            (single ? "single" : "double") +
                            " quote; by default quotes are special to xargs "
                            "unless you use the -0 option");
    if (byte == (single ? '\'' : '"'))
        at_ = state::word;
    else
        append(byte);
    blank_last_ = false;
    return false;
}

void xargs_splitter::finish()
{
    if (at_ == state::single_quote || at_ == state::double_quote)
        take('\n');
    if (at_ != state::between)
        end_item();
    end_line();
}

std::optional<xargs_splitter::item> xargs_splitter::next()
{
    // Whether the last one ends its line is not known before more has come.
    if (ready_.empty() || (ready_.size() == 1 && line_open_))
        return {};
    item first = std::move(ready_.front());
    ready_.pop_front();
    return first;
}

bool xargs_splitter::saw_nul() noexcept
{
    return nul_seen_ && !std::exchange(nul_told_, true);
}

xargs_builder::xargs_builder(const xargs_options& asked, std::size_t max_chars)
    : start_(asked.command), replace_(asked.replace), max_args_(asked.max_args),
      max_lines_(asked.max_lines), exit_if_too_long_(asked.exit_if_too_long),
      run_if_empty_(!asked.no_run_if_empty && !asked.replace),
      max_chars_(max_chars)
{
    for (const std::string& word : start_)
        start_size_ += word.size() + 1;
    size_ = start_size_;
    if (start_size_ >= max_chars_)
        throw xargs_failure(
            "cannot fit single argument within argument list size limit");
}

void xargs_builder::flush()
{
    std::vector<std::string> command = start_;
    command.insert(command.end(), std::make_move_iterator(words_.begin()),
                   std::make_move_iterator(words_.end()));
    ready_.push_back(std::move(command));
    words_.clear();
    size_ = start_size_;
    lines_ = 0;
    made_one_ = true;
}

void xargs_builder::add_replaced(const std::string& item)
{
    std::vector<std::string> command{start_[0]};
    std::size_t size = start_[0].size() + 1;
    for (std::size_t i = 1; i < start_.size(); ++i) {
        std::string word;
        std::size_t at = 0;
        while (true) {
            const std::size_t found = replace_->empty()
                                          ? std::string::npos
                                          : start_[i].find(*replace_, at);
            word += start_[i].substr(at, found - at);
            if (found == std::string::npos)
                break;
            word += item;
            at = found + replace_->size();
        }
        size += word.size() + 1;
        command.push_back(std::move(word));
    }
    if (size > max_chars_)
        throw xargs_failure("argument list too long");
    ready_.push_back(std::move(command));
    made_one_ = true;
}

void xargs_builder::add(const xargs_splitter::item& item)
{
    if (replace_) {
        if (item.text.size() + 1 > max_chars_)
            throw xargs_failure("argument line too long");
        add_replaced(item.text);
        return;
    }
    const std::size_t more = item.text.size() + 1;
    if (size_ + more > max_chars_) {
        if (words_.empty())
            throw xargs_failure("argument line too long");
        if (exit_if_too_long_ && (max_args_ || max_lines_))
            throw xargs_failure("argument list too long");
        flush();
        if (size_ + more > max_chars_)
            throw xargs_failure("argument line too long");
    }
    words_.push_back(item.text);
    size_ += more;
    lines_ += item.ends_line ? 1 : 0;
    if ((max_args_ && words_.size() >= *max_args_) ||
        (max_lines_ && lines_ >= *max_lines_))
        flush();
}

void xargs_builder::finish()
{
    if (!words_.empty() || (!made_one_ && run_if_empty_))
        flush();
}

void xargs_builder::finish_early()
{
    // Who asks for whole commands or none (-x) gets no part of one.
    if (!words_.empty() && !exit_if_too_long_)
        flush();
}

std::optional<std::vector<std::string>> xargs_builder::next()
{
    if (ready_.empty())
        return {};
    std::vector<std::string> command = std::move(ready_.front());
    ready_.pop_front();
    return command;
}

namespace {

// The escape of a control character, without its backslash; empty: it is
// none.
std::string escape_of(char byte)
{
    constexpr std::string_view bytes = "\a\b\f\n\r\t\v";
    constexpr std::string_view letters = "abfnrtv";
    const std::size_t found = bytes.find(byte);
    if (found != std::string_view::npos)
        return std::string(1, letters[found]);
    const auto code = static_cast<unsigned char>(byte);
    if (code >= 0x20 && code != 0x7f)
        return {};
    std::string octal(3, '0');
    octal[0] = static_cast<char>('0' + code / 64);
    octal[1] = static_cast<char>('0' + code / 8 % 8);
    octal[2] = static_cast<char>('0' + code % 8);
    return octal;
}

bool needs_quotes(std::string_view word)
{
    if (word.empty() || word == "{" || word == "}")
        return true;
    for (std::size_t i = 0; i < word.size(); ++i) {
        const char c = word[i];
        if (std::string_view(" !\"$&'()*;<=>?[\\^`|").find(c) !=
                std::string_view::npos ||
            ((c == '#' || c == '~') && i == 0) || !escape_of(c).empty())
            return true;
    }
    return false;
}

}  // namespace

std::string xargs_quote(std::string_view word)
{
    if (!needs_quotes(word))
        return std::string(word);
    // Only a single quote is in the way of single quotes, and double quotes
    // keep it as readable as it was.
    if (word.find('\'') != std::string_view::npos) {
        bool plain = true;
        for (const char c : word)
            plain =
                plain &&
                std::string_view("\"$`\\!").find(c) == std::string_view::npos &&
                escape_of(c).empty();
        if (plain)
            return '"' + std::string(word) + '"';
    }
    std::string quoted = "'";
    bool escaping = false;
    for (const char c : word) {
        const std::string escape = escape_of(c);
        if (!escape.empty()) {
            quoted += escaping ? "\\" : "'$'\\";
            quoted += escape;
            escaping = true;
            continue;
        }
        if (escaping)
            quoted += "''";
        escaping = false;
        quoted += c == '\'' ? "'\\''" : std::string(1, c);
    }
    return quoted + "'";
}

}  // namespace cli
