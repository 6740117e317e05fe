// memory.hpp: what the kernel is told about large pieces of memory.
//
// Advice: where it is refused, nothing but speed is lost.
#pragma once

#include <cstddef>

namespace brood::os {

// Nobody reads its contents any more: whole pages of it go back to the system
// at once, while the memory stays its owner's.
void forget_memory(char* memory, std::size_t size) noexcept;

}  // namespace brood::os
