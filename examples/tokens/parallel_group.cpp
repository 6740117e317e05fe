// parallel_group.cpp: the job with a parallel group.
//
// A group starts several operations at once. wait_for_one: when the first has
// ended, the others are cancelled, and then the handler gets the results of
// all, with the order in which they ended.

#include "job.hpp"

#include BROOD_ASIO_HEADER(experimental/parallel_group.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <array>
#include <cstddef>

int main(int argc, char** argv)
{
    const job what(argc, argv);
    net::io_context io;
    auto child = brood::spawn_process(io, what.child());
    net::steady_timer alarm(io, what.limit());

    net::experimental::make_parallel_group(
        [&](auto token) {
            return child.out().async_readline(std::move(token));
        },
        [&](auto token) { return alarm.async_wait(std::move(token)); })
        .async_wait(
            net::experimental::wait_for_one(),
            [&](std::array<std::size_t, 2> /*order*/, brood::error_code ec,
                const std::string& line, brood::error_code /*of_alarm*/) {
                if (ec)
                    tell_line(std::nullopt);
                else
                    tell_line(line);
                child.async_stop([](brood::error_code failed, int returncode) {
                    if (!failed)
                        tell_end(returncode);
                });
            });
    io.run();
}
