// display: what a person sees of a run while it goes on.

#pragma once

#include "cli/options.hpp"
#include "cli/run_events.hpp"

#include <memory>

namespace cli {

// The one that fits the options and the standard error: with a status line
// and the oldest jobs on a terminal, a line now and then elsewhere; null for
// none at all (-q, --progress none).
std::shared_ptr<run_listener> make_display(const options& asked);

}  // namespace cli
