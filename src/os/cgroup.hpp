// cgroup.hpp: one control group (version 2), made for one child.
#pragma once

#include "os/posix/descriptor.hpp"

#include <string>

namespace brood::os {

struct cgroup_failure {
    int error = 0;  // 0: nothing failed
    std::string path;
};

class cgroup {
public:
    // Makes a new group below `parent`; empty: below the one that this
    // process is in. Throws nothing but std::bad_alloc.
    cgroup(const std::string& parent, cgroup_failure& failure);
    // Removes it, if it is empty.
    ~cgroup();
    cgroup(const cgroup&) = delete;
    cgroup& operator=(const cgroup&) = delete;

    const std::string& path() const noexcept { return path_; }
    // For CLONE_INTO_CGROUP.
    int directory() const noexcept { return directory_.number(); }

    bool is_empty() const noexcept;
    // 0, or errno (ESRCH: it is empty). SIGKILL reaches everybody at once.
    int signal(int number) const noexcept;
    // With those that were made in it. False: somebody still is in one of
    // them. Nothing to do counts as done.
    bool remove() noexcept;

private:
    std::string path_;
    descriptor directory_;
    // Kept open: they are needed where there may be no descriptor to spare.
    descriptor kill_;
    descriptor events_;
};

}  // namespace brood::os
