// command_data.hpp: what a command holds, for the code that carries it out.
#pragma once

#include "core/attribute_data.hpp"
#include "core/terminal_plan.hpp"

#include <brood/command.hpp>
#include <brood/containment.hpp>
#include <brood/stop_sequence.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace brood::detail {

// One step of a recipe for an environment, applied in order.
struct environment_change {
    enum class kind { set, unset, clear };
    kind what;
    std::string name;
    std::string value;
    bool redacted = false;
};

// A user or group, by number or by name.
using identity = std::variant<std::int64_t, std::string>;

// What only a run from start to finish can carry out.
struct run_settings {
    // Shared by the copies of a command: it may be large. Null: none is set.
    std::shared_ptr<const std::string> input;
    std::chrono::nanoseconds timeout = unlimited;
    std::chrono::nanoseconds idle_timeout = unlimited;
    std::size_t output_limit = unlimited_bytes;
    std::size_t capture_limit = 64 * 1024 * 1024;
    keep kept = keep::head;
    std::vector<tee> tees_of_out;
    std::vector<tee> tees_of_err;
    // The setter that was used last; empty: none was.
    std::string_view last_set;
};

struct command_data {
    std::vector<std::string> arguments;
    std::vector<std::size_t> redacted;  // places among the arguments
    bool is_shell = false;

    std::optional<redirection> in;
    std::optional<redirection> out;
    std::optional<redirection> err;
    // A list, not a map: a number given twice is reported, not overwritten.
    std::vector<std::pair<int, redirection>> child_fds;
    std::size_t limit = 64 * 1024;  // asyncio's default
    std::optional<std::size_t> pipe_size;
    std::optional<std::chrono::nanoseconds> drain;

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

    std::optional<brood::containment> containment;
    std::string cgroup_parent;  // empty: the cgroup that we are in
    stop_sequence stop = stop_sequence::standard();
    brood::on_drop on_drop = brood::on_drop::kill;
    std::shared_ptr<brood::observer> observer;  // null: nobody

    run_settings run;
};

// Whom the command holds together: as it says, or as it follows from the
// group or session that it asks for.
containment containment_of(const command_data& command) noexcept;

// Whether the child leads a process group of its own, and a session.
bool makes_group(const command_data& command) noexcept;
bool makes_session(const command_data& command) noexcept;

// Throws std::invalid_argument for what can never work, on any system. A
// command with run_settings is refused: who can carry them out checks them
// and takes them off first.
void check(const command_data& command);
void check_run(const run_settings& run);

}  // namespace brood::detail
