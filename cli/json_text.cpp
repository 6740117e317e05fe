#include "cli/json_text.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace cli {

namespace {

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::string_view hex_digits = "0123456789abcdef";

// The bytes of the sequence that starts with `first`, and the smallest code
// point that may be written with so many; 0 for no start of a sequence.
struct sequence {
    std::size_t length;
    char32_t smallest;
    char32_t bits;
};

constexpr sequence sequence_of(unsigned char first) noexcept
{
    if (first < 0x80)
        return {1, 0, first};
    if ((first & 0xe0) == 0xc0)
        return {2, 0x80, first & 0x1fu};
    if ((first & 0xf0) == 0xe0)
        return {3, 0x800, first & 0x0fu};
    if ((first & 0xf8) == 0xf0)
        return {4, 0x10000, first & 0x07u};
    return {0, 0, 0};
}

template <class Integer>
void append_integer(std::string& out, Integer value)
{
    std::array<char, 24> digits;
    auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
    out.append(digits.data(), end);
}

void append_escaped(std::string& out, unsigned char c)
{
    switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default:
        out += "\\u00";
        out += hex_digits[c >> 4];
        out += hex_digits[c & 15];
    }
}

}  // namespace

bool is_utf8(std::string_view bytes) noexcept
{
    for (std::size_t at = 0; at < bytes.size();) {
        auto [length, smallest, code] =
            sequence_of(static_cast<unsigned char>(bytes[at]));
        if (length == 0 || length > bytes.size() - at)
            return false;
        for (std::size_t i = 1; i < length; ++i) {
            auto next = static_cast<unsigned char>(bytes[at + i]);
            if ((next & 0xc0) != 0x80)
                return false;
            code = code << 6 | (next & 0x3fu);
        }
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        if (code < smallest || code > 0x10ffff || surrogate)
            return false;
        at += length;
    }
    return true;
}

void append_json_text(std::string& out, std::string_view text)
{
    out += '"';
    std::size_t plain = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        auto c = static_cast<unsigned char>(text[at]);
        // 0x7f is allowed, but a terminal that shows the file acts on it.
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        out.append(text, plain, at - plain);
        append_escaped(out, c);
        plain = at + 1;
    }
    out.append(text, plain);
    out += '"';
}

void append_json_bytes(std::string& out, std::string_view bytes)
{
    if (is_utf8(bytes)) {
        append_json_text(out, bytes);
        return;
    }
    out += R"({"b64":")";
    out += to_base64(bytes);
    out += R"("})";
}

void append_json_number(std::string& out, double value)
{
    if (!std::isfinite(value)) {
        out += '0';
        return;
    }
    // Above this a double has no millionths that could be told apart.
    if (std::abs(value) >= 9e9) {
        std::array<char, 32> digits;
        auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
        out.append(digits.data(), end);
        return;
    }
    auto millionths = std::llround(value * 1e6);
    if (millionths < 0) {
        out += '-';
        millionths = -millionths;
    }
    append_integer(out, millionths / 1'000'000);
    auto rest = millionths % 1'000'000;
    if (rest == 0)
        return;
    out += '.';
    for (long long place = 100'000; rest != 0; place /= 10) {
        out += static_cast<char>('0' + rest / place);
        rest %= place;
    }
}

void append_json_number(std::string& out, std::int64_t value)
{
    append_integer(out, value);
}

void append_json_number(std::string& out, std::uint64_t value)
{
    append_integer(out, value);
}

std::string to_base64(std::string_view bytes)
{
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        auto part = bytes.substr(at, 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            bits <<= 8;
            if (i < part.size())
                bits |= static_cast<unsigned char>(part[i]);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            auto digit = bits >> (18 - 6 * i) & 63;
            text += i <= part.size() ? base64_digits[digit] : '=';
        }
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text)
{
    if (text.size() % 4 != 0)
        return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && text.ends_with('=')) {
        text.remove_suffix(1);
        ++padding;
    }
    std::string bytes;
    std::uint32_t bits = 0;
    int have = 0;
    for (char c : text) {
        auto digit = base64_digits.find(c);
        if (digit == std::string_view::npos)
            return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        have += 6;
        if (have >= 8) {
            have -= 8;
            bytes += static_cast<char>(bits >> have & 0xff);
        }
    }
    return bytes;
}

}  // namespace cli
