// exit_set.hpp: waits for the first of many children to end.
#pragma once

#include "os/wait.hpp"

#include <chrono>

namespace brood::os {

// Wakes a thread that waits for children, by their pidfds. Without pidfds, or
// without a descriptor to spare, it looks at them every now and then.
class exit_set {
public:
    exit_set() noexcept;

    // Returns when a watched child may have ended, after wake(), or after
    // `pause` (negative: none is needed). The pidfd of that child, or -1.
    int wait(std::chrono::milliseconds pause) noexcept;
    // False: the child cannot be watched.
    bool watch(const child& child) noexcept;
    void unwatch(const child& child) noexcept;
    void wake() noexcept;

private:
    descriptor epoll_;
    descriptor wake_;
};

}  // namespace brood::os
