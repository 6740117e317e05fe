// pidfd_info.hpp: what the system's table of our descriptors says of a pidfd.
#pragma once

#include <optional>

namespace brood::os {

// The number of the process, as /proc counts them; -1 once it has been
// collected, 0 where it is not to be seen from here. None: this is no pidfd,
// or there is no /proc. (/proc/PID/fdinfo: proc_pid_fdinfo(5), Linux 5.2.)
std::optional<int> pid_in_proc(int pidfd) noexcept;

}  // namespace brood::os
