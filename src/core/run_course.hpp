// run_course.hpp: what a run from start to finish does next.
//
// Exit, the ends of the streams and "nobody is left alive" are separate facts;
// this joins them, with the reasons to stop before they have come. Pure:
// events in, actions out; it has no clock of its own.
//
// Always true: every course ends, if each `drain` and each `stop` it asks for
// is answered: by drain_over, and by emptied or unkillable.
#pragma once

#include <brood/stop_reason.hpp>

namespace brood::core {

enum class run_event {
    exited,         // all children have
    streams_ended,  // all that are captured
    timeout,
    idle_timeout,
    output_limit,
    cancelled,
    drain_over,
    emptied,     // after stop: nobody is left alive
    unkillable,  // after stop: somebody is, and was not to be killed
};

enum class run_action {
    none,
    stop,    // begin the stop sequence on all that the children brought along
    hurry,   // leave out the rest of the graces
    drain,   // wait for the streams, but not for long
    finish,  // take what is in the pipes now; it is over
};

class run_course {
public:
    run_action on(run_event event) noexcept;

    // Why it was stopped; none when it ended by itself.
    stop_reason reason() const noexcept { return reason_; }
    // True when every stream was read to its end.
    bool complete() const noexcept { return streams_ended_; }

private:
    run_action interrupt(stop_reason why) noexcept;
    run_action begin_stop() noexcept;
    run_action finish() noexcept;

    stop_reason reason_ = stop_reason::none;
    bool exited_ = false;
    bool streams_ended_ = false;
    bool stopping_ = false;
    bool emptied_ = false;
    bool drained_ = false;
    bool finished_ = false;
};

}  // namespace brood::core
