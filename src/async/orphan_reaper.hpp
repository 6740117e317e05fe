// orphan_reaper.hpp: collects the children that nobody waits for any more.
//
// A dropped handle must neither block nor leave a zombie, so its child comes
// here. One thread of the process, started when there is something to do and
// ending when there is not. Safe across fork: the copy in a forked process
// forgets children that are not its own.
#pragma once

#include "os/cgroup.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <list>
#include <memory>
#include <optional>

namespace brood::detail {

struct orphan {
    os::child child;
    const void* owner = nullptr;
    bool watched = false;
    // To be removed once it is empty; null: none.
    std::shared_ptr<os::cgroup> cgroup;
    // When its child had been collected; none: not yet.
    std::optional<std::chrono::steady_clock::time_point> collected;
};

// Room for one orphan. Made together with the child, because giving it away
// must not fail for want of memory.
using orphan_place = std::list<orphan>;
orphan_place reserve_orphan();

// Takes over a child that has not been collected, or only the cgroup of one
// that has. `owner` is what wait_for_orphans asks for; null: nobody will ask.
// Pre: `place` is from reserve_orphan() and was not used before.
void adopt_orphan(orphan_place place, os::child child,
                  std::shared_ptr<os::cgroup> cgroup,
                  const void* owner) noexcept;

// Blocks until every orphan of `owner` has been collected, or the time is up.
// True: none is left.
bool wait_for_orphans(const void* owner, std::chrono::milliseconds limit);

}  // namespace brood::detail
