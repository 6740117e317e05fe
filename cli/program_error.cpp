#include "cli/program_error.hpp"

#include <system_error>

namespace cli {

program_error system_failure(const std::string& doing, int error)
{
    return program_error("cannot " + doing + ": " +
                         std::generic_category().message(error));
}

}  // namespace cli
