// process_tree: which processes there are, and who descends from whom.
//
// A snapshot of /proc: by the time it is read some have ended and others have
// begun, so who wants an end of all looks again until nobody is found.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

struct tree_process {
    int pid = 0;
    int parent = 0;
    int group = 0;
    // In ticks since boot: with the pid, an identity.
    std::uint64_t start = 0;
    bool alive = false;  // false: a zombie
};

std::vector<tree_process> list_processes();

// Those of `all` that descend from `root`, parents before their children.
std::vector<tree_process> descendants(const std::vector<tree_process>& all,
                                      int root);

// argv; the name in brackets where there is none to be had.
std::vector<std::string> arguments_of(int pid);

// The value of a variable that the process was started with; empty: none, or
// it may not be read.
std::string environment_of(int pid, std::string_view name);

// Its place in the cgroup2 hierarchy; empty: it has none.
std::string cgroup_of(int pid);

// Through a pidfd that is compared after it was opened, so that no stranger
// with a recycled number is met. False: it is gone.
bool signal_process(const tree_process& whom, int signal);

}  // namespace cli
