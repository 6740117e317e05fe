// operators.cpp: the job with the operators of awaitables.
//
// a || b waits for the one that ends first and cancels the other; a && b
// waits for both. They take brood's verbs as they take Asio's operations.

#include "job.hpp"

#include BROOD_ASIO_HEADER(experimental/awaitable_operators.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)
#include BROOD_ASIO_HEADER(this_coro.hpp)

#include <variant>

using namespace net::experimental::awaitable_operators;

brood::awaitable<void> work(job what)
{
    auto child = co_await brood::create_subprocess(what.child());
    net::steady_timer alarm(co_await net::this_coro::executor, what.limit());
    const auto first = co_await (child.out().readline() ||
                                 alarm.async_wait(brood::use_awaitable));
    if (first.index() == 0)
        tell_line(std::get<0>(first));
    else
        tell_line(std::nullopt);

    // What it still has to say is read while it is being ended.
    const auto [returncode, rest] =
        co_await (child.stop() && child.out().read());
    tell_end(returncode);
}

int main(int argc, char** argv)
{
    brood::run(work(job(argc, argv)));
}
