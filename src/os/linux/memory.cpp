// memory.cpp: see memory.hpp.
#include "os/memory.hpp"

#include "os/posix/system_call.hpp"

#include <sys/mman.h>

#include <cstdint>

namespace brood::os {

namespace {

// The whole units of `unit` bytes within it.
void advise(char* memory, std::size_t size, std::size_t unit,
            int advice) noexcept
{
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    const auto first = (begin + unit - 1) / unit * unit;
    const auto end = (begin + size) / unit * unit;
    if (first < end)
        system_call(SYS_madvise, first, end - first, advice);
}

}  // namespace

void is_done_with(char* memory, std::size_t size) noexcept
{
    constexpr std::size_t largest_page = std::size_t{64} * 1024;
    advise(memory, size, largest_page, MADV_DONTNEED);
}

}  // namespace brood::os
