// pidfd_info.hpp: what the system's table of our descriptors says of a pidfd.
#pragma once

namespace brood::os {

struct pid_in_proc {
    // As /proc counts them; -1 once the process has been collected, 0 where
    // it is not to be seen from here.
    int pid = -1;
    int error = 0;  // EINVAL: this is no pidfd
};

// Looks into /proc/self/fdinfo (proc_pid_fdinfo(5), Linux 5.2).
pid_in_proc find_pid_in_proc(int pidfd) noexcept;

}  // namespace brood::os
