// attribute_data.hpp: what a child is given besides its streams, its place
// and its identity: limits, priority, processors, signals, a terminal.
#pragma once

#include <brood/limit_kind.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brood::detail {

struct command_data;

struct resource_limit {
    limit_kind what;
    std::uint64_t soft;
    std::uint64_t hard;
};

struct attribute_data {
    std::vector<resource_limit> limits;  // each kind once
    std::optional<int> nice;             // relative to the parent's
    std::optional<std::vector<int>> affinity;
    bool no_new_privileges = false;
    std::vector<int> signal_mask;  // blocked in the child
    bool keep_all_ignored = false;
    std::vector<int> keep_ignored;
    std::optional<int> controlling_terminal;  // the child's descriptor
    std::optional<int> parent_death_signal;
};

// Throws std::invalid_argument for what can never work, on any system.
void check_attributes(const command_data& command);

// The programs that would set the same, to stand before a command in a
// shell: "nice -n 5 taskset -c 0,1 ".
std::string attribute_text(const attribute_data& attributes);

}  // namespace brood::detail
