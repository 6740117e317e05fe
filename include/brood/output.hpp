// output.hpp: what communicate() collected.
#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace brood {

/// What a child wrote: `auto [out, err] = co_await p.communicate();`
///
/// A stream that is not piped gives an empty string.
///
/// Threads: a value: distinct objects are independent.
class [[nodiscard]] output {
public:
    output() noexcept {}
    output(std::string out_bytes, std::string err_bytes,
           bool is_complete) noexcept
        : out(std::move(out_bytes)), err(std::move(err_bytes)),
          complete_(is_complete)
    {
    }

    /// False when a descendant still held a pipe as the drain time ran out.
    bool complete() const noexcept { return complete_; }

    // References, so that a `const auto [out, err]` copies nothing.
    template <std::size_t Index>
    std::string& get() & noexcept
    {
        return Index == 0 ? out : err;
    }
    template <std::size_t Index>
    const std::string& get() const& noexcept
    {
        return Index == 0 ? out : err;
    }
    template <std::size_t Index>
    std::string&& get() && noexcept
    {
        return std::move(Index == 0 ? out : err);
    }

    std::string out;
    std::string err;

private:
    bool complete_ = true;
};

static_assert(!std::is_aggregate_v<output>);

}  // namespace brood

template <>
struct std::tuple_size<brood::output> : std::integral_constant<std::size_t, 2> {
};

template <std::size_t Index>
struct std::tuple_element<Index, brood::output> {
    using type = std::string;
};
