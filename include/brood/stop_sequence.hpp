// stop_sequence.hpp: how a child is asked to end, as data.
#pragma once

#include <brood/export.hpp>
#include <brood/unlimited.hpp>

#include <chrono>
#include <type_traits>
#include <vector>

namespace brood {

/// One step of a stop_sequence: a signal, and how long to wait after it.
class stop_step {
public:
    stop_step(int number, std::chrono::nanoseconds time) noexcept
        : signal(number), grace(time)
    {
    }

    friend bool operator==(const stop_step&,
                           const stop_step&) noexcept = default;

    int signal;
    std::chrono::nanoseconds grace;
};

/// How a child is stopped: signals, each with a time to react, and SIGKILL at
/// the end, which is always implied.
///
/// `stop_sequence().then(SIGINT, 2s).then(SIGTERM, 5s)`. An empty one kills
/// at once. Each signal goes to all that the command's containment holds
/// together, and the sequence ends as soon as none of them is left alive, not
/// when the child itself is gone.
///
/// Errors:  std::invalid_argument from then(), for a number that is no signal
///          or a negative time.
/// Threads: a plain value.
/// See:     command::stop, process::stop, containment
class stop_sequence {
public:
    /// Empty: SIGKILL at once.
    stop_sequence() noexcept {}

    /// What a command has unless it says otherwise: SIGTERM, 5 seconds.
    [[nodiscard]] BROOD_API static stop_sequence standard();

    /// Adds a signal and how long to wait after it; `unlimited`: for ever.
    BROOD_API stop_sequence& then(int signal, std::chrono::nanoseconds grace) &;
    stop_sequence then(int signal, std::chrono::nanoseconds grace) &&
    {
        return std::move(then(signal, grace));
    }

    const std::vector<stop_step>& steps() const noexcept { return steps_; }

private:
    std::vector<stop_step> steps_;
};

static_assert(!std::is_aggregate_v<stop_sequence>);

}  // namespace brood
