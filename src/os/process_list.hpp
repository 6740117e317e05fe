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
    // False: all of it has ended and nobody has collected it. (A main thread
    // may end before the others.)
    bool alive = false;
};

struct process_list {
    std::vector<process_entry> entries;
    bool readable = true;  // false: there is no /proc
    // False: for want of descriptors or memory, some may be missing.
    bool whole = true;
};

process_list list_processes();

// None: there is no such process, or it cannot be seen; `error` says why.
std::optional<process_entry> look_up_process(int pid, int& error);

}  // namespace brood::os
