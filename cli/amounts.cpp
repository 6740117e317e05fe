#include "cli/amounts.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace cli {

namespace {

template <class... Values>
std::string format(const char* how, Values... values)
{
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), how, values...);
    return text.data();
}

// Three digits are enough to compare by eye.
std::string scaled(double value, double base, const char* units, bool spaced)
{
    int unit = 0;
    while (value >= base * 0.9995 && units[unit + 1] != '\0') {
        value /= base;
        ++unit;
    }
    auto text = format(unit > 0 && value < 9.95 ? "%.1f" : "%.0f", value);
    if (spaced)
        text += ' ';
    if (unit > 0 || !spaced)
        text += units[unit];
    return spaced ? text + "B" : text;
}

}  // namespace

std::string duration_text(double seconds)
{
    if (!(seconds > 0))
        return "0 s";
    if (seconds < 0.0095)
        return format("%.1f ms", seconds * 1e3);
    if (seconds < 0.9995)
        return format("%.0f ms", seconds * 1e3);
    if (seconds < 99.95)
        return format("%.1f s", seconds);
    auto whole = std::llround(seconds);
    if (whole < 3600)
        return format("%lld min %02lld s", whole / 60, whole % 60);
    auto minutes = std::llround(seconds / 60);
    return format("%lld h %02lld min", minutes / 60, minutes % 60);
}

std::string clock_text(double seconds)
{
    auto whole = static_cast<long long>(seconds > 0 ? seconds : 0);
    if (whole < 3600)
        return format("%02lld:%02lld", whole / 60, whole % 60);
    return format("%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                  whole % 60);
}

std::string size_text(std::uint64_t bytes)
{
    return scaled(static_cast<double>(bytes), 1000, " kMGTPE", true);
}

std::string short_size_text(std::uint64_t bytes)
{
    return scaled(static_cast<double>(bytes), 1024, "BKMGTPE", false);
}

std::string count_text(std::uint64_t count, const std::string& noun)
{
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace cli
