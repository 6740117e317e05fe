// command_line: from the words of the command line to options.
//
// Pure: looks at nothing but the words.

#pragma once

#include "cli/options.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cli {

// What the words ask for.
struct request {
    enum class kind {
        run,   // each, all, one: `asked` says what
        help,  // of the form asked.as
        version,
        xargs,       // `rest` are its words
        report,      // likewise
        completion,  // `rest` names a shell
        manual,      // the page, in roff
    };

    kind what = kind::run;
    options asked;
    std::vector<std::string> rest;
};

// `words` are those after the program's own name, `program` is that name: one
// that ends in "xargs" is `brood xargs`. Throws usage_error.
request parse_command_line(std::string_view program,
                           const std::vector<std::string>& words);

// The sub-commands that a user may name.
const std::vector<std::string_view>& subcommands();

}  // namespace cli
