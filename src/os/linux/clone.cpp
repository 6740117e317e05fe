// clone.cpp: see clone.hpp.
#include "os/linux/clone.hpp"

#include <linux/sched.h>
#include <sched.h>

#include <csignal>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL  // linux/sched.h, Linux 5.7
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL  // linux/sched.h, Linux 5.5
#endif

namespace brood::os {

namespace {

// Makes the call `number`, a kind of clone, and in the child, which has a
// stack of its own then, calls child_main(*task).
BROOD_CHILD_SIDE __attribute__((noinline)) long
clone_call(long number, long first, long second, long third,
           const child_task* task) noexcept
{
#if defined(BROOD_FAULT_INJECTION)
    if (fault_injection::fails(number))
        return -fault_injection::error;
#endif
#if defined(__x86_64__) && !defined(__ILP32__)
    long result = number;
    register auto function asm("r8") = &child_main;
    register auto argument asm("r9") = task;
    asm volatile("syscall\n\t"
                 "test %%rax, %%rax\n\t"
                 "jnz 1f\n\t"
                 "xor %%ebp, %%ebp\n\t"  // the end of the chain of frames
                 "mov %%r9, %%rdi\n\t"
                 "call *%%r8\n\t"  // the stack is 16-byte aligned before it
                 "hlt\n"
                 "1:"
                 : "+a"(result)
                 : "D"(first), "S"(second), "d"(third), "r"(function),
                   "r"(argument)
                 : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = first;
    register long x1 asm("x1") = second;
    register long x2 asm("x2") = third;
    register auto function asm("x9") = &child_main;
    register auto argument asm("x10") = task;
    asm volatile("svc #0\n\t"
                 "cbnz x0, 1f\n\t"
                 "mov x29, xzr\n\t"  // the end of the chain of frames
                 "mov x30, xzr\n\t"
                 "mov x0, x10\n\t"
                 "blr x9\n\t"
                 "brk #0\n"
                 "1:"
                 : "+r"(x0)
                 : "r"(x8), "r"(x1), "r"(x2), "r"(function), "r"(argument)
                 : "memory");
    return x0;
#else
    static_cast<void>(first), static_cast<void>(second);
    static_cast<void>(third), static_cast<void>(task);
    return -ENOSYS;
#endif
}

}  // namespace

long clone_child(child_stack& stack, std::uint64_t flags,
                 const child_task& task, int* pidfd) noexcept
{
    clone_args arguments{};
    arguments.flags = CLONE_VM | CLONE_CLEAR_SIGHAND | flags;
    if (pidfd) {
        arguments.flags |= CLONE_PIDFD;
        arguments.pidfd = reinterpret_cast<std::uintptr_t>(pidfd);
    }
    if (task.plan->cgroup >= 0 && !task.join_cgroup) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<unsigned>(task.plan->cgroup);
    }
    arguments.exit_signal = SIGCHLD;
    arguments.stack = reinterpret_cast<std::uintptr_t>(stack.bytes);
    arguments.stack_size = sizeof stack.bytes;
    return clone_call(SYS_clone3, reinterpret_cast<long>(&arguments),
                      sizeof arguments, 0, &task);
}

long clone_child_plainly(child_stack& stack, const child_task& task,
                         int* pidfd) noexcept
{
    const long flags = CLONE_VM | SIGCHLD | (pidfd ? long{CLONE_PIDFD} : 0);
    return clone_call(SYS_clone, flags,
                      reinterpret_cast<long>(stack.bytes + sizeof stack.bytes),
                      reinterpret_cast<long>(pidfd), &task);
}

}  // namespace brood::os
