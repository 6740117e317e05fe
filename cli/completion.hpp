// completion: scripts with which bash, zsh and fish complete our options.

#pragma once

#include <string>
#include <string_view>

namespace cli {

// Throws usage_error for another shell than "bash", "zsh" or "fish".
std::string completion_script(std::string_view shell);

}  // namespace cli
