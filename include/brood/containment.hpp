// containment.hpp: how much of what a child brings into the world is held
// together, to be stopped with it.
#pragma once

namespace brood {

/// Who is stopped when a child is stopped. Each level names what escapes it.
enum class containment {
    /// The child alone. Everything that it starts escapes.
    process,
    /// The process group that the child leads. What escapes is whatever makes
    /// a group or session of its own: daemons, jobs of an interactive shell.
    group,
    /// The session that the child leads, and every descendant that can be
    /// found by its parents when the stop begins, also in a session of its
    /// own. What escapes is a process that had made a session of its own
    /// *and* whose parent was gone by then (a daemon that forked twice).
    session,
    /// A cgroup (version 2) made for the child. Nothing escapes that has not
    /// the right to move itself to another cgroup. Needs write access to the
    /// parent cgroup: command::cgroup_parent.
    cgroup,
};

}  // namespace brood
