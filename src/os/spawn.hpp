// spawn.hpp: starts one child from a flat, finished plan.
//
// Knows nothing of commands, loops or streams. Everything that needs memory
// or a look at the system has been done when a plan is complete; what is left
// is a list of system calls.
#pragma once

#include "core/fd_plan.hpp"
#include "os/posix/descriptor.hpp"
#include "os/posix/starter_thread.hpp"

#include <brood/spawn_step.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace brood::os {

// As prlimit(2) takes it, with the number of the resource.
struct resource_limit {
    int resource;
    std::uint64_t values[2];  // soft, hard
};

// Plain pointers and numbers only: the child reads it with nothing but loads.
// What they point to must outlive the call.
struct spawn_plan {
    // The files to try, in order; argv; the environment. Null-terminated.
    const char* const* candidates = nullptr;
    const char* const* argv = nullptr;
    const char* const* envp = nullptr;
    const char* cwd = nullptr;  // null: the parent's

    const core::fd_step* fd_steps = nullptr;
    std::size_t fd_step_count = 0;
    int first_free = 3;  // above every target of fd_steps
    bool close_others = true;

    bool new_session = false;
    int process_group = -1;         // -1: the parent's; 0: a new one
    int umask = -1;                 // -1: the parent's
    int controlling_terminal = -1;  // -1: none; the child's descriptor

    const resource_limit* limits = nullptr;
    std::size_t limit_count = 0;
    int nice = 0;  // added to the parent's
    // A set of bits, as sched_setaffinity(2) takes it; null: the parent's.
    const unsigned long* processors = nullptr;
    std::size_t processor_bytes = 0;
    bool no_new_privileges = false;
    // The kernel's sets of signals: bit n - 1 is signal n.
    std::uint64_t blocked_signals = 0;
    std::uint64_t keep_ignored = 0;  // where the parent ignores them
    int parent_death_signal = 0;     // 0: none

    // The directory of the cgroup to be born in; -1: the parent's.
    int cgroup = -1;

    // A change of identity takes the fork engine: in a child that shares
    // memory it would make the parent non-dumpable and expose it to a
    // process of other privileges.
    bool set_groups = false;
    const std::uint32_t* groups = nullptr;
    std::size_t group_count = 0;
    std::int64_t gid = -1;
    std::int64_t uid = -1;

    // False: do not even ask for a pidfd.
    bool want_pidfd = true;
};

// A running or ended child that has not been reaped yet.
struct child {
    int pid = -1;
    descriptor pidfd;  // not open where the system has none to give
    // Adopted, and not a child of this process: it has a pidfd, and is never
    // collected, nor signalled by its number.
    bool foreign = false;
    // Keeps the thread that started it, where its end would be the child's.
    starter_stay stay = {};
    // What it still uses of our memory; null once it has called exec.
    std::shared_ptr<void> memory = {};
};

struct spawn_failure {
    // None with an error: the child failed and could not say at what.
    spawn_step step = spawn_step::none;
    int error = 0;  // 0: nothing failed
    // Which one of several: of the limits, where one of them was refused.
    int index = 0;
};

// The ways to start a process, best first.
enum class spawn_engine {
    clone,  // clone3: shared memory, pidfd at birth, handlers cleared
    vfork,  // vfork: shared memory where the system really does so
    fork,   // a copy of the parent: costs with its memory
};

// The engine that spawn() will take for a plan without a change of identity.
// The environment variable BROOD_SPAWN_ENGINE, read once, names the best one
// allowed; one that the system refuses is not tried again.
spawn_engine current_engine() noexcept;

// 0, or why this machine has no pidfds for children, as far as that can be
// told without one. Only a refusal counts, not a want of descriptors.
int pidfd_refusal() noexcept;

// Starts `plan` and returns the child. On failure: `failure` says what the
// child itself found, no child exists, and nothing opened here is left open.
// Blocks until the child has called exec or failed. Safe from any thread.
child spawn(const spawn_plan& plan, spawn_failure& failure) noexcept;

// A start that goes on while its caller does something else.
struct spawn_start {
    // As it is, perhaps before exec: it can be killed and collected, and that
    // is all. On failure to begin with: none.
    os::child child;
    // Readable when it is over; not open: it is already.
    descriptor report;
};

// Begins to start `plan`, by clone3, or by clone(2) where that is refused.
// Blocks only where the machine, or what the plan asks for, leaves no other
// way, or BROOD_SPAWN_ENGINE names one; the start is over then. `memory` owns
// the plan and all that it points to, and lives on until the child has left it.
spawn_start begin_spawn(const spawn_plan& plan, std::shared_ptr<void> memory,
                        spawn_failure& failure) noexcept;

// `report` is that of the start; left open. False: it is not over yet. Else
// the child runs, or there is none (it was collected) and `failure` says why.
bool finish_spawn(child& begun, int report, spawn_failure& failure) noexcept;

// What the parent's environ points to.
const char* const* parent_environment() noexcept;

}  // namespace brood::os
