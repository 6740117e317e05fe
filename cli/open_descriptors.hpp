// open_descriptors: what we were started with, beside the standard streams.

#pragma once

#include <vector>

namespace cli {

// Those from 3 on that a child would inherit. To be called before anything is
// opened: later nobody can tell ours from those that we were given.
std::vector<int> open_descriptors();

}  // namespace cli
