// refused_calls.hpp: makes system calls of this process fail, for good.
//
// A filter of the kernel (seccomp(2)), as a container has one: it holds for
// every thread made later and every child, and cannot be taken off. Only for
// a copy of the test process. Linux on x86-64 and 64-bit Arm.
#pragma once

#include "in_a_copy.hpp"

#include <cstddef>
#include <cstdint>

#include <vector>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace brood_test {

// One system call, and what becomes of it.
struct refused_call {
    long number;
    int error;  // its errno; deadly: the whole process dies of SIGSYS
    // Always, where `bits` is 0; else only if argument `argument` has one of
    // `bits`, or if it has none of them.
    unsigned argument = 0;
    std::uint32_t bits = 0;
    enum class condition { has_bits, has_none } when = condition::has_bits;
};

inline constexpr int deadly = -1;

namespace refused_calls_detail {

inline std::uint32_t low_half_of(unsigned argument)
{
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) +
                                      argument * sizeof(std::uint64_t));
}

inline std::uint32_t answer(int error)
{
    if (error == deadly)
        return SECCOMP_RET_KILL_PROCESS;
    return SECCOMP_RET_ERRNO |
           (static_cast<std::uint32_t>(error) & SECCOMP_RET_DATA);
}

inline sock_filter load(std::size_t offset)
{
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                    static_cast<std::uint32_t>(offset));
}

}  // namespace refused_calls_detail

// Throws cannot_be_tested where the kernel takes no filter.
inline void refuse(const std::vector<refused_call>& calls)
{
#if !defined(__x86_64__) && !defined(__aarch64__)
    static_cast<void>(calls);
    throw cannot_be_tested("no filter for this processor");
#else
    using namespace refused_calls_detail;
    std::vector<sock_filter> program;
    for (const auto& call : calls) {
        program.push_back(load(offsetof(seccomp_data, nr)));
        const auto number = static_cast<std::uint32_t>(call.number);
        if (call.bits == 0) {
            program.push_back(
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
        } else {
            program.push_back(
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3));
            program.push_back(load(low_half_of(call.argument)));
            if (call.when == refused_call::condition::has_bits)
                program.push_back(
                    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, call.bits, 0, 1));
            else
                program.push_back(
                    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, call.bits, 1, 0));
        }
        program.push_back(BPF_STMT(BPF_RET | BPF_K, answer(call.error)));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    sock_fprog filter{static_cast<unsigned short>(program.size()),
                      program.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        throw cannot_be_tested(std::string("no system call filter: ") +
                               std::strerror(errno));
#endif
}

// What makes the vfork engine fail.
inline refused_call refused_vfork(int error)
{
#if defined(SYS_vfork)
    return refused_call{SYS_vfork, error};
#else
    constexpr std::uint32_t clone_vfork = 0x4000;  // linux/sched.h
    return refused_call{SYS_clone, error, 0, clone_vfork};
#endif
}

}  // namespace brood_test
