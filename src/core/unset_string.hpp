// unset_string.hpp: a string that is about to be written.
#pragma once

#include <cstddef>
#include <string>

namespace brood::core {

// `size` bytes of any value. Not set to zero where the standard library can
// do without: that would touch all the memory once more.
std::string unset_string(std::size_t size);

}  // namespace brood::core
