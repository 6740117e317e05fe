// run_course.cpp: see run_course.hpp.
#include "core/run_course.hpp"

namespace brood::core {

run_action run_course::on(run_event event) noexcept
{
    if (finished_)
        return run_action::none;
    switch (event) {
    case run_event::exited:
        exited_ = true;
        if (stopping_)
            return run_action::none;
        // What is left of a run that has ended is stopped, too: but what
        // holds a pipe may still have something to say.
        return streams_ended_ ? begin_stop() : run_action::drain;
    case run_event::streams_ended:
        streams_ended_ = true;
        if (emptied_)
            return finish();
        return exited_ && !stopping_ ? begin_stop() : run_action::none;
    case run_event::timeout: return interrupt(stop_reason::timeout);
    case run_event::idle_timeout: return interrupt(stop_reason::idle_timeout);
    case run_event::output_limit: return interrupt(stop_reason::output_limit);
    case run_event::cancelled:
        if (!stopping_)
            return interrupt(stop_reason::cancelled);
        reason_ = stop_reason::cancelled;
        // Nobody wants to hear any more from who holds the pipes.
        return emptied_ ? finish() : run_action::hurry;
    case run_event::drain_over:
        drained_ = true;
        if (emptied_)
            return finish();
        return stopping_ ? run_action::none : begin_stop();
    case run_event::emptied:
        emptied_ = true;
        return streams_ended_ || drained_ ? finish() : run_action::drain;
    case run_event::unkillable: return finish();
    }
    return run_action::none;
}

run_action run_course::interrupt(stop_reason why) noexcept
{
    // Whatever remains after the end is being stopped already.
    if (stopping_)
        return run_action::none;
    reason_ = why;
    return begin_stop();
}

run_action run_course::begin_stop() noexcept
{
    stopping_ = true;
    return run_action::stop;
}

run_action run_course::finish() noexcept
{
    finished_ = true;
    return run_action::finish;
}

}  // namespace brood::core
