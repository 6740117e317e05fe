// wait.hpp: how a child ends, and signals to it. Nothing here blocks, except
// wait_for_exit, which says so.
//
// A child is always asked about by its own pidfd or pid, never by "any child":
// others in this process may have children too.
#pragma once

#include "os/spawn.hpp"

#include <brood/exit_status.hpp>
#include <brood/resource_usage.hpp>

namespace brood::os {

enum class child_state {
    running,
    ended,  // by itself or by a signal
    lost,   // someone else collects it; what is known all the same is given
};

struct child_end {
    child_state state = child_state::running;
    exit_status status;
    resource_usage usage;
};

// Collects the child if it has ended. After `ended` or `lost` its pid means
// nothing any more.
child_end reap(const child& child) noexcept;

// The same without collecting it: an ended child goes on pinning its pid and
// the id of its group.
child_end peek(const child& child) noexcept;

// True while the child runs; it is not collected.
bool is_running(const child& child) noexcept;

// True until it is collected, and only in the process that started it: until
// then its number is its own.
bool is_our_child(const child& child) noexcept;

// The pid of the process that this code runs in.
int this_process() noexcept;

// Blocks until the child has ended, and leaves it to be reaped.
void wait_for_exit(int pid) noexcept;

// 0, or errno (ESRCH: it is gone). Pre: not reaped, or known by its pidfd.
int send_signal(const child& child, int signal) noexcept;

// The same for the whole process group that the child leads.
int signal_group(const child& child, int signal) noexcept;

// Can the group be signalled through the child's pidfd, also once the child is
// reaped? (Linux 6.9. Not where BROOD_GROUP_SIGNALS is `number`.)
bool signals_group_by_pidfd(const child& child) noexcept;

}  // namespace brood::os
