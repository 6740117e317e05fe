// redaction.hpp: what no text of brood's may show.
#pragma once

#include "core/command_data.hpp"

#include <string>
#include <string_view>

namespace brood::detail {

// What stands in a text in place of something redacted. A shell's word for
// three stars as such is quoted, so the two can be told apart.
inline constexpr std::string_view redaction = "***";

// `text`, in which something may repeat what the command hides, without it.
std::string without_secrets(const command_data& command, std::string text);

bool hides_argument(const command_data& command, std::size_t place);
// Whether the last change of variable `name` is one that no text shows.
bool hides_variable(const command_data& command, std::string_view name);

}  // namespace brood::detail
