// spawn_step.hpp: the step of starting a child at which something failed.
#pragma once

#include <brood/export.hpp>

#include <string_view>

namespace brood {

/// What brood was doing when a child could not be started.
enum class spawn_step {
    none,          ///< Nothing failed; in a spawn_error: it is not known what.
    look_up,       ///< Looking up a user or group by its name.
    open,          ///< Opening a file, or checking a descriptor it was given.
    pipe,          ///< Making a pipe, or watching one.
    start,         ///< Making the new process: clone, vfork or fork.
    dup2,          ///< Putting a descriptor in its place.
    chdir,         ///< Changing to the working directory.
    cgroup,        ///< Making a cgroup, or starting the child in it.
    setsid,        ///< Starting a new session.
    setpgid,       ///< Joining or leading a process group.
    terminal,      ///< Taking the controlling terminal.
    rlimit,        ///< Limiting a resource.
    nice,          ///< Changing the priority.
    affinity,      ///< Choosing the processors.
    setgroups,     ///< Setting the supplementary groups.
    setgid,        ///< Changing the group.
    setuid,        ///< Changing the user.
    privileges,    ///< Giving up new privileges.
    parent_death,  ///< Asking for the signal at the parent's end.
    close,         ///< Closing the other descriptors.
    exec,          ///< Running the program.
};

/// The step's name, as in the list above: "chdir".
BROOD_API std::string_view to_string(spawn_step step) noexcept;

}  // namespace brood
