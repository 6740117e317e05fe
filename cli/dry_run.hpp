// dry_run: the commands of a run, printed instead of executed.

#pragma once

#include "cli/job.hpp"

#include <memory>

namespace cli {

// To the standard output, a line for each, in order. Gives the exit code: 0,
// or 125 for an input that cannot be read or an output that cannot be
// written.
int dry_run(std::unique_ptr<job_source> source);

}  // namespace cli
