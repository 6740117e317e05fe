// memory.cpp: see memory.hpp.
#include "os/memory.hpp"

#include "os/posix/system_call.hpp"

#include <sys/mman.h>

#include <cstdint>

namespace brood::os {

void forget_memory(char* memory, std::size_t size) noexcept
{
    // Whole pages alone, however large pages are here.
    constexpr std::size_t largest_page = std::size_t{64} * 1024;
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    const auto first = (begin + largest_page - 1) / largest_page * largest_page;
    const auto end = (begin + size) / largest_page * largest_page;
    if (first < end)
        system_call(SYS_madvise, first, end - first, MADV_DONTNEED);
}

}  // namespace brood::os
