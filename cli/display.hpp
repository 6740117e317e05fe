// display: what a person sees of a run while it goes on.

#pragma once

#include "cli/options.hpp"
#include "cli/run_events.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace cli {

// The one that fits the options and the standard error: a status line and the
// oldest jobs on a terminal; elsewhere a line now and then, and one for each
// failure; with -q or --progress none, nothing but the list that SIGUSR1 asks
// for.
std::shared_ptr<run_listener> make_display(const options& asked);

enum class display_kind { none, plain, full };

struct display_setup {
    display_kind kind = display_kind::none;
    int verbosity = 0;  // 1: a line for each job that has ended
    bool color = false;
    bool utf8 = true;
    int fd = 2;
    std::function<std::chrono::steady_clock::time_point()> now = [] {
        return std::chrono::steady_clock::now();
    };
};

// What the options come to in this environment.
display_setup display_setup_of(const options& asked);

std::shared_ptr<run_listener> make_display(display_setup setup);

}  // namespace cli
