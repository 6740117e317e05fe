// thread.hpp: a thread of the library's own.
#pragma once

#include <functional>

namespace brood::os {

// Runs `body` on a new thread that nobody joins, with every signal blocked:
// the application's handlers never run on it. False: no thread to be had.
bool start_detached_thread(std::function<void()> body) noexcept;

// Calls these around every fork of the process: before it, and after it in
// the parent and in the copy. For good; there is no way to take it back.
void around_fork(void (*before)(), void (*in_parent)(), void (*in_copy)());

}  // namespace brood::os
