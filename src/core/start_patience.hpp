// start_patience.hpp: is a start that failed for want of descriptors, memory
// or processes tried again, and when?
//
// Pure: it has no clock, no source of chance, and starts nothing.
//
// Always ends: by the number of attempts, by the time, and sooner than by
// either where no child is running whose end could make room.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace brood::core {

class start_patience {
public:
    using milliseconds = std::chrono::milliseconds;

    static constexpr int most_attempts = 200;
    static constexpr milliseconds longest_time{30'000};
    // Waits in a row in which no child ended, while none was running.
    static constexpr int most_idle_waits = 6;
    // The first wait; each one after it in which nothing ended doubles.
    static constexpr milliseconds shortest_wait{20};
    static constexpr milliseconds longest_wait{1000};

    // What to do after an attempt that failed, `elapsed` after the first: how
    // long to wait, at most, for the next one; none: give up. Between half of
    // the time and all of it, as `random` says, so that many who failed
    // together do not try again together.
    std::optional<milliseconds> attempt_failed(bool children_running,
                                               milliseconds elapsed,
                                               std::uint32_t random) noexcept;

    // A child ended during the wait: there may be room now, or once its pipes
    // have been read to their ends, which does not take long.
    void child_ended() noexcept { waits_ = 0; }

    int attempts() const noexcept { return attempts_; }

private:
    int attempts_ = 0;
    int waits_ = 0;  // since a child ended
};

// "after 7 attempts in 3.2 s, with 12 children running"
std::string effort_text(int attempts, std::chrono::milliseconds elapsed,
                        int children);

}  // namespace brood::core
