// guard: a small process beside the engine, from which all jobs are started
// and which leaves none of them behind.
//
// Engine and guard are both subreapers, and the guard is the engine's child,
// so every descendant of a job stays below the guard whatever it does (a
// double fork, a new session). If the engine dies, the guard sees the end of
// their socket and ends all it has; if the guard dies, all it had becomes the
// engine's. Being small, it also keeps the peak memory of the jobs true: a
// child starts with its parent's peak, and keeps it across exec.

#pragma once

#include "cli/options.hpp"

#include <array>

namespace cli {

// In every job's environment, with a name for the job, behind that of a run
// around ours: who is found without parents is still known by it.
inline constexpr const char* job_variable = "BROOD_JOB";

struct guard_handle {
    int pid = 0;
    int socket = -1;  // the engine's end
};

struct guard_duties {
    unsigned slots = 0;  // so many jobs at once; 0: no limit
    // Descriptors that every job inherits at the same numbers; -1: none.
    std::array<int, 2> passed{-1, -1};
};

// Forks it, and makes this process a subreaper.
//
// Pre:    one thread; little memory in use.
// Errors: std::system_error.
guard_handle start_guard(const options& asked, const guard_duties& duties);

// Ends everything below this process, and collects it: for the engine, when
// the guard was killed. Gives how many there were; -1: some could not be
// ended.
int end_all_descendants();

}  // namespace cli
