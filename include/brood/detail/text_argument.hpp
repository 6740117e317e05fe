// detail/text_argument.hpp: what brood accepts wherever it wants bytes of text.
#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace brood::detail {

template <class T>
concept string_like = std::convertible_to<const T&, std::string_view>;

// std::filesystem::path, without including <filesystem>.
template <class T>
concept path_like = !string_like<T> && requires(const T& path) {
    { path.string() } -> std::same_as<std::string>;
};

template <class T>
concept text_like = string_like<T> || path_like<T>;

// One string parameter: anything that is a string or a path. Numbers do not
// convert; say std::to_string.
class text_argument {
public:
    template <text_like T>
    text_argument(const T& text) : value(copy(text))
    {
    }
    text_argument(std::string text) noexcept : value(std::move(text)) {}
    text_argument(std::nullptr_t) = delete;

    std::string value;

private:
    template <class T>
    static std::string copy(const T& text)
    {
        if constexpr (path_like<T>)
            return text.string();
        else {
            if constexpr (std::is_pointer_v<T>)
                if (text == nullptr)
                    throw std::invalid_argument("brood: a null pointer "
                                                "was given as a string");
            return std::string(std::string_view(text));
        }
    }
};

static_assert(!std::is_aggregate_v<text_argument>);

}  // namespace brood::detail
