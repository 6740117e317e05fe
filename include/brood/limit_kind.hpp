// limit_kind.hpp: the resources whose use by a child can be limited.
#pragma once

#include <brood/export.hpp>

#include <cstdint>
#include <string_view>

namespace brood {

/// What command::rlimit limits. Bytes, unless it says otherwise.
///
/// See: getrlimit(2), which has the details of each.
enum class limit_kind {
    address_space,      ///< The memory that it maps.
    core,               ///< The size of a core file; 0: none is written.
    cpu,                ///< Processor time, in seconds; then SIGXCPU.
    data,               ///< Its data and heap.
    file_size,          ///< A file that it writes; then SIGXFSZ.
    locked_memory,      ///< The memory that it locks.
    message_queues,     ///< POSIX message queues of the user.
    nice,               ///< How far it may raise its priority: 20 - nice.
    open_files,         ///< The highest number of a descriptor, plus 1.
    pending_signals,    ///< The number of queued signals of the user.
    processes,          ///< The number of processes and threads of the user.
    realtime_priority,  ///< The highest real-time priority.
    realtime_time,      ///< Microseconds of a real-time task without a pause.
    resident_set,       ///< The resident memory; Linux ignores it.
    stack,              ///< The stack; a quarter of it for the arguments.
};

/// No limit on a resource.
inline constexpr std::uint64_t unlimited_resource = UINT64_MAX;

/// The kind's name, as in the list above: "open_files".
BROOD_API std::string_view to_string(limit_kind kind) noexcept;

}  // namespace brood
