// interrupt.hpp: the first Ctrl-C as a readable pipe instead of an end.
//
// Process-wide state, one of two places where brood touches any
// (child_signal.hpp is the other): the action of SIGINT, while one `interrupt`
// is active. Nobody's handler is replaced.
#pragma once

#include "os/posix/descriptor.hpp"

#include <csignal>
#include <utility>

namespace brood::os {

class interrupt {
public:
    // Takes SIGINT over, if it has its default action, and no other
    // interrupt of the process is active; else, or without descriptors for
    // it, the object does nothing.
    interrupt() noexcept;
    // Puts the old action back, unless someone set another one meanwhile.
    // Blocks no longer than a handler that is just writing its byte.
    ~interrupt();
    interrupt(const interrupt&) = delete;
    interrupt& operator=(const interrupt&) = delete;

    bool active() const noexcept { return active_; }

    // The pipe's read end; becomes readable at the first SIGINT. The second
    // one finds the default action and ends the process.
    descriptor take_pipe() noexcept { return std::move(read_end_); }

private:
    bool take_over() noexcept;

    bool active_ = false;
    struct sigaction old_action_{};
    descriptor read_end_;
    descriptor write_end_;
};

}  // namespace brood::os
