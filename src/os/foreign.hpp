// foreign.hpp: a process that is not a child of ours, known by its pidfd.
//
// It cannot be waited for in the usual way, and must not be collected. Its
// number alone would mean nothing: it is its parent that decides how long the
// number stays its own.
#pragma once

#include "os/spawn.hpp"

#include <brood/exit_status.hpp>

#include <optional>

namespace brood::os {

// Pre, for both: `child` is foreign.

// True once all of it has ended, also while its parent has not collected it.
bool has_ended(const child& child) noexcept;

// How it ended, as long as its parent has not collected it, and this process
// has the right to know; afterwards the pidfd itself tells, on a system that
// can. None: not known from here.
std::optional<exit_status> uncollected_status(const child& child) noexcept;

}  // namespace brood::os
