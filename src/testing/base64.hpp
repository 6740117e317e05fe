// base64.hpp: bytes as text (RFC 4648).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace brood::testing {

std::string to_base64(std::string_view bytes);

// Nothing for what to_base64 does not make.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace brood::testing
