// clone.hpp: the birth of a child that shares our memory until it calls exec.
//
// Own assembly, because the C library's clone is intercepted by
// ThreadSanitizer, which then takes the child for a thread.
#pragma once

#include "os/posix/child_side.hpp"

#include <cstddef>
#include <cstdint>

namespace brood::os {

// Enough for child_main, its callees and nothing else; signals are blocked,
// so no handler's frame is ever put here.
struct child_stack {
    alignas(16) unsigned char bytes[16 * 1024];
};

// False: there is no assembly for this processor.
#if (defined(__x86_64__) && !defined(__ILP32__)) || defined(__aarch64__)
constexpr bool can_clone = true;
#else
constexpr bool can_clone = false;
#endif

// Starts a child at child_main(task) on `stack`, with CLONE_VM and
// CLONE_CLEAR_SIGHAND besides `flags`. Returns its pid, or -errno; `pidfd`, if
// it is not null, gets its pidfd.
//
// Pre: all signals are blocked. `stack`, `task` and what it points to live
// until the child has left our memory, by exec or by its end.
long clone_child(child_stack& stack, std::uint64_t flags,
                 const child_task& task, int* pidfd) noexcept;

// The same with clone(2), for where a filter of system calls does not know
// clone3. The child is not born in its cgroup, and resets the handlers itself.
long clone_child_plainly(child_stack& stack, const child_task& task,
                         int* pidfd) noexcept;

}  // namespace brood::os
