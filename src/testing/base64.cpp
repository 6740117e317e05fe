// base64.cpp: see base64.hpp.
#include "testing/base64.hpp"

#include <cstdint>

namespace brood::testing {

namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(std::string_view bytes)
{
    std::string text;
    while (!bytes.empty()) {
        const auto piece = bytes.substr(0, 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i != 3; ++i)
            bits =
                bits << 8 |
                (i < piece.size() ? static_cast<unsigned char>(piece[i]) : 0u);
        for (std::size_t i = 0; i != 4; ++i)
            text += i <= piece.size() ? digits[bits >> (18 - 6 * i) & 63] : '=';
        bytes.remove_prefix(piece.size());
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text)
{
    std::string bytes;
    const auto whole = text;
    while (!text.empty()) {
        const auto piece = text.substr(0, 4);
        std::uint32_t bits = 0;
        std::size_t known = 0;
        for (const char each : piece) {
            const auto digit = digits.find(each);
            if (digit == digits.npos)
                break;
            bits = bits << 6 | static_cast<std::uint32_t>(digit);
            ++known;
        }
        if (known < 2)
            return std::nullopt;
        bits <<= 6 * (4 - known);
        for (std::size_t i = 0; i + 1 != known; ++i)
            bytes += static_cast<char>(bits >> (16 - 8 * i) & 255);
        text.remove_prefix(piece.size());
    }
    // Whatever was not in its one right form comes out differently.
    if (to_base64(bytes) != whole)
        return std::nullopt;
    return bytes;
}

}  // namespace brood::testing
