// command_text: a command as a person reads it, made of what was executed.

#pragma once

#include "cli/job_record.hpp"

#include <string>
#include <vector>

namespace cli {

// The shell's line where there was one, else the arguments, quoted.
std::string command_text(const std::vector<std::string>& argv, bool shell);

inline std::string command_text(const job_record& job)
{
    return command_text(job.argv, job.shell);
}

// The same bytes with U+FFFD for what is no UTF-8, for formats that can hold
// nothing else.
std::string to_utf8(std::string_view bytes);

}  // namespace cli
