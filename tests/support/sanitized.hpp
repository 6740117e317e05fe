// sanitized.hpp: whether this build is slow, and large, for its sanitizer.
#pragma once

#include "in_a_copy.hpp"

namespace brood_test {

inline constexpr bool sanitized = address_sanitizer || thread_sanitizer;

}  // namespace brood_test
