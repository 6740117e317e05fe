#include "cli/shell_line.hpp"

#include "cli/usage_error.hpp"

#include <brood/shlex.hpp>

#include <algorithm>

namespace cli {

namespace {

constexpr std::string_view blanks = " \t\n";
// What ends a word, and begins another.
constexpr std::string_view operators = "|&;()<>";

bool is_one_of(char what, std::string_view of)
{
    return of.find(what) != std::string_view::npos;
}

bool is_name(char what)
{
    return (what >= 'a' && what <= 'z') || (what >= 'A' && what <= 'Z') ||
           (what >= '0' && what <= '9') || what == '_';
}

[[noreturn]] void refuse(std::string_view where)
{
    throw usage_error("a value " + std::string(where) +
                      " cannot be quoted for the shell; begin the line with "
                      "v={}; and use \"$v\" there");
}

std::string in_single_quotes(std::string_view value)
{
    std::string text;
    for (const char each : value)
        if (each == '\'')
            text += "'\\''";
        else
            text += each;
    return text;
}

}  // namespace

std::string shell_text(std::string_view value, const shell_place& where)
{
    std::string text;
    switch (where.where) {
    case shell_place::inside::nothing:
        if (where.before_redirection)
            return "'" + in_single_quotes(value) + "'";
        return (where.after_name ? "''" : "") + brood::shlex::quote(value);
    case shell_place::inside::single_quotes: return in_single_quotes(value);
    case shell_place::inside::double_quotes:
        // Quotes that end and begin again end the name as well.
        if (where.after_name)
            text = "\"\"";
        for (const char each : value) {
            if (is_one_of(each, "\\$`\""))
                text += '\\';
            text += each;
        }
        return text;
    case shell_place::inside::comment:
        // Nothing but the end of the line means anything there.
        text = value;
        std::replace(text.begin(), text.end(), '\n', ' ');
        return text;
    }
    return text;
}

shell_line::shell_line() : nested_{context::command} {}

// For good: what follows may be quoted or not.
void shell_line::give_up(const char* reason)
{
    unclear_ = reason;
}

void shell_line::read(std::string_view text)
{
    while (!text.empty() && unclear_ == nullptr) {
        taken_ = 1;
        if (text[0] == '\n' && document_) {
            give_up("behind a here-document");
            return;
        }
        switch (nested_.back()) {
        case context::command: read_command(text); break;
        case context::single_quotes:
            if (text[0] == '\'')
                nested_.pop_back();
            break;
        case context::double_quotes: read_double_quotes(text); break;
        case context::comment:
            if (text[0] == '\n') {
                nested_.pop_back();
                word_starts_ = true;
            }
            break;
        case context::backquotes:
            if (escaping_)
                escaping_ = false;
            else if (text[0] == '\\')
                escaping_ = true;
            else if (text[0] == '`')
                nested_.pop_back();
            break;
        case context::parameter: read_parameter(text); break;
        case context::arithmetic: read_arithmetic(text); break;
        }
        before_ = text[taken_ - 1];
        text.remove_prefix(taken_);
    }
}

// What begins with a $ or a `; false: nothing that matters.
bool shell_line::read_expansion(std::string_view text)
{
    const char first = text[0];
    if (first == '`') {
        nested_.push_back(context::backquotes);
        dollar_ = naming_ = false;
    } else if (dollar_ && first == '(') {
        dollar_ = false;
        if (text.starts_with("((")) {
            taken_ = 2;
            depth_ = 2;
            nested_.push_back(context::arithmetic);
        } else {
            nested_.push_back(context::command);
            word_starts_ = true;
        }
    } else if (dollar_ && first == '{') {
        dollar_ = false;
        depth_ = 1;
        nested_.push_back(context::parameter);
    } else if (first == '$') {
        // "$$" is a parameter of its own.
        dollar_ = !dollar_;
        naming_ = false;
    } else {
        naming_ = (dollar_ || naming_) && is_name(first);
        dollar_ = false;
        return false;
    }
    return true;
}

// A pattern of `case` ends with a parenthesis that none began.
bool shell_line::is_case(std::string_view text) const
{
    return nested_.size() > 1 && word_starts_ && text.starts_with("case") &&
           (text.size() == 4 || is_one_of(text[4], blanks) || text[4] == '\\');
}

void shell_line::read_command(std::string_view text)
{
    const char first = text[0];
    if (escaping_) {
        escaping_ = false;
        // A backslash at the end of a line is as if it were not there.
        word_starts_ = word_starts_ && first == '\n';
        return;
    }
    if (first == '\'' && dollar_) {
        // A text with escapes in some shells, in others not.
        give_up("behind $'");
        return;
    }
    if (read_expansion(text)) {
        if (nested_.back() != context::command || first == '$')
            word_starts_ = false;
        maybe_empty_ = false;
        return;
    }
    if (first == '#' && word_starts_) {
        if (maybe_empty_)
            give_up("behind {}# or )#");
        else
            nested_.push_back(context::comment);
        return;
    }
    if (is_case(text)) {
        give_up("behind a case in parentheses");
        return;
    }
    if (is_one_of(first, blanks) || is_one_of(first, operators)) {
        if (first == '<' && before_ == '<')
            document_ = true;
        if (first == '(') {
            if (before_ == '(')
                give_up("behind ((");
            nested_.push_back(context::command);
        } else if (first == ')' && nested_.size() > 1) {
            nested_.pop_back();
        }
        // "$(a)#" goes on with the word.
        word_starts_ = nested_.back() == context::command;
        if (first == ')')
            maybe_empty_ = word_starts_;
        else
            maybe_empty_ = false;
        return;
    }
    word_starts_ = maybe_empty_ = false;
    if (first == '\\')
        escaping_ = true;
    else if (first == '\'')
        nested_.push_back(context::single_quotes);
    else if (first == '"')
        nested_.push_back(context::double_quotes);
}

void shell_line::read_double_quotes(std::string_view text)
{
    if (escaping_) {
        escaping_ = false;
        return;
    }
    if (read_expansion(text))
        return;
    if (text[0] == '\\')
        escaping_ = true;
    else if (text[0] == '"')
        nested_.pop_back();
}

// How quotes are read in there differs from shell to shell.
void shell_line::read_parameter(std::string_view text)
{
    if (is_one_of(text[0], "'\"`\\("))
        give_up("behind quotes in ${...}");
    else if (text[0] == '{' && before_ == '$')
        ++depth_;
    else if (text[0] == '}' && --depth_ == 0)
        nested_.pop_back();
}

// It may be a subshell in $(...) as well.
void shell_line::read_arithmetic(std::string_view text)
{
    if (is_one_of(text[0], "'\"`\\#;\n"))
        give_up("behind quotes in $((...))");
    else if (text[0] == '(')
        ++depth_;
    else if (text[0] == ')' && depth_ > 2)
        --depth_;
    else if (text.starts_with("))")) {
        taken_ = 2;
        nested_.pop_back();
    } else if (text[0] == ')') {
        give_up("behind $((");
    }
}

shell_place shell_line::value(std::string_view rest)
{
    if (unclear_ != nullptr)
        refuse(unclear_);
    shell_place place;
    switch (nested_.back()) {
    case context::command: break;
    case context::single_quotes:
        place.where = shell_place::inside::single_quotes;
        break;
    case context::double_quotes:
        place.where = shell_place::inside::double_quotes;
        break;
    case context::comment: place.where = shell_place::inside::comment; break;
    case context::backquotes: refuse("inside `...`");
    case context::parameter: refuse("inside ${...}");
    case context::arithmetic: refuse("inside $((...))");
    }
    const bool quoted = place.where == shell_place::inside::single_quotes ||
                        place.where == shell_place::inside::comment;
    if (!quoted) {
        if (escaping_)
            refuse("behind a backslash");
        if (dollar_)
            refuse("behind a $");
        place.after_name = naming_;
        place.before_redirection = leads_to_redirection(rest);
    }
    filled();
    return place;
}

std::optional<shell_place> shell_line::number(std::string_view rest)
{
    std::optional<shell_place> place;
    if (unclear_ == nullptr && leads_to_redirection(rest)) {
        place.emplace();
        place->before_redirection = true;
    }
    filled();
    return place;
}

bool shell_line::leads_to_redirection(std::string_view rest) const
{
    return nested_.back() == context::command && !rest.empty() &&
           is_one_of(rest[0], "<>");
}

void shell_line::filled()
{
    naming_ = dollar_ = escaping_ = false;
    if (nested_.back() == context::command)
        maybe_empty_ = word_starts_;
}

}  // namespace cli
