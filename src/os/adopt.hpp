// adopt.hpp: finds a process that somebody else has started.
#pragma once

#include "os/spawn.hpp"

namespace brood::os {

struct found_process {
    child process;
    int error = 0;
};

// By its number. A child of ours has a pidfd only if one is wanted and to be
// had; any other has one, or is an error. ESRCH: there is no such process;
// EDEADLK: it is this one.
found_process find_process(int pid, bool want_pidfd) noexcept;

// By a pidfd, which is duplicated. EBADF: not open; EINVAL: no pidfd; EDEADLK:
// this process. The pid is -1 where the process was collected before.
found_process find_by_pidfd(int pidfd) noexcept;

}  // namespace brood::os
