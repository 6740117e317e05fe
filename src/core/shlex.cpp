// shlex.cpp: quoting for POSIX shells, to the letter as CPython does it.
//
// Works on bytes. All bytes that mean something here are ASCII, so UTF-8 and
// every other superset of ASCII pass through unharmed. Never asks the locale:
// isalnum and isspace would make the result depend on the host program.

#include <brood/shlex.hpp>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace brood::shlex {

namespace {

// What CPython 3.11 calls safe: \w in ASCII, and "@%+=:,./-".
constexpr bool is_safe(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') ||
           std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
}

// CPython's shlex.whitespace. No vertical tab, no form feed.
constexpr bool is_space(char c) noexcept
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void append_quoted(std::string& line, std::string_view argument)
{
    if (!argument.empty() && std::ranges::all_of(argument, is_safe)) {
        line += argument;
        return;
    }
    line += '\'';
    for (const char c : argument) {
        // Nothing can be escaped in single quotes: close them, put this one
        // in double quotes, open them again.
        if (c == '\'')
            line += "'\"'\"'";
        else
            line += c;
    }
    line += '\'';
}

[[noreturn]] void fail(const char* what, char c, std::size_t offset)
{
    throw std::invalid_argument(std::string(what) + c + " at offset " +
                                std::to_string(offset));
}

// The byte that the backslash at `backslash` escapes.
char escaped(std::string_view line, std::size_t backslash)
{
    if (backslash + 1 == line.size())
        fail("No escaped character after the ", '\\', backslash);
    return line[backslash + 1];
}

enum class place { between_words, in_word, in_single, in_double };

}  // namespace

void detail::append_argument(std::string& line, std::string_view argument)
{
    // Even an empty argument leaves its quotes behind, so an empty line means
    // that this is the first one.
    if (!line.empty())
        line += ' ';
    append_quoted(line, argument);
}

std::string quote(std::string_view argument)
{
    std::string quoted;
    quoted.reserve(argument.size() + 2);
    append_quoted(quoted, argument);
    return quoted;
}

std::vector<std::string> split(std::string_view line)
{
    std::vector<std::string> words;
    std::string word;
    auto where = place::between_words;
    std::size_t opened = 0;  // offset of the last opening quote

    for (std::size_t at = 0; at < line.size(); ++at) {
        const char c = line[at];
        if (where == place::in_single) {
            if (c == '\'')
                where = place::in_word;
            else
                word += c;
        } else if (where == place::in_double) {
            if (c == '"') {
                where = place::in_word;
            } else if (c == '\\') {
                const char next = escaped(line, at++);
                // Python keeps the backslash before $, ` and a newline too,
                // where a shell drops it.
                if (next != '"' && next != '\\')
                    word += '\\';
                word += next;
            } else {
                word += c;
            }
        } else if (is_space(c)) {
            if (where == place::in_word)
                words.push_back(std::exchange(word, {}));
            where = place::between_words;
        } else if (c == '\'' || c == '"') {
            where = c == '"' ? place::in_double : place::in_single;
            opened = at;
        } else {
            word += c == '\\' ? escaped(line, at++) : c;
            where = place::in_word;
        }
    }

    if (where == place::in_single || where == place::in_double)
        fail("No closing quotation for the ", line[opened], opened);
    // The place tells, not the word's length: '' is a word.
    if (where == place::in_word)
        words.push_back(std::move(word));
    return words;
}

}  // namespace brood::shlex
