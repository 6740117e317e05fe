// stackful.cpp: the job as a stackful coroutine.
//
// asio::spawn runs a function on a stack of its own, and `yield` is where it
// waits. That stack is Boost's, so this needs Boost.Context; and with an Asio
// before 1.24, Boost.Coroutine.

#include "job.hpp"

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(detached.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(spawn.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

void work(net::io_context& io, const job& what, net::yield_context yield)
{
    auto child = brood::spawn_process(io, what.child());
    net::cancellation_signal too_late;
    net::steady_timer alarm(io, what.limit());
    alarm.async_wait([&](brood::error_code ec) {
        if (!ec)
            too_late.emit(net::cancellation_type::total);
    });

    // yield[ec] notes an error; a plain yield would throw it.
    brood::error_code ec;
    const std::string line = child.out().async_readline(
        net::bind_cancellation_slot(too_late.slot(), yield[ec]));
    alarm.cancel();
    if (ec)
        tell_line(std::nullopt);
    else
        tell_line(line);
    tell_end(child.async_stop(yield));
}

// Asio before 1.24 takes no token for the end of the coroutine itself.
template <class Body>
void start(net::io_context& io, Body body)
{
    if constexpr (requires { net::spawn(io, body, net::detached); })
        net::spawn(io, body, net::detached);
    else
        net::spawn(io, body);
}

int main(int argc, char** argv)
{
    const job what(argc, argv);
    net::io_context io;
    start(io, [&](net::yield_context yield) { work(io, what, yield); });
    io.run();
}
