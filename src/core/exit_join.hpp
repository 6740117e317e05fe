// exit_join.hpp: when is a run over? Exit and the ends of the streams are
// separate facts; this joins them.
//
// Pure: events in, actions out; it has no clock of its own.
#pragma once

namespace brood::core {

enum class join_event {
    exited,
    stream_ended,
    drain_expired,
};

enum class join_action {
    wait,         // for the next event
    start_drain,  // the child is gone, a stream is open: give it some time
    stop,         // take what is in the pipes now, and finish
    finish,
};

class exit_join {
public:
    // `patient`: wait for the streams however long it takes.
    exit_join(int streams, bool patient) noexcept
        : open_(streams), patient_(patient)
    {
    }

    join_action on(join_event event) noexcept;

    // True when every stream was read to its end.
    bool complete() const noexcept { return open_ == 0; }

private:
    int open_;
    bool patient_;
    bool exited_ = false;
};

}  // namespace brood::core
