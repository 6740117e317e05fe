// spawn_step.cpp: the steps' names.
#include <brood/spawn_step.hpp>

namespace brood {

std::string_view to_string(spawn_step step) noexcept
{
    switch (step) {
    case spawn_step::none: return "none";
    case spawn_step::look_up: return "look_up";
    case spawn_step::open: return "open";
    case spawn_step::pipe: return "pipe";
    case spawn_step::start: return "start";
    case spawn_step::dup2: return "dup2";
    case spawn_step::chdir: return "chdir";
    case spawn_step::cgroup: return "cgroup";
    case spawn_step::setsid: return "setsid";
    case spawn_step::setpgid: return "setpgid";
    case spawn_step::terminal: return "terminal";
    case spawn_step::rlimit: return "rlimit";
    case spawn_step::nice: return "nice";
    case spawn_step::affinity: return "affinity";
    case spawn_step::setgroups: return "setgroups";
    case spawn_step::setgid: return "setgid";
    case spawn_step::setuid: return "setuid";
    case spawn_step::privileges: return "privileges";
    case spawn_step::parent_death: return "parent_death";
    case spawn_step::close: return "close";
    case spawn_step::exec: return "exec";
    }
    return "unknown";
}

}  // namespace brood
