// family.cpp: see family.hpp.
#include "os/family.hpp"

#include "os/posix/system_call.hpp"
#include "os/process_list.hpp"

#include <algorithm>
#include <csignal>

namespace brood::os {

namespace {

// Is anybody alive in the group that this child leads, or led?
bool group_has_living(int group)
{
    const auto all = list_processes();
    return all && std::any_of(all->begin(), all->end(),
                              [group](const process_entry& each) {
                                  return each.group == group && each.alive;
                              });
}

}  // namespace

bool family::needs_leader(const child& leader) const noexcept
{
    switch (level_) {
    case containment::process:
    case containment::cgroup: return false;
    case containment::group: return !signals_group_by_pidfd(leader);
    // Its number names the session.
    case containment::session: break;
    }
    return true;
}

int family::signal(const child& leader, int number) noexcept
try {
    switch (level_) {
    case containment::process: return send_signal(leader, number);
    case containment::group: return signal_group(leader, number);
    case containment::session: return signal_members(leader, number);
    case containment::cgroup: break;
    }
    return cgroup_ ? cgroup_->signal(number) : ESRCH;
} catch (const std::bad_alloc&) {
    return ENOMEM;
}

bool family::is_empty(const child& leader) noexcept
try {
    switch (level_) {
    case containment::process: return true;
    case containment::group:
        // A zombie counts as a member until its parent collects it, which
        // where there is no init process may be never. So the list has the
        // last word.
        return signal_group(leader, 0) == ESRCH ||
               !group_has_living(leader.pid);
    case containment::session: return !look(leader) || !anybody_alive_;
    case containment::cgroup: break;
    }
    return !cgroup_ || cgroup_->is_empty();
} catch (const std::bad_alloc&) {
    return false;
}

// Finds those who came since the last look, and forgets those who went. False:
// nothing can be seen.
bool family::look(const child& leader)
{
    const auto all = list_processes();
    if (!all)
        return false;
    if (sessions_.empty())
        sessions_.insert(leader.pid);
    const auto is_member = [this](const process_entry& each) {
        const auto known = members_.find(each.pid);
        return known != members_.end() && known->second == each.start;
    };
    members seen;
    std::set<int> sessions;
    anybody_alive_ = false;
    const auto add = [&](const process_entry& each) {
        seen.emplace(each.pid, each.start);
        // A session made by one of us is ours, and so is who is in it.
        if (each.session == each.pid || sessions_.contains(each.session))
            sessions.insert(each.session);
        anybody_alive_ = anybody_alive_ || each.alive;
    };
    // Until nobody new is found: children may be listed before their parents.
    for (bool more = true; more;) {
        more = false;
        for (const auto& each : *all) {
            if (seen.contains(each.pid))
                continue;
            if (is_member(each) || sessions_.contains(each.session) ||
                sessions.contains(each.session) || seen.contains(each.parent)) {
                add(each);
                more = true;
            }
        }
    }
    members_ = std::move(seen);
    // The number of a session that nobody is in any more may be reused.
    sessions_ = std::move(sessions);
    sessions_.insert(leader.pid);
    return true;
}

int family::signal_members(const child& leader, int number)
{
    if (!look(leader))
        return signal_group(leader, number);
    int error = ESRCH;
    for (const auto& [pid, start] : members_) {
        const descriptor pidfd(
            static_cast<int>(system_call(SYS_pidfd_open, pid, 0)));
        if (!pidfd.is_open())
            continue;
        const auto now = look_up_process(pid);
        if (!now || now->start != start || !now->alive)
            continue;
        if (system_call(SYS_pidfd_send_signal, pidfd.number(), number, nullptr,
                        0) == 0)
            error = 0;
    }
    return error;
}

}  // namespace brood::os
