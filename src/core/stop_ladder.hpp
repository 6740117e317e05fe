// stop_ladder.hpp: what to do next when a child is being stopped.
//
// Pure: events in, actions out; it has no clock of its own and sends nothing.
// A ladder that has begun ends by `emptied`, or by its bound after the kill.
#pragma once

#include <brood/stop_sequence.hpp>

#include <chrono>
#include <cstddef>

namespace brood::core {

enum class stop_event {
    begin,
    grace_over,  // the time that the last action gave
    hurry,       // no more grace: kill
    emptied,     // nobody is left alive
};

struct stop_action {
    enum class kind {
        none,
        signal,   // send `signal`, then wait for `grace`
        kill,     // send SIGKILL, then wait for `grace`
        finish,   // nobody is left
        give_up,  // not even SIGKILL ended them in time
    };
    kind what = kind::none;
    int signal = 0;
    std::chrono::nanoseconds grace{};
};

class stop_ladder {
public:
    // How long the kernel gets to carry out a SIGKILL.
    static constexpr std::chrono::seconds kill_grace{5};

    explicit stop_ladder(stop_sequence sequence) noexcept
        : sequence_(std::move(sequence))
    {
    }

    stop_action on(stop_event event);

    bool killed() const noexcept { return killed_; }

private:
    stop_action next();
    stop_action kill();
    stop_action end(stop_action::kind how);

    stop_sequence sequence_;
    std::size_t step_ = 0;
    bool begun_ = false;
    bool killed_ = false;
    bool ended_ = false;
};

}  // namespace brood::core
