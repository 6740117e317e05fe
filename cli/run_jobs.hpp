// run_jobs: runs all the jobs of a source, and leaves nothing running.
//
// To be called while the process is small and has one thread: it forks the
// guard, from which all the jobs are started (see guard.hpp), so that the
// peak memory of a job is its own and not ours.

#pragma once

#include "cli/job.hpp"
#include "cli/options.hpp"
#include "cli/run_events.hpp"

#include <memory>
#include <vector>

namespace cli {

using run_listeners = std::vector<std::shared_ptr<run_listener>>;

// Gives the exit code. Prints what went wrong itself. `one` is a run of one
// job whose source gives exactly one.
int run_jobs(const options& asked, std::unique_ptr<job_source> source,
             const run_listeners& listeners = {});

}  // namespace cli
