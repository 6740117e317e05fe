#include "cli/help_text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include <unistd.h>

namespace cli {

namespace {

constexpr std::size_t page_width = 80;
// Where the text of an option begins.
constexpr std::size_t text_column = 28;

std::vector<std::string_view> lines_of(std::string_view text)
{
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            break;
        text.remove_prefix(end + 1);
    }
    return lines;
}

// Appends the words of `text`, from the column where `page` is to the width of
// the page, further lines indented.
void wrap(std::string& page, std::string_view text, std::size_t column,
          std::size_t indent)
{
    bool first = true;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(end == text.size() ? end : end + 1);
        if (!first && column + 1 + word.size() >= page_width) {
            page += '\n';
            page.append(indent, ' ');
            column = indent;
        } else if (!first) {
            page += ' ';
            ++column;
        }
        page += word;
        column += word.size();
        first = false;
    }
    page += '\n';
}

// "-j, --jobs, -P N", "--pty[=SIZE]"
std::string shown_names(const option_text& option)
{
    std::string shown;
    bool is_long = false;
    for (const std::string_view name : names_of(option)) {
        shown += (shown.empty() ? "" : ", ") + std::string(name);
        is_long = name.starts_with("--");
    }
    if (option.value.empty())
        return shown;
    if (option.takes == option_text::taking::required)
        return shown + " " + std::string(option.value);
    return shown + (is_long ? "[=" : "[") + std::string(option.value) + "]";
}

void add_option(std::string& page, const option_text& option)
{
    std::string start = "  " + shown_names(option);
    if (start.size() + 2 > text_column) {
        page += start + '\n';
        start.clear();
    }
    start.resize(text_column, ' ');
    page += start;
    wrap(page, option.text, text_column, text_column);
}

std::vector<std::string_view>
groups_of(const std::vector<option_text>& options_list)
{
    std::vector<std::string_view> groups;
    for (const option_text& option : options_list)
        if (std::find(groups.begin(), groups.end(), option.group) ==
            groups.end())
            groups.push_back(option.group);
    return groups;
}

void add_codes(std::string& page, std::string_view codes)
{
    page += "\nExit codes:\n";
    for (const std::string_view line : lines_of(codes)) {
        const std::size_t blank = line.find(' ');
        std::string start = "  " + std::string(line.substr(0, blank));
        start.resize(9, ' ');
        page += start;
        wrap(page, line.substr(blank + 1), start.size(), start.size());
    }
}

}  // namespace

std::string help_text(options::form form)
{
    const form_text& text = text_of(form);
    std::string page;
    std::string lead = "usage: ";
    for (const std::string_view line : lines_of(text.usage)) {
        page += lead + "brood " + std::string(line) + '\n';
        lead = "       ";
    }
    page += '\n';
    wrap(page, text.headline, 0, 0);
    for (const std::string_view paragraph : lines_of(text.about)) {
        page += '\n';
        wrap(page, paragraph, 0, 0);
    }
    if (form == options::form::each) {
        page += "\nOther forms (each has a --help of its own):\n";
        for (const form_text& other : form_texts()) {
            if (other.form == form)
                continue;
            std::string start = "  brood " + std::string(to_string(other.form));
            start.resize(16, ' ');
            page += start;
            wrap(page, other.headline, 16, 16);
        }
    }
    const std::vector<option_text> known = options_of(form);
    for (const std::string_view group : groups_of(known)) {
        page += '\n' + std::string(group) + ":\n";
        for (const option_text& option : known)
            if (option.group == group)
                add_option(page, option);
    }
    if (form != options::form::xargs && form != options::form::report) {
        page += '\n';
        wrap(page,
             "TIME: 10 or 1.5s, 200ms, 2m, 1h30m. SIZE: 64M, 512K, 1G, in "
             "steps of 1024.",
             0, 0);
    }
    page += "\nExamples:\n";
    const auto lines = lines_of(text.examples);
    for (std::size_t i = 0; i + 1 < lines.size(); i += 2) {
        page += "  " + std::string(lines[i]) + "\n      ";
        wrap(page, lines[i + 1], 6, 6);
    }
    add_codes(page, text.codes);
    return page;
}

std::string version_text()
{
    return "brood " BROOD_PROGRAM_VERSION;
}

bool print(std::string_view text)
{
    while (!text.empty()) {
        const ssize_t count = ::write(STDOUT_FILENO, text.data(), text.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            const std::string line =
                "brood: cannot write to the standard output: " +
                std::generic_category().message(errno) + "\n";
            std::fputs(line.c_str(), stderr);
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace cli
