// program_file.hpp: why a program that is there cannot be run.
#pragma once

#include <string>

namespace brood::os {

// The interpreter that the script at `path` names and that does not exist;
// empty when it is no script, or its interpreter is there.
std::string missing_interpreter(const std::string& path);

}  // namespace brood::os
