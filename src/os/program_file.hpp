// program_file.hpp: why a program that is there cannot be run.
#pragma once

#include <string>

namespace brood::os {

bool file_exists(const std::string& path) noexcept;

// The interpreter that the script at `path` names and that does not exist, as
// seen from `directory`; empty when it is no script, or its interpreter is
// there.
std::string missing_interpreter(const std::string& path,
                                const std::string& directory);

}  // namespace brood::os
