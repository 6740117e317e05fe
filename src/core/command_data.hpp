// command_data.hpp: what a command holds, for the code that carries it out.
#pragma once

#include "core/attribute_data.hpp"
#include "core/terminal_plan.hpp"

#include <brood/command.hpp>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace brood::detail {

// One step of a recipe for an environment, applied in order.
struct environment_change {
    enum class kind { set, unset, clear };
    kind what;
    std::string name;
    std::string value;
};

// A user or group, by number or by name.
using identity = std::variant<std::int64_t, std::string>;

struct command_data {
    std::vector<std::string> arguments;
    bool is_shell = false;

    std::optional<redirection> in;
    std::optional<redirection> out;
    std::optional<redirection> err;
    // A list, not a map: a number given twice is reported, not overwritten.
    std::vector<std::pair<int, redirection>> child_fds;
    std::size_t limit = 64 * 1024;  // asyncio's default
    std::optional<std::size_t> pipe_size;
    std::chrono::nanoseconds drain = unlimited;

    std::optional<std::string> cwd;
    std::optional<std::string> executable;
    std::vector<environment_change> environment;

    std::vector<int> pass_fds;
    bool close_fds = true;
    bool new_session = false;
    std::optional<int> process_group;

    std::optional<identity> user;
    std::optional<identity> group;
    std::optional<std::vector<std::int64_t>> extra_groups;
    std::optional<int> umask;
    attribute_data attributes;

    brood::on_drop on_drop = brood::on_drop::kill;
};

// Throws std::invalid_argument for what can never work, on any system.
void check(const command_data& command);

}  // namespace brood::detail
