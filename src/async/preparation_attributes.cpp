// preparation_attributes.cpp: the part of a preparation that is about limits,
// priority, processors, signals and the terminal.
#include "async/preparation.hpp"

#include "os/attributes.hpp"
#include "os/pty.hpp"

#include <cerrno>
#include <utility>

namespace brood::detail {

void preparation::prepare_attributes()
{
    const auto& wanted = command_.attributes;
    for (const auto& limit : wanted.limits)
        limits_.push_back(
            {os::resource_number(limit.what), {limit.soft, limit.hard}});
    plan_.limits = limits_.data();
    plan_.limit_count = limits_.size();
    plan_.nice = wanted.nice.value_or(0);
    if (wanted.affinity) {
        processors_ = os::processor_set(*wanted.affinity);
        plan_.processors = processors_.data();
        plan_.processor_bytes = processors_.size() * sizeof(unsigned long);
    }
    plan_.no_new_privileges = wanted.no_new_privileges;
    plan_.blocked_signals = os::signal_set(wanted.signal_mask);
    plan_.keep_ignored = wanted.keep_all_ignored
                             ? ~std::uint64_t{0}
                             : os::signal_set(wanted.keep_ignored);
    plan_.controlling_terminal =
        wanted.controlling_terminal.value_or(plan_terminal(command_).first);
    plan_.parent_death_signal = wanted.parent_death_signal.value_or(0);
}

void preparation::prepare_terminal()
{
    const auto plan = plan_terminal(command_);
    if (!plan.wanted)
        return;
    auto made = os::make_pty(*plan.wanted);
    if (made.error)
        fail(spawn_step::open, made.error, "/dev/ptmx");
    master_ = std::move(made.master);
    terminal_ = made.terminal.number();
    held_.push_back(std::move(made.terminal));
    const auto share = [this](int number, bool we_write) {
        auto copy = os::duplicate(master_.number());
        if (copy.error)
            fail(spawn_step::open, copy.error, "/dev/ptmx");
        our_ends_.push_back({number, we_write, std::move(copy.fd), true});
    };
    if (plan.we_type)
        share(0, true);
    if (plan.shown_at >= 0)
        share(plan.shown_at, false);
}

std::string preparation::explain_attribute(const os::spawn_failure& failure,
                                           std::string& path) const
{
    const auto& wanted = command_.attributes;
    std::string text(to_string(failure.step));
    switch (failure.step) {
    case spawn_step::rlimit: {
        const auto& limit =
            wanted.limits.at(static_cast<std::size_t>(failure.index));
        path = std::string(to_string(limit.what));
        text += " " + path;
        if (failure.error == EPERM)
            text += ": only privileges raise a hard limit";
        break;
    }
    case spawn_step::nice:
        text += " " + std::to_string(wanted.nice.value_or(0));
        if (failure.error == EACCES || failure.error == EPERM)
            text += ": only privileges raise a priority";
        break;
    case spawn_step::affinity:
        if (failure.error == EINVAL)
            text += ": none of these processors is there for us";
        break;
    case spawn_step::terminal:
        text += ": descriptor " + std::to_string(plan_.controlling_terminal) +
                " of the child";
        if (failure.error == ENOTTY)
            text += " is no terminal";
        if (failure.error == EPERM)
            text += " is another session's terminal";
        break;
    default: break;
    }
    return text;
}

}  // namespace brood::detail
