// stop_ladder.cpp: see stop_ladder.hpp and stop_sequence.hpp.
#include "core/stop_ladder.hpp"

#include <stdexcept>
#include <string>

namespace brood {

stop_sequence stop_sequence::standard()
{
    constexpr int terminate = 15;  // SIGTERM, on every system
    return stop_sequence().then(terminate, std::chrono::seconds(5));
}

stop_sequence& stop_sequence::then(int signal, std::chrono::nanoseconds grace) &
{
    constexpr int last_signal = 64;
    if (signal < 1 || signal > last_signal)
        throw std::invalid_argument(
            "brood: stop_sequence: " + std::to_string(signal) +
            " is not a signal");
    if (grace < std::chrono::nanoseconds::zero())
        throw std::invalid_argument(
            "brood: stop_sequence: the time after signal " +
            std::to_string(signal) + " is negative");
    steps_.emplace_back(signal, grace);
    return *this;
}

}  // namespace brood

namespace brood::core {

stop_action stop_ladder::on(stop_event event)
{
    if (ended_)
        return {};
    switch (event) {
    case stop_event::begin:
        if (begun_)
            return {};
        begun_ = true;
        return next();
    case stop_event::grace_over:
        if (!begun_)
            return {};
        return killed_ ? end(stop_action::kind::give_up) : next();
    case stop_event::hurry:
        begun_ = true;
        return killed_ ? stop_action() : kill();
    case stop_event::emptied: return end(stop_action::kind::finish);
    }
    return {};
}

stop_action stop_ladder::next()
{
    if (step_ == sequence_.steps().size())
        return kill();
    const auto& step = sequence_.steps()[step_++];
    return {stop_action::kind::signal, step.signal, step.grace};
}

stop_action stop_ladder::kill()
{
    killed_ = true;
    return {stop_action::kind::kill, 0, kill_grace};
}

stop_action stop_ladder::end(stop_action::kind how)
{
    ended_ = true;
    return {how, 0, {}};
}

}  // namespace brood::core
