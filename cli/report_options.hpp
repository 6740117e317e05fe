// report_options: the command line of `brood report`.

#pragma once

#include "cli/option_table.hpp"
#include "cli/report_command.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cli {

std::span<const option_text> report_option_texts() noexcept;

// None: --help was asked for. Throws usage_error.
std::optional<report_arguments>
parse_report(const std::vector<std::string>& words);

}  // namespace cli
