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

void will_be_filled(char* memory, std::size_t size) noexcept
{
    // One fault in place of 512 where the system has huge pages for those who
    // ask (transparent_hugepage/enabled: madvise). Only whole ones, so that
    // no neighbour's memory is meant.
    constexpr std::size_t huge_page = std::size_t{2} * 1024 * 1024;
    advise(memory, size, huge_page, MADV_HUGEPAGE);
}

void is_done_with(char* memory, std::size_t size) noexcept
{
    constexpr std::size_t largest_page = std::size_t{64} * 1024;
    advise(memory, size, largest_page, MADV_DONTNEED);
}

}  // namespace brood::os
