#include "cli/plain_text.hpp"

#include "cli/command_text.hpp"

namespace cli {

namespace {

constexpr char escape = '\x1b';

bool is_between(char c, char low, char high)
{
    return c >= low && c <= high;
}

// Past the byte that ends a sequence, if it is one; not into the middle of a
// character.
std::size_t with_final(std::string_view text, std::size_t at)
{
    return at < text.size() && is_between(text[at], '0', '~') ? at + 1 : at;
}

// The length of the sequence at the start of `text`, which is an escape; all
// of it when the end is missing (ECMA-48, 5.4 and 5.6).
std::size_t sequence_length(std::string_view text)
{
    if (text.size() < 2)
        return text.size();
    std::size_t at = 2;
    switch (text[1]) {
    case '[':
        while (at < text.size() && is_between(text[at], ' ', '?'))
            ++at;
        return with_final(text, at);
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_':
        // Up to BEL or ESC "\"; a line feed ends a string that never does.
        for (; at < text.size(); ++at) {
            if (text[at] == '\a')
                return at + 1;
            if (text[at] == '\n')
                return at;
            if (text[at] == escape)
                return text.substr(at).starts_with("\x1b\\") ? at + 2 : at;
        }
        return at;
    default:
        at = 1;
        while (at < text.size() && is_between(text[at], ' ', '/'))
            ++at;
        return with_final(text, at);
    }
}

bool is_continuation(char c)
{
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// A backspace takes back the character before it, which is how man prints
// bold.
void take_back(std::string& line, std::size_t start)
{
    while (line.size() > start && is_continuation(line.back()))
        line.pop_back();
    if (line.size() > start)
        line.pop_back();
}

}  // namespace

std::string plain_text(std::string_view bytes)
{
    auto text = to_utf8(bytes);
    std::string plain;
    std::size_t line = 0;  // where the current one starts in plain
    bool rewind = false;   // the next character starts the line again
    for (std::size_t at = 0; at < text.size(); ++at) {
        char c = text[at];
        if (c == escape) {
            at += sequence_length(std::string_view(text).substr(at)) - 1;
            continue;
        }
        if (c == '\r') {
            rewind = true;
            continue;
        }
        if (c == '\n') {
            rewind = false;
            plain += c;
            line = plain.size();
            continue;
        }
        if (c == '\b') {
            take_back(plain, line);
            continue;
        }
        bool control =
            (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f';
        // The second set of them, U+0080 to U+009F.
        if (c == '\xc2' && is_between(text[at + 1], '\x80', '\x9f')) {
            ++at;
            control = true;
        }
        if (control)
            continue;
        if (rewind)
            plain.resize(line);
        rewind = false;
        plain += c;
    }
    return plain;
}

std::string plain_line(std::string_view bytes)
{
    // First: a command must not hide its start behind a carriage return.
    std::string line(bytes);
    for (char& c : line)
        if (c == '\n' || c == '\t' || c == '\r')
            c = ' ';
    return plain_text(line);
}

std::string_view last_lines(std::string_view text, std::size_t most)
{
    while (text.ends_with('\n'))
        text.remove_suffix(1);
    if (most == 0)
        return {};
    std::size_t from = text.size();
    for (std::size_t line = 0; line < most; ++line) {
        if (from == 0)
            return text;
        auto end = text.rfind('\n', from - 1);
        if (end == std::string_view::npos)
            return text;
        from = end;
    }
    return text.substr(from + 1);
}

}  // namespace cli
