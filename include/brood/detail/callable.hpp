// detail/callable.hpp: which callables may be written in a co_await.
#pragma once

#include <type_traits>

namespace brood::detail {

// GCC before 13 destroys twice a lambda with a non-trivial capture that is a
// temporary of an expression with co_await. One that has a name is safe, and
// so is one whose destruction does nothing. `Callable` is deduced as a
// forwarding reference's type.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
template <typename Callable>
inline constexpr bool safe_in_co_await =
    std::is_lvalue_reference_v<Callable> ||
    std::is_trivially_destructible_v<Callable>;
#else
template <typename Callable>
inline constexpr bool safe_in_co_await = true;
#endif

}  // namespace brood::detail
