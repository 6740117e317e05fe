// report_command: `brood report FILE --to FORMAT`, what a report says in other
// words.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cli {

enum class report_format { summary, junit, trace, csv, tsv, html };

// By the name after --to.
std::optional<report_format> report_format_of(std::string_view name) noexcept;

struct report_arguments {
    std::string file;  // "-": stdin
    report_format to = report_format::summary;
    std::string output;  // "" or "-": stdout
};

// Gives the exit code: 0, or 125 for what cannot be read or written. Prints
// what went wrong itself. A report of a run that was cut off is converted as
// far as it goes, and said to be one.
int report_command(const report_arguments& asked);

}  // namespace cli
