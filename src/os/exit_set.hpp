// exit_set.hpp: waits for the first of many children to end.
#pragma once

#include "os/wait.hpp"

#include <vector>

namespace brood::os {

// Wakes a thread that waits for children, by their pidfds. Without pidfds, or
// without a descriptor to spare, it looks at them every now and then.
class exit_set {
public:
    exit_set() noexcept;

    // Returns when a watched child may have ended, after wake(), or after a
    // pause when `some_unwatched`.
    void wait(bool some_unwatched) noexcept;
    // False: the child cannot be watched.
    bool watch(const child& child) noexcept;
    void unwatch(const child& child) noexcept;
    void wake() noexcept;

private:
    descriptor epoll_;
    descriptor wake_;
};

}  // namespace brood::os
