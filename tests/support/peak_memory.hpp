// peak_memory.hpp: how much memory this process has had.
#pragma once

#include <cstddef>

#include <fstream>
#include <string>

namespace brood_test {

// The most at a time, in bytes.
inline std::size_t peak_memory()
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:"))
            return std::stoul(line.substr(6)) * 1024;
    return 0;
}

}  // namespace brood_test
