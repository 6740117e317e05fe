// attributes.cpp: see attributes.hpp.
#include "os/attributes.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <climits>

namespace brood::os {

static_assert(unlimited_resource == RLIM_INFINITY || sizeof(rlim_t) < 8,
              "prlimit64(2) has all bits set for no limit");

int resource_number(limit_kind kind) noexcept
{
    switch (kind) {
    case limit_kind::address_space: return RLIMIT_AS;
    case limit_kind::core: return RLIMIT_CORE;
    case limit_kind::cpu: return RLIMIT_CPU;
    case limit_kind::data: return RLIMIT_DATA;
    case limit_kind::file_size: return RLIMIT_FSIZE;
    case limit_kind::locked_memory: return RLIMIT_MEMLOCK;
    case limit_kind::message_queues: return RLIMIT_MSGQUEUE;
    case limit_kind::nice: return RLIMIT_NICE;
    case limit_kind::open_files: return RLIMIT_NOFILE;
    case limit_kind::pending_signals: return RLIMIT_SIGPENDING;
    case limit_kind::processes: return RLIMIT_NPROC;
    case limit_kind::realtime_priority: return RLIMIT_RTPRIO;
    case limit_kind::realtime_time: return RLIMIT_RTTIME;
    case limit_kind::resident_set: return RLIMIT_RSS;
    case limit_kind::stack: return RLIMIT_STACK;
    }
    return -1;
}

std::vector<unsigned long> processor_set(const std::vector<int>& processors)
{
    constexpr std::size_t bits = sizeof(unsigned long) * CHAR_BIT;
    std::vector<unsigned long> set;
    for (const int each : processors) {
        const auto number = static_cast<std::size_t>(each);
        set.resize(std::max(set.size(), number / bits + 1));
        set[number / bits] |= 1UL << (number % bits);
    }
    return set;
}

std::uint64_t signal_set(const std::vector<int>& signals) noexcept
{
    std::uint64_t set = 0;
    for (const int each : signals)
        set |= std::uint64_t{1} << (each - 1);
    return set;
}

}  // namespace brood::os
