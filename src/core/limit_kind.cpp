// limit_kind.cpp: the kinds' names.
#include <brood/limit_kind.hpp>

namespace brood {

std::string_view to_string(limit_kind kind) noexcept
{
    switch (kind) {
    case limit_kind::address_space: return "address_space";
    case limit_kind::core: return "core";
    case limit_kind::cpu: return "cpu";
    case limit_kind::data: return "data";
    case limit_kind::file_size: return "file_size";
    case limit_kind::locked_memory: return "locked_memory";
    case limit_kind::message_queues: return "message_queues";
    case limit_kind::nice: return "nice";
    case limit_kind::open_files: return "open_files";
    case limit_kind::pending_signals: return "pending_signals";
    case limit_kind::processes: return "processes";
    case limit_kind::realtime_priority: return "realtime_priority";
    case limit_kind::realtime_time: return "realtime_time";
    case limit_kind::resident_set: return "resident_set";
    case limit_kind::stack: return "stack";
    }
    return "unknown";
}

}  // namespace brood
