// terminal_plan.hpp: which streams of a child lead to its terminal, and who
// on our side types and reads.
#pragma once

#include <brood/pty.hpp>

#include <optional>

namespace brood::detail {

struct command_data;

struct terminal_plan {
    std::optional<pty> wanted;  // none: the child gets no terminal from us
    int first = -1;             // the first of the child's streams on it
    bool we_type = false;       // in() is on it
    int shown_at = -1;          // where we read it: 1, 2, or nowhere
};

terminal_plan plan_terminal(const command_data& command) noexcept;

// Throws std::invalid_argument for what can never work.
void check_pty(const command_data& command);

}  // namespace brood::detail
