// cancellation_slot.cpp: the job with a cancellation slot.
//
// A signal cancels the one operation that its slot is bound to: here the
// reading, and neither the coroutine nor the child. as_tuple gives the error
// as a value, so that nothing is thrown.

#include "job.hpp"

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)
#include BROOD_ASIO_HEADER(this_coro.hpp)

brood::awaitable<void> work(job what)
{
    auto child = co_await brood::create_subprocess(what.child());
    net::cancellation_signal too_late;
    net::steady_timer alarm(co_await net::this_coro::executor, what.limit());
    alarm.async_wait([&](brood::error_code ec) {
        if (!ec)
            too_late.emit(net::cancellation_type::total);
    });

    const auto [ec, line] =
        co_await child.out().async_readline(net::bind_cancellation_slot(
            too_late.slot(), brood::as_tuple(brood::use_awaitable)));
    alarm.cancel();
    if (ec)
        tell_line(std::nullopt);
    else
        tell_line(line);
    const int returncode = co_await child.stop();
    tell_end(returncode);
}

int main(int argc, char** argv)
{
    brood::run(work(job(argc, argv)));
}
