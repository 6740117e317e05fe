// signal_source: the signals that the engine decides about, as events.
//
// They are blocked and read from a signalfd, which also says who sent them. One
// that was ignored when we were started stays ignored: nohup, a shell's "&".

#pragma once

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(posix/stream_descriptor.hpp)

#include <functional>

namespace cli {

struct signal_event {
    int number = 0;
    bool from_terminal = false;  // Ctrl-C and the like
};

class signal_source {
public:
    signal_source(brood::asio::io_context& io,
                  std::function<void(signal_event)> handler);
    signal_source(const signal_source&) = delete;
    signal_source& operator=(const signal_source&) = delete;
    ~signal_source();

    // Suspends this process as the signal would by itself, until SIGCONT.
    void suspend(int number);

private:
    void wait();

    brood::asio::posix::stream_descriptor fd_;
    std::function<void(signal_event)> handler_;
};

// One of them that is to end us, has been sent, and was not taken; 0: none.
int pending_stop();

// Blocks them; before any thread is made.
void block_signals();

}  // namespace cli
