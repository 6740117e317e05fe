// unset_string.cpp: see unset_string.hpp. Compiled as C++23, for a string can
// only there be made without writing to it.
#include "core/unset_string.hpp"

namespace brood::core {

std::string unset_string(std::size_t size)
{
    std::string made;
#if defined(__cpp_lib_string_resize_and_overwrite)
    made.resize_and_overwrite(
        size, [](char*, std::size_t bytes) noexcept { return bytes; });
#else
    made.resize(size);
#endif
    return made;
}

}  // namespace brood::core
