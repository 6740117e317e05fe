// future.cpp: the job with std::future.
//
// For a program that has no loop of its own: it starts an operation, runs the
// loop until there is nothing left to do or the time is over, and looks
// whether the future is ready.

#include "job.hpp"

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(use_future.hpp)

#include <future>

int main(int argc, char** argv)
{
    const job what(argc, argv);
    net::io_context io;
    auto child = brood::spawn_process(io, what.child());

    auto line = child.out().async_readline(net::use_future);
    io.run_for(what.limit());
    if (line.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
        tell_line(line.get());
    else
        tell_line(std::nullopt);

    auto end = child.async_stop(net::use_future);
    io.restart();
    io.run();
    tell_end(end.get());
}
