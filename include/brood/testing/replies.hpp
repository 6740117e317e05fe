// testing/replies.hpp: how a scripted command ends, and what it writes.
#pragma once

#include <brood/errors.hpp>
#include <brood/exit_status.hpp>
#include <brood/spawn_step.hpp>

#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood::testing {

/// One reply to a command.
class scripted_reply {
public:
    scripted_reply() {}

    std::string out;
    std::string err;
    exit_status status = exit_status::exited(0);
    bool timed_out = false;
    bool fails = false;
    error_code code;
    spawn_step step = spawn_step::exec;
    // Where it was given as a whole.
    std::optional<spawn_error> failure;
};

/// One or several replies, given in order:
/// `replies().out("first\n").then().err("no\n").code(1)`.
///
/// A reply about which nothing is said is a success without output.
///
/// Errors:  std::invalid_argument for a code or signal that no child has.
/// Threads: a plain value.
class replies {
public:
    replies() : list_(1) {}

    // What the child writes.
    replies& out(std::string bytes) &;
    replies& err(std::string bytes) &;
    /// It exits with this code, 0 to 255.
    replies& code(int number) &;
    /// A signal ends it.
    replies& signaled(int number) &;
    /// run_process() ends it because its time is over; of
    /// create_subprocess(), it runs until it is stopped.
    replies& timed_out() &;
    /// It cannot be started.
    replies&
    fails_to_start(std::errc why = std::errc::no_such_file_or_directory,
                   spawn_step step = spawn_step::exec) &;
    replies& fails_to_start(spawn_error error) &;
    /// What follows is said of the next reply.
    replies& then() &;
    /// The last reply is given any number of times.
    replies& repeated() &;

    // The same setters on a temporary.
    replies out(std::string bytes) &&
    {
        return std::move(out(std::move(bytes)));
    }
    replies err(std::string bytes) &&
    {
        return std::move(err(std::move(bytes)));
    }
    replies code(int number) && { return std::move(code(number)); }
    replies signaled(int number) && { return std::move(signaled(number)); }
    replies timed_out() && { return std::move(timed_out()); }
    replies fails_to_start(std::errc why = std::errc::no_such_file_or_directory,
                           spawn_step step = spawn_step::exec) &&
    {
        return std::move(fails_to_start(why, step));
    }
    replies fails_to_start(spawn_error error) &&
    {
        return std::move(fails_to_start(std::move(error)));
    }
    replies then() && { return std::move(then()); }
    replies repeated() && { return std::move(repeated()); }

    const std::vector<scripted_reply>& list() const noexcept { return list_; }
    bool is_repeated() const noexcept { return repeated_; }

private:
    std::vector<scripted_reply> list_;
    bool repeated_ = false;
};

static_assert(!std::is_aggregate_v<replies>);

}  // namespace brood::testing
