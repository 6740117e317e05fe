// proc_stat.hpp: what /proc/<pid>/stat says of one process
// (proc_pid_stat(5)). Allocates nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace brood::os {

struct proc_stat {
    char state = '\0';
    int parent = -1;
    int group = -1;
    int session = -1;
    int threads = 0;
    std::uint64_t start = 0;  // in ticks since boot
    // As waitpid(2) gives it; 0 also to those who have no right to know. None:
    // the kernel is older than Linux 3.5.
    std::optional<int> wait_status;
};

// None: not such a line.
std::optional<proc_stat> parse_proc_stat(std::string_view line) noexcept;

// None: there is no such process, or it cannot be seen; `error` says why.
std::optional<proc_stat> read_proc_stat(int pid, int& error) noexcept;

}  // namespace brood::os
