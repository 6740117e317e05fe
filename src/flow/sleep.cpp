// sleep.cpp: see sleep.hpp.
#include <brood/sleep.hpp>

#include BROOD_ASIO_HEADER(steady_timer.hpp)

namespace brood::detail {

awaitable<void> sleep_for(tick duration)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, duration);
    co_await timer.async_wait(use_awaitable);
}

}  // namespace brood::detail
