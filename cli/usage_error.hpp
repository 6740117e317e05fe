// usage_error: the command line makes no sense; nothing was started.

#pragma once

#include <stdexcept>

namespace cli {

// Its text is one line, without "brood: ", that says which word is wrong and
// what would be right. The program ends with 2.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace cli
