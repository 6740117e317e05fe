// child_side.hpp: what a child does between its birth and exec.
//
// Runs in memory that it may share with the parent, so it uses raw system
// calls and the plan, and nothing else: no libc, no errno, no allocation, no
// lock, no thread-local storage, no sanitizer.
#pragma once

#include "os/posix/system_call.hpp"
#include "os/spawn.hpp"

namespace brood::os {

// How a child says what went wrong.
struct child_report {
    // Set first. Where the parent sees it, memory is shared, and what else
    // stands here is the whole truth once the parent goes on.
    bool reached = false;
    spawn_step step = spawn_step::none;
    int error = 0;
    int index = 0;  // which of several, as in spawn_failure
};

// What a child needs besides the plan.
struct child_task {
    const spawn_plan* plan;
    child_report* report;  // seen by the parent where memory is shared
    int error_fd;          // for where it is not; -1: it surely is
    // The plan's cgroup is still to be joined: the child was not born in it.
    bool join_cgroup = false;
    int parent = -1;  // our pid, for a parent_death_signal
};

// Carries the plan out. Returns only by exec; on failure it reports and
// leaves with 127.
[[noreturn]] void child_main(const child_task& task) noexcept;

}  // namespace brood::os
