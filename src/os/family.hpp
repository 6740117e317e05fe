// family.hpp: a child and those it has brought into the world, as far as its
// containment level holds them together.
//
// Must stay true: nobody is signalled who could be a stranger with a recycled
// number. A group is addressed through its leader's pidfd, or by its number
// while the unreaped leader pins it; anybody else through a pidfd that was
// compared with what is known of him after it was opened.
#pragma once

#include "os/cgroup.hpp"
#include "os/wait.hpp"

#include <brood/containment.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>

namespace brood::os {

class family {
public:
    family() noexcept = default;
    // `place`: for containment::cgroup, the group that the child was started
    // in.
    family(containment level, std::shared_ptr<cgroup> place) noexcept
        : level_(level), cgroup_(std::move(place))
    {
    }

    containment level() const noexcept { return level_; }

    // Must the leader stay uncollected as long as the family is to be
    // reached?
    bool needs_leader(const child& leader) const noexcept;

    // Sends a signal to all that are there: 0, or errno (ESRCH: nobody is).
    // Pre: the leader is not reaped, unless needs_leader is false.
    int signal(const child& leader, int number) noexcept;

    // Is nobody left alive? Pre: the leader has ended; and as for signal.
    // What cannot be found out counts as empty.
    bool is_empty(const child& leader) noexcept;

    // Gives the cgroup, if there is one, to who sees to its removal.
    std::shared_ptr<cgroup> release_cgroup() noexcept
    {
        return std::move(cgroup_);
    }

private:
    // containment::session: who was seen so far, by pid and start.
    using members = std::map<int, std::uint64_t>;

    bool look(const child& leader);
    int signal_members(const child& leader, int number);

    containment level_ = containment::process;
    std::shared_ptr<cgroup> cgroup_;
    members members_;
    std::set<int> sessions_;
    bool anybody_alive_ = false;
    bool everybody_seen_ = false;
};

}  // namespace brood::os
