// exit_join.cpp: see exit_join.hpp.
#include "core/exit_join.hpp"

namespace brood::core {

join_action exit_join::on(join_event event) noexcept
{
    switch (event) {
    case join_event::exited:
        exited_ = true;
        if (open_ == 0)
            return join_action::finish;
        return patient_ ? join_action::wait : join_action::start_drain;
    case join_event::stream_ended:
        --open_;
        return open_ == 0 && exited_ ? join_action::finish : join_action::wait;
    case join_event::drain_expired: return join_action::stop;
    }
    return join_action::wait;
}

}  // namespace brood::core
