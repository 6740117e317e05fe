// record_listeners: --report, --joblog and --summary as listeners of a run,
// and --resume as a filter of its jobs.

#pragma once

#include "cli/job.hpp"
#include "cli/options.hpp"
#include "cli/run_events.hpp"

#include <memory>
#include <vector>

namespace cli {

// Opens the files; throws program_error for one that cannot be written.
std::vector<std::shared_ptr<run_listener>>
record_listeners(const record_options& asked);

// `jobs` without those that asked.resume_from holds as done; `jobs` itself if
// nothing is to be resumed. A job whose command has changed since is not done;
// the first such job is told on stderr. Reads the file at once, and so before
// record_listeners() opens it to write on: call it first. Throws program_error
// for a file that cannot be read; one that does not exist holds nothing.
std::unique_ptr<job_source> without_done_jobs(std::unique_ptr<job_source> jobs,
                                              const record_options& asked);

}  // namespace cli
