// testing/scripted_launcher.hpp: a launcher that only says what it was told
// to.
#pragma once

#include <brood/launcher.hpp>
#include <brood/testing/matcher.hpp>
#include <brood/testing/replies.hpp>

#include <cstddef>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <vector>

namespace brood::testing {

/// A command came for which a scripted_launcher has no reply. what() holds it
/// and what was expected instead.
class unexpected_command : public std::logic_error {
public:
    unexpected_command(command what, const std::string& message);
    ~unexpected_command() override;

    const command& what_came() const noexcept { return *what_; }

private:
    std::shared_ptr<const command> what_;
};

/// A launcher for tests: gives the replies it was told, and keeps what it was
/// asked for.
///
/// run_process() and check_output() start nothing. Of the command's settings
/// they heed where out and err lead: what is not captured is not in the
/// result. Limits and times do nothing, tees and observers get nothing. Each
/// command of a pipeline is asked for by itself, from the first to the last.
///
/// create_subprocess() starts a small real child in the program's place, so
/// that there is a real process with real streams: it writes the reply's
/// output, reads its standard input to the end if that is a pipe, and ends as
/// the reply says. It has the command's streams and stop settings, but
/// neither its directory, environment nor user.
///
/// Threads: one at a time.
class scripted_launcher final : public launcher {
public:
    scripted_launcher();
    ~scripted_launcher() override;

    /// Gives these replies to commands that `which` says yes to. Where
    /// several do, the first that has a reply left gives it.
    scripted_launcher& on(matcher which, replies with = replies());

    /// The commands that came, in order; also those that met no reply.
    const std::vector<command>& calls() const noexcept { return calls_; }
    /// The replies that were never asked for, each in words.
    [[nodiscard]] std::vector<std::string> unused() const;

    /// Errors: of each: unexpected_command; the reply's spawn_error.
    [[nodiscard]] awaitable<process> create_subprocess(
        command what,
        std::source_location where = std::source_location::current()) override;
    [[nodiscard]] awaitable<completed_process> run_process(
        command what,
        std::source_location where = std::source_location::current()) override;
    [[nodiscard]] awaitable<completed_pipeline> run_process(
        pipeline what,
        std::source_location where = std::source_location::current()) override;

private:
    class expectation;

    scripted_reply take(const command& what);
    completed_process run(const command& what);

    std::vector<expectation> expected_;
    std::vector<command> calls_;
};

}  // namespace brood::testing
