// process_list.hpp: the processes there are, as the system lists them.
//
// A snapshot: by the time it is read, some have ended and others have begun.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace brood::os {

struct process_entry {
    int pid = -1;
    int parent = -1;
    int group = -1;
    int session = -1;
    // When it was started, in ticks since boot: with the pid, an identity.
    std::uint64_t start = 0;
    // False: it has ended and nobody has collected it.
    bool alive = false;
};

// None: the list cannot be read (no /proc here).
std::optional<std::vector<process_entry>> list_processes();

// None: there is no such process, or it cannot be seen.
std::optional<process_entry> look_up_process(int pid);

}  // namespace brood::os
