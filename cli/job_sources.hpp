// job_sources: the jobs of `brood` itself, of `all` and of `one`.

#pragma once

#include "cli/job.hpp"
#include "cli/options.hpp"

#include <memory>

namespace cli {

// Opens what it reads from. Throws input_error.
std::unique_ptr<job_source> make_job_source(const options& asked);

}  // namespace cli
