// help_text: --help and the manual page, made of the tables of options.

#pragma once

#include "cli/option_table.hpp"
#include "cli/options.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cli {

// What a form is, apart from its options.
struct form_text {
    options::form form;
    std::string_view usage;     // behind "brood", one way to call it in a line
    std::string_view headline;  // what it does, in one sentence
    std::string_view about;     // more of it; paragraphs end with a newline
    std::string_view examples;  // a command and what it does, in turn by lines
    std::string_view codes;     // "0 ...", exit codes by lines
};

const std::vector<form_text>& form_texts();
const form_text& text_of(options::form form);
std::vector<option_text> options_of(options::form form);

// 80 columns at most.
std::string help_text(options::form form);
// "brood 0.1.0"
std::string version_text();
// The page brood(1), in roff.
std::string manual_text();

// To the standard output; false, and a line on the standard error, if it
// cannot be written.
bool print(std::string_view text);

}  // namespace cli
