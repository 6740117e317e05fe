// mount_info.hpp: what /proc/self/mountinfo says (proc_pid_mountinfo(5)).
#pragma once

#include <string>
#include <string_view>

namespace brood::os {

// Where the root of the cgroup2 hierarchy is mounted, by the text of that
// file; empty: nowhere. A mount of a part of it is of no use: the path of a
// process is told from the root.
std::string cgroup2_mount_point(std::string_view mountinfo);

}  // namespace brood::os
