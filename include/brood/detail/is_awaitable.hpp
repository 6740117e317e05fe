// detail/is_awaitable.hpp: whether something is awaited.
#pragma once

#include <brood/asio.hpp>

namespace brood::detail {

template <typename T>
inline constexpr bool is_awaitable = false;
template <typename T, typename Executor>
inline constexpr bool is_awaitable<asio::awaitable<T, Executor>> = true;

}  // namespace brood::detail
