// system_call.hpp: the one gate through which layer 1 calls the kernel.
//
// A call returns its result or -errno; nothing here reads or writes errno,
// takes a lock, allocates or touches thread-local storage, so the same gate
// serves the parent and a child that shares the parent's memory.
//
// In builds for testing, every call can be made to fail (fault_injection).
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

// Code that may run in the child: not instrumented, because a sanitizer's
// run-time is the parent's, and it would record accesses of a process that
// it cannot tell from the parent. Nor does it look at the stack protector's
// word: that is in the memory of the thread that started the child, which may
// have ended.
#define BROOD_CHILD_SIDE                                                       \
    __attribute__((no_sanitize("address"), no_sanitize("thread"),              \
                   no_sanitize("undefined"), no_stack_protector))

namespace brood::os {

#if defined(BROOD_FAULT_INJECTION)

// Test-only: makes the n-th system call from now fail with an error.
struct fault_injection {
    // Calls still to let through; negative: injection is off.
    static inline long remaining = -1;
    static inline long error = 0;
    // How often a call was made to fail since the last arm().
    static inline long injected = 0;
    // Children that run beside us are started also while injection is on.
    static inline bool beside = false;

    static void arm(long calls, long with_error) noexcept
    {
        injected = 0;
        error = with_error;
        remaining = calls;
    }
    static void disarm() noexcept { remaining = -1; }

    BROOD_CHILD_SIDE static bool fails(long number) noexcept
    {
        // A call that cannot fail, or whose failure nobody could handle:
        // leaving, closing, reaping and signalling what already exists.
        if (remaining < 0 || number == SYS_exit_group || number == SYS_close ||
            number == SYS_waitid || number == SYS_rt_sigprocmask ||
            number == SYS_rt_sigaction || number == SYS_umask ||
            number == SYS_kill || number == SYS_getpid || number == SYS_getppid)
            return false;
        if (remaining-- > 0)
            return false;
        ++injected;
        return true;
    }
};

#endif

BROOD_CHILD_SIDE inline long raw_system_call(long number, long a, long b,
                                             long c, long d, long e,
                                             long f) noexcept
{
#if defined(__x86_64__) && !defined(__ILP32__)
    // The kernel's own convention: arguments in rdi, rsi, rdx, r10, r8, r9;
    // rcx and r11 are lost; -4095 to -1 is an error (syscall(2)).
    long result;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
                   "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    register long x5 asm("x5") = f;
    asm volatile("svc #0"
                 : "+r"(x0)
                 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                 : "memory");
    return x0;
#else
    // Elsewhere through the C library. It writes errno, which is harmless: a
    // parent whose memory is shared is suspended then, as no child runs beside
    // it without assembly, and it reads no errno of before.
    const long result = ::syscall(number, a, b, c, d, e, f);
    return result == -1 ? -static_cast<long>(errno) : result;
#endif
}

namespace registers {

template <class T>
BROOD_CHILD_SIDE inline long to_register(T* pointer) noexcept
{
    return reinterpret_cast<long>(pointer);
}
BROOD_CHILD_SIDE inline long to_register(std::nullptr_t) noexcept
{
    return 0;
}
template <class T>
BROOD_CHILD_SIDE inline long to_register(T number) noexcept
{
    return static_cast<long>(number);
}

}  // namespace registers

// Makes one system call: its result, or -errno.
template <class... Arguments>
    requires(sizeof...(Arguments) <= 6)
BROOD_CHILD_SIDE inline long system_call(long number,
                                         Arguments... arguments) noexcept
{
#if defined(BROOD_FAULT_INJECTION)
    if (fault_injection::fails(number))
        return -fault_injection::error;
#endif
    long each[6] = {};
    int count = 0;
    ((each[count++] = registers::to_register(arguments)), ...);
    return raw_system_call(number, each[0], each[1], each[2], each[3], each[4],
                           each[5]);
}

}  // namespace brood::os
