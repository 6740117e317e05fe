// family.cpp: see family.hpp.
#include "os/family.hpp"

#include "os/posix/system_call.hpp"
#include "os/process_list.hpp"

#include <algorithm>
#include <csignal>

namespace brood::os {

namespace {

// May anybody be alive in the group that this child leads, or led?
bool group_may_live(int group)
{
    const auto all = list_processes();
    return !all.whole ||
           std::any_of(all.entries.begin(), all.entries.end(),
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
        return signal_group(leader, 0) == ESRCH || !group_may_live(leader.pid);
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
    if (!all.readable)
        return false;
    const auto is_member = [this](const process_entry& each) {
        const auto known = members_.find(each.pid);
        return known != members_.end() && known->second == each.start;
    };
    // The leader pins the number of its own session. That of another may have
    // been reused, unless somebody is in it who was there before.
    std::set<int> sessions{leader.pid};
    for (const auto& each : all.entries)
        if (sessions_.contains(each.session) && is_member(each))
            sessions.insert(each.session);
    members seen;
    everybody_seen_ = all.whole;
    anybody_alive_ = !all.whole;
    // Until nobody new is found: children may be listed before their parents.
    for (bool more = true; more;) {
        more = false;
        for (const auto& each : all.entries) {
            if (seen.contains(each.pid) ||
                !(is_member(each) || sessions.contains(each.session) ||
                  seen.contains(each.parent)))
                continue;
            more = true;
            seen.emplace(each.pid, each.start);
            anybody_alive_ = anybody_alive_ || each.alive;
            // A session made by one of us is ours, and so is who is in it.
            if (each.session == each.pid)
                sessions.insert(each.session);
        }
    }
    if (!all.whole)  // who is missing may come back
        seen.insert(members_.begin(), members_.end());
    members_ = std::move(seen);
    sessions_ = std::move(sessions);
    return true;
}

int family::signal_members(const child& leader, int number)
{
    if (!look(leader))
        return signal_group(leader, number);
    int error = ESRCH;
    bool all_reached = everybody_seen_;
    for (const auto& [pid, start] : members_) {
        const long opened = system_call(SYS_pidfd_open, pid, 0);
        if (opened < 0) {
            all_reached = all_reached && opened == -ESRCH;
            continue;
        }
        const descriptor pidfd(static_cast<int>(opened));
        int why = 0;
        const auto now = look_up_process(pid, why);
        all_reached = all_reached && (now || why == ENOENT || why == ESRCH);
        if (!now || now->start != start || !now->alive)
            continue;
        if (system_call(SYS_pidfd_send_signal, pidfd.number(), number, nullptr,
                        0) == 0)
            error = 0;
    }
    if (all_reached)
        return error;
    // No pidfds to be had, or no descriptors now: those who need none.
    const int to_group = signal_group(leader, number);
    return error == 0 ? 0 : to_group;
}

}  // namespace brood::os
