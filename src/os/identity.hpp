// identity.hpp: users and groups by name or number.
//
// Reads the system's user database, which may block (files, or a directory
// service); a command that changes no identity never comes here.
#pragma once

#include "core/command_data.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brood::os {

// What a child's identity becomes; -1 and nothing: stays the parent's.
struct resolved_identity {
    std::int64_t uid = -1;
    std::int64_t gid = -1;
    std::optional<std::vector<std::uint32_t>> groups;
};

struct identity_failure {
    int error = 0;     // ENOENT: no such user or group
    std::string name;  // who was looked for
};

// Resolves what `command` asks for. A user other than the current one brings
// its own groups along, unless the command names some: a child that kept the
// parent's groups would have given up less than it seems.
resolved_identity resolve_identity(const detail::command_data& command,
                                   identity_failure& failure);

}  // namespace brood::os
