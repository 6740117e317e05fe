// The page brood(1), from the same tables as --help.

#include "cli/help_text.hpp"

#include <algorithm>

namespace cli {

namespace {

std::string escaped(std::string_view text)
{
    std::string roff;
    bool line_start = true;
    for (const char c : text) {
        if (c == '\\')
            roff += "\\e";
        else if (c == '-')
            roff += "\\-";
        else if (c == '~')
            roff += "\\(ti";
        else if (c == '^')
            roff += "\\(ha";
        else if (c == '`')
            roff += "\\(ga";
        else if (c == '\'')
            roff += "\\(aq";
        else if (c == '.' && line_start)
            roff += "\\&.";
        else
            roff += c;
        line_start = c == '\n';
    }
    return roff;
}

void for_each_line(std::string_view text, auto&& use)
{
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        use(text.substr(0, end));
        if (end == std::string_view::npos)
            break;
        text.remove_prefix(end + 1);
    }
}

void add_option(std::string& page, const option_text& option,
                std::string_view remark)
{
    page += ".TP\n";
    std::string names;
    for (const std::string_view name : names_of(option))
        names +=
            (names.empty() ? "" : ", ") + ("\\fB" + escaped(name)) + "\\fR";
    if (!option.value.empty()) {
        const bool needed = option.takes == option_text::taking::required;
        const bool is_long = names_of(option).back().starts_with("--");
        names += (needed    ? " \\fI"
                  : is_long ? "[=\\fI"
                            : "[\\fI") +
                 escaped(option.value) + (needed ? "\\fR" : "\\fR]");
    }
    page += names + '\n' + escaped(option.text);
    if (!remark.empty())
        page += "\n(" + escaped(remark) + ".)";
    page += '\n';
}

void add_groups(std::string& page, const std::vector<option_text>& known,
                auto&& remark_of)
{
    std::string_view group;
    for (const option_text& option : known) {
        if (option.group != group)
            page += ".SS \"" + escaped(option.group) + "\"\n";
        group = option.group;
        add_option(page, option, remark_of(option));
    }
}

// "With brood all only", for an option that not all forms have.
std::string forms_of(unsigned forms)
{
    if (forms == in_form::runs)
        return {};
    std::string names;
    for (const auto form :
         {options::form::each, options::form::all, options::form::one})
        if ((forms & bit_of(form)) != 0)
            names += (names.empty() ? "" : " and ") +
                     (form == options::form::each
                          ? std::string("brood itself")
                          : "brood " + std::string(to_string(form)));
    return "For " + names;
}

void add_codes(std::string& page, std::string_view codes)
{
    for_each_line(codes, [&](std::string_view line) {
        const std::size_t blank = line.find(' ');
        page += ".TP\n\\fB" + escaped(line.substr(0, blank)) + "\\fR\n" +
                escaped(line.substr(blank + 1)) + '\n';
    });
}

void add_run_options(std::string& page)
{
    std::vector<option_text> texts;
    std::vector<std::string> remarks;
    for (const option_row& row : option_table()) {
        texts.push_back(row.as);
        remarks.push_back(forms_of(row.forms));
    }
    std::size_t at = 0;
    add_groups(page, texts, [&](const option_text&) { return remarks[at++]; });
}

}  // namespace

std::string manual_text()
{
    std::string page = ".\\\" Made by brood --help-man; edit its tables "
                       "instead.\n.TH BROOD 1 \"\" \"" +
                       escaped(version_text()) +
                       "\" \"User Commands\"\n"
                       ".SH NAME\n"
                       "brood \\- run many commands at once, and leave "
                       "nothing running\n"
                       ".SH SYNOPSIS\n.nf\n";
    for (const form_text& text : form_texts())
        for_each_line(text.usage, [&](std::string_view line) {
            page += "\\fBbrood\\fR " + escaped(line) + '\n';
        });
    page += ".fi\n.SH DESCRIPTION\n";
    for (const form_text& text : form_texts()) {
        std::string name = "brood";
        if (text.form != options::form::each)
            name += " " + std::string(to_string(text.form));
        page += ".SS \"" + name + "\"\n" + escaped(text.headline) + '\n';
        for_each_line(text.about, [&](std::string_view paragraph) {
            page += ".PP\n" + escaped(paragraph) + '\n';
        });
    }
    page += ".SH OPTIONS\n"
            "\\fITIME\\fR is 10 or 1.5s, 200ms, 2m, 1h30m. \\fISIZE\\fR is "
            "64M, 512K, 1G, in steps of 1024.\n";
    add_run_options(page);
    const auto nothing = [](const option_text&) { return std::string_view(); };
    page += ".SH \"OPTIONS OF brood report\"\n";
    add_groups(page, options_of(options::form::report), nothing);
    page += ".SH \"OPTIONS OF brood xargs\"\n";
    add_groups(page, options_of(options::form::xargs), nothing);
    page += ".SH \"EXIT STATUS\"\n";
    for (const auto form :
         {options::form::each, options::form::one, options::form::xargs}) {
        page += ".SS \"";
        page += form == options::form::each
                    ? "brood and brood all"
                    : "brood " + std::string(to_string(form));
        page += "\"\n";
        add_codes(page, text_of(form).codes);
    }
    page += ".SH EXAMPLES\n";
    for (const form_text& text : form_texts()) {
        bool command = true;
        for_each_line(text.examples, [&](std::string_view line) {
            page += command ? ".TP\n\\fB" + escaped(line) + "\\fR\n"
                            : escaped(line) + '\n';
            command = !command;
        });
    }
    page += ".SH \"SEE ALSO\"\n"
            ".BR parallel (1),\n.BR xargs (1),\n.BR timeout (1),\n"
            ".BR make (1)\n";
    return page;
}

}  // namespace cli
