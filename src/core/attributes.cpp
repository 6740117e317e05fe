// attributes.cpp: the setters of a child's attributes, what of them can never
// work, and how a shell would say them.
#include "core/attribute_data.hpp"

#include "core/command_data.hpp"

#include <algorithm>
#include <csignal>
#include <stdexcept>

namespace brood {

command& command::rlimit(limit_kind what, std::uint64_t soft,
                         std::optional<std::uint64_t> hard) &
{
    auto& limits = changed().attributes.limits;
    std::erase_if(limits, [what](const detail::resource_limit& other) {
        return other.what == what;
    });
    limits.push_back({what, soft, hard.value_or(soft)});
    return *this;
}
command& command::nice(int increment) &
{
    changed().attributes.nice = increment;
    return *this;
}
command& command::affinity(std::vector<int> processors) &
{
    changed().attributes.affinity = std::move(processors);
    return *this;
}
command& command::no_new_privileges() &
{
    changed().attributes.no_new_privileges = true;
    return *this;
}
command& command::signal_mask(std::vector<int> blocked) &
{
    changed().attributes.signal_mask = std::move(blocked);
    return *this;
}
command& command::keep_ignored_signals() &
{
    changed().attributes.keep_all_ignored = true;
    return *this;
}
command& command::keep_ignored(int signal) &
{
    changed().attributes.keep_ignored.push_back(signal);
    return *this;
}
command& command::controlling_terminal(int number) &
{
    changed().attributes.controlling_terminal = number;
    return *this;
}
command& command::kill_on_parent_death(int signal) &
{
    changed().attributes.parent_death_signal = signal;
    return *this;
}

namespace detail {

namespace {

constexpr int last_signal = 64;  // SIGRTMAX on Linux (signal(7))

[[noreturn]] void refuse(const std::string& why)
{
    throw std::invalid_argument("brood: " + why);
}

std::string call(std::string_view setter, int number)
{
    return std::string(setter) + "(" + std::to_string(number) + "): ";
}

void check_signal(int signal, std::string_view setter)
{
    if (signal < 1 || signal > last_signal)
        refuse(call(setter, signal) + "a signal from 1 to " +
               std::to_string(last_signal) + " is needed");
}

void check_limits(const attribute_data& wanted)
{
    for (const auto& limit : wanted.limits) {
        const auto name = std::string(to_string(limit.what));
        if (name == "unknown")
            refuse("rlimit(): there is no such limit_kind");
        if (limit.soft > limit.hard)
            refuse("rlimit(" + name +
                   "): the soft limit is above the hard one; the child could "
                   "not have it");
    }
}

void check_affinity(const attribute_data& wanted)
{
    if (!wanted.affinity)
        return;
    if (wanted.affinity->empty())
        refuse("affinity(): at least one processor is needed");
    constexpr int most = 1 << 16;  // far above any kernel's NR_CPUS
    for (const int each : *wanted.affinity)
        if (each < 0 || each >= most)
            refuse(call("affinity", each) +
                   "a processor's number is 0 or "
                   "above, and below " +
                   std::to_string(most));
}

void check_signals(const attribute_data& wanted)
{
    for (const int each : wanted.signal_mask) {
        check_signal(each, "signal_mask");
        if (each == SIGKILL || each == SIGSTOP)
            refuse(call("signal_mask", each) +
                   "SIGKILL and SIGSTOP cannot be blocked");
    }
    for (const int each : wanted.keep_ignored) {
        check_signal(each, "keep_ignored");
        if (each == SIGKILL || each == SIGSTOP)
            refuse(call("keep_ignored", each) +
                   "SIGKILL and SIGSTOP cannot be ignored");
    }
    if (wanted.parent_death_signal)
        check_signal(*wanted.parent_death_signal, "kill_on_parent_death");
}

// 0, 1 and 2 are there unless they are closed, which only the child sees.
bool is_given(const command_data& command, int number)
{
    const auto& fds = command.child_fds;
    return number <= 2 ||
           std::any_of(
               fds.begin(), fds.end(),
               [number](const auto& fd) { return fd.first == number; }) ||
           std::ranges::count(command.pass_fds, number) != 0;
}

void check_terminal(const command_data& command)
{
    if (!command.attributes.controlling_terminal)
        return;
    const int number = *command.attributes.controlling_terminal;
    const auto where = call("controlling_terminal", number);
    if (number < 0)
        refuse(where + "one of the child's descriptors is needed");
    if (!makes_session(command))
        refuse(where + "only the leader of a session can take a terminal; "
                       "add new_session()");
    if (!is_given(command, number))
        refuse(where + "the child does not get this descriptor; give it "
                       "with pass_fd() or child_fd()");
}

std::string_view option_of(limit_kind kind)
{
    switch (kind) {
    case limit_kind::address_space: return "as";
    case limit_kind::core: return "core";
    case limit_kind::cpu: return "cpu";
    case limit_kind::data: return "data";
    case limit_kind::file_size: return "fsize";
    case limit_kind::locked_memory: return "memlock";
    case limit_kind::message_queues: return "msgqueue";
    case limit_kind::nice: return "nice";
    case limit_kind::open_files: return "nofile";
    case limit_kind::pending_signals: return "sigpending";
    case limit_kind::processes: return "nproc";
    case limit_kind::realtime_priority: return "rtprio";
    case limit_kind::realtime_time: return "rttime";
    case limit_kind::resident_set: return "rss";
    case limit_kind::stack: return "stack";
    }
    return {};
}

std::string value_text(std::uint64_t value)
{
    return value == unlimited_resource ? "unlimited" : std::to_string(value);
}

}  // namespace

void check_attributes(const command_data& command)
{
    const auto& wanted = command.attributes;
    check_limits(wanted);
    // The kernel keeps -20 to 19; a step between any two is below this.
    if (wanted.nice && (*wanted.nice < -39 || *wanted.nice > 39))
        refuse(call("nice", *wanted.nice) +
               "an increment from -39 to 39 is needed");
    check_affinity(wanted);
    check_signals(wanted);
    check_terminal(command);
}

std::string attribute_text(const attribute_data& attributes)
{
    std::string text;
    if (attributes.nice)
        text += "nice -n " + std::to_string(*attributes.nice) + " ";
    if (attributes.affinity) {
        text += "taskset -c ";
        for (const int each : *attributes.affinity)
            text += std::to_string(each) + ",";
        text.back() = ' ';
    }
    if (!attributes.limits.empty()) {
        text += "prlimit ";
        for (const auto& limit : attributes.limits)
            text += "--" + std::string(option_of(limit.what)) + "=" +
                    value_text(limit.soft) + ":" + value_text(limit.hard) + " ";
    }
    if (attributes.no_new_privileges)
        text += "setpriv --no-new-privs ";
    return text;
}

}  // namespace detail

}  // namespace brood
