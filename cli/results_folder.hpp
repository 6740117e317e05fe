// results_folder: the files of --results, in GNU parallel's layout:
// DIR/1/<value>[/2/<value>...]/{seq,stdout,stderr}.

#pragma once

#include "cli/job.hpp"

#include <array>
#include <string>

namespace cli {

// The folder of a job below `root`, with a slash at its end.
std::string results_path(const std::string& root, const job& of);

// Makes the folder and the files; the descriptors for the standard output and
// error, open for writing. Throws std::system_error that names the path.
std::array<int, 2> open_results_files(const std::string& root, const job& of);

}  // namespace cli
