// wait_for.cpp: see wait_for.hpp.
#include <brood/wait_for.hpp>

namespace brood::detail {

awaitable<void> alarm(tick duration)
{
    co_await sleep_for(duration);
    throw timeout_error();
}

}  // namespace brood::detail
