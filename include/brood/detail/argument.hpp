// detail/argument.hpp: what exec() accepts as an argument of a program.
#pragma once

#include <brood/detail/text_argument.hpp>
#include <brood/redacted.hpp>

#include <cstddef>
#include <ranges>
#include <string>
#include <type_traits>
#include <vector>

namespace brood::detail {

template <class T>
concept number = std::is_arithmetic_v<std::remove_cvref_t<T>> ||
                 std::is_enum_v<std::remove_cvref_t<T>>;

template <class T>
std::string argument_text(const T& argument)
{
    static_assert(!number<T>,
                  "brood: an argument is a string; write std::to_string(n)");
    static_assert(!std::is_same_v<T, std::nullptr_t>,
                  "brood: a null pointer is not an argument");
    static_assert(number<T> || std::is_same_v<T, std::nullptr_t> ||
                      text_like<T>,
                  "brood: an argument must be a string or a path");
    return text_argument(argument).value;
}

// Appends to argv; `hidden` has the places of what no text shows.
template <class T>
void add_argument(std::vector<std::string>& argv,
                  std::vector<std::size_t>& hidden, const T& argument)
{
    if constexpr (std::is_same_v<T, redacted>) {
        hidden.push_back(argv.size());
        argv.push_back(argument.value());
    } else {
        argv.push_back(argument_text(argument));
    }
}

// A list of arguments: a range of strings that is not itself a string.
template <class Range>
concept argument_range =
    std::ranges::input_range<Range> && !text_like<std::remove_cvref_t<Range>> &&
    text_like<std::remove_cvref_t<std::ranges::range_reference_t<Range>>>;

}  // namespace brood::detail
