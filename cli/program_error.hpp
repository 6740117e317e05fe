// program_error: brood itself cannot do what it was asked to: exit code 125.

#pragma once

#include <stdexcept>
#include <string>

namespace cli {

// what() is the one line to print behind "brood: ".
class program_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// "cannot <doing>: <the system's words for `error`, an errno>"
program_error system_failure(const std::string& doing, int error);

}  // namespace cli
