// command.hpp: what to run. A value: copy it, keep it, print it.
//
// It only describes. Nothing is checked against the system, opened or started
// before a verb (create_subprocess, spawn_process) takes the command; a
// setting that can never work is reported there, before a child exists.
#pragma once

#include <brood/capture.hpp>
#include <brood/containment.hpp>
#include <brood/detail/argument.hpp>
#include <brood/detail/text_argument.hpp>
#include <brood/export.hpp>
#include <brood/limit_kind.hpp>
#include <brood/redacted.hpp>
#include <brood/redirection.hpp>
#include <brood/stop_sequence.hpp>
#include <brood/tee.hpp>
#include <brood/unlimited.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood {

class command;
class observer;

namespace detail {
struct command_data;
struct run_settings;

// A command of which the texts do not show these arguments.
BROOD_API command exec_redacted(std::vector<std::string> arguments,
                                std::vector<std::size_t> hidden);
}  // namespace detail

/// What becomes of a child that still runs when its handle is dropped.
enum class on_drop {
    kill,    ///< It is killed, with its group if it leads one, and reaped.
    detach,  ///< It runs on; brood still reaps it when it ends.
};

/// What to_string shows of a command.
enum class show_environment {
    no,      ///< Nothing of the environment.
    names,   ///< The variables that were set, their values left out.
    values,  ///< Everything, so that the line can be run as it is.
};

/// What to run: a program, its arguments, and how its process is set up.
///
/// Made by exec() or shell() and refined by chained setters. On a temporary
/// each setter returns the command by value, on a variable by reference, so
/// `auto c = exec("ls").out(piped)` never dangles.
///
/// Errors:  the verb that takes the command throws std::invalid_argument for
///          settings that can never work (a NUL byte, `=` in the name of a
///          variable, a limit of 0, a descriptor given twice); nothing has
///          been started then.
/// Threads: a plain value.
/// See:     asyncio's create_subprocess_exec, subprocess.Popen.
class command {
    using text = detail::text_argument;

public:
    BROOD_API command(const command& other);
    BROOD_API command(command&& other) noexcept;
    BROOD_API command& operator=(const command& other);
    BROOD_API command& operator=(command&& other) noexcept;
    BROOD_API ~command();

    // Where the standard streams lead. Unset, the verb that runs the command
    // decides: create_subprocess inherits.
    BROOD_API command& in(redirection to) &;
    BROOD_API command& out(redirection to) &;
    BROOD_API command& err(redirection to) &;
    /// A further descriptor of the child, above 2: piped_in, piped_out,
    /// devnull, file() or from_fd().
    BROOD_API command& child_fd(int number, redirection to) &;
    /// How many bytes a line may have before readline() and readuntil()
    /// give up. Default: 64 KiB.
    BROOD_API command& limit(std::size_t bytes) &;
    /// Each pipe's capacity, for good. Default: 64 KiB, 1 MiB once busy.
    BROOD_API command& pipe_size(std::size_t bytes) &;
    /// How long to wait for the end of the output once the child is gone and
    /// a descendant keeps a pipe open. Default: unlimited in communicate(),
    /// 250 ms in run_process().
    BROOD_API command& drain(std::chrono::nanoseconds time) &;

    /// The child's working directory. A program given with a slash is
    /// relative to it.
    BROOD_API command& cwd(text path) &;
    /// Runs this file instead, while the child still sees argv[0].
    BROOD_API command& executable(text path) &;
    /// Sets a variable on top of the parent's environment.
    BROOD_API command& env(text name, text value) &;
    /// The same with a value that no text shows.
    BROOD_API command& env(text name, redacted value) &;
    BROOD_API command& unset_env(text name) &;
    /// Starts from an empty environment instead of the parent's.
    BROOD_API command& clear_env() &;
    /// Sets many variables: any range of {name, value} pairs.
    template <std::ranges::input_range Variables>
    command& env(Variables&& variables) &
    {
        for (auto&& [name, value] : variables)
            env(text(name), text(value));
        return *this;
    }

    /// Keeps this descriptor of the parent open, at the same number.
    BROOD_API command& pass_fd(int descriptor) &;
    /// false: the child inherits what is not close-on-exec. Default: true,
    /// every descriptor above 2 that was not asked for is closed.
    BROOD_API command& close_fds(bool close) &;
    /// The child leads a new session (setsid), and so a new group.
    BROOD_API command& new_session() &;
    /// The child joins this process group; 0: it leads a new one.
    BROOD_API command& process_group(int group = 0) &;

    /// The child's user. Unless group() or extra_groups() say otherwise, its
    /// groups become that user's own, so that none of the parent's remain.
    BROOD_API command& user(text name) &;
    BROOD_API command& user(std::int64_t id) &;
    BROOD_API command& group(text name) &;
    BROOD_API command& group(std::int64_t id) &;
    /// The child's supplementary groups, exactly these; empty: none.
    BROOD_API command& extra_groups(std::vector<std::int64_t> ids) &;
    BROOD_API command& umask(int mask) &;

    /// Limits what the child may use; unlimited_resource: no limit. Without
    /// `hard` both limits are `soft`. Raising the hard one takes privileges.
    BROOD_API command& rlimit(limit_kind what, std::uint64_t soft,
                              std::optional<std::uint64_t> hard = {}) &;
    /// Adds to the parent's niceness, as nice(1) does. Below 0: more of the
    /// processor, which takes privileges.
    BROOD_API command& nice(int increment) &;
    /// The child runs on these processors only. Those that do not exist are
    /// left out; a start that leaves none fails.
    BROOD_API command& affinity(std::vector<int> processors) &;
    /// Set-user-ID programs give the child and its descendants nothing.
    BROOD_API command& no_new_privileges() &;
    /// The signals that are blocked in the child. Default: none.
    BROOD_API command& signal_mask(std::vector<int> blocked) &;
    /// What the parent ignores the child ignores as well. Default: it ignores
    /// nothing.
    BROOD_API command& keep_ignored_signals() &;
    /// The same for one signal, such as SIGHUP under nohup(1).
    BROOD_API command& keep_ignored(int signal) &;
    /// This descriptor of the child, a terminal, controls its session: its
    /// Ctrl-C and its hang-up reach the child. Needs new_session().
    BROOD_API command& controlling_terminal(int number = 0) &;
    /// The child gets this signal (default: SIGKILL) when this process ends,
    /// however it ends, or calls exec. For the child itself alone, not for
    /// what it starts. Programs with set-user-ID or file capabilities escape.
    BROOD_API command& kill_on_parent_death(int signal = 9) &;

    /// Who is stopped together with the child. Default: its group where it
    /// leads one, else the child alone; in run_process(), its group.
    BROOD_API command& containment(brood::containment level) &;
    /// Where containment::cgroup makes its cgroup. Default: below the one
    /// that this process is in.
    BROOD_API command& cgroup_parent(text path) &;
    /// How the child is stopped. Default: SIGTERM, 5 s, SIGKILL.
    BROOD_API command& stop(stop_sequence sequence) &;
    BROOD_API command& on_drop(brood::on_drop policy) &;

    /// Who is told what becomes of the child; null: nobody.
    BROOD_API command& observe(std::shared_ptr<observer> watcher) &;

    // For run_process() only.
    /// What the child reads on its standard input. Default: nothing.
    BROOD_API command& input(std::string bytes) &;
    /// Past it, the child is stopped. Default: unlimited.
    BROOD_API command& timeout(std::chrono::nanoseconds time) &;
    /// After so long without any output, the child is stopped.
    BROOD_API command& idle_timeout(std::chrono::nanoseconds time) &;
    /// Past so many bytes of output in all, the child is stopped.
    BROOD_API command& output_limit(std::size_t bytes) &;
    /// How much of each stream is kept, and of which part. Default: the first
    /// 64 MiB. The rest is read and dropped.
    BROOD_API command& capture(std::size_t limit, keep part = keep::head) &;
    /// Where a captured stream also goes, as it comes. May be repeated.
    BROOD_API command& tee_out(tee to) &;
    BROOD_API command& tee_err(tee to) &;

    // The same setters on a temporary.
    command in(redirection to) && { return std::move(in(std::move(to))); }
    command out(redirection to) && { return std::move(out(std::move(to))); }
    command err(redirection to) && { return std::move(err(std::move(to))); }
    command child_fd(int number, redirection to) &&
    {
        return std::move(child_fd(number, std::move(to)));
    }
    command limit(std::size_t bytes) && { return std::move(limit(bytes)); }
    command pipe_size(std::size_t n) && { return std::move(pipe_size(n)); }
    command drain(std::chrono::nanoseconds time) &&
    {
        return std::move(drain(time));
    }
    command cwd(text path) && { return std::move(cwd(std::move(path))); }
    command executable(text path) &&
    {
        return std::move(executable(std::move(path)));
    }
    command env(text name, text value) &&
    {
        return std::move(env(std::move(name), std::move(value)));
    }
    command env(text name, redacted value) &&
    {
        return std::move(env(std::move(name), std::move(value)));
    }
    template <std::ranges::input_range Variables>
    command env(Variables&& variables) &&
    {
        return std::move(env(std::forward<Variables>(variables)));
    }
    command unset_env(text name) &&
    {
        return std::move(unset_env(std::move(name)));
    }
    command clear_env() && { return std::move(clear_env()); }
    command pass_fd(int fd) && { return std::move(pass_fd(fd)); }
    command close_fds(bool close) && { return std::move(close_fds(close)); }
    command new_session() && { return std::move(new_session()); }
    command process_group(int group = 0) &&
    {
        return std::move(process_group(group));
    }
    command user(text name) && { return std::move(user(std::move(name))); }
    command user(std::int64_t id) && { return std::move(user(id)); }
    command group(text name) && { return std::move(group(std::move(name))); }
    command group(std::int64_t id) && { return std::move(group(id)); }
    command extra_groups(std::vector<std::int64_t> ids) &&
    {
        return std::move(extra_groups(std::move(ids)));
    }
    command umask(int mask) && { return std::move(umask(mask)); }
    command rlimit(limit_kind what, std::uint64_t soft,
                   std::optional<std::uint64_t> hard = {}) &&
    {
        return std::move(rlimit(what, soft, hard));
    }
    command nice(int increment) && { return std::move(nice(increment)); }
    command affinity(std::vector<int> processors) &&
    {
        return std::move(affinity(std::move(processors)));
    }
    command no_new_privileges() && { return std::move(no_new_privileges()); }
    command signal_mask(std::vector<int> blocked) &&
    {
        return std::move(signal_mask(std::move(blocked)));
    }
    command keep_ignored_signals() &&
    {
        return std::move(keep_ignored_signals());
    }
    command keep_ignored(int n) && { return std::move(keep_ignored(n)); }
    command controlling_terminal(int number = 0) &&
    {
        return std::move(controlling_terminal(number));
    }
    command kill_on_parent_death(int signal = 9) &&
    {
        return std::move(kill_on_parent_death(signal));
    }
    command containment(brood::containment level) &&
    {
        return std::move(containment(level));
    }
    command cgroup_parent(text path) &&
    {
        return std::move(cgroup_parent(std::move(path)));
    }
    command stop(stop_sequence sequence) &&
    {
        return std::move(stop(std::move(sequence)));
    }
    command on_drop(brood::on_drop policy) &&
    {
        return std::move(on_drop(policy));
    }
    command observe(std::shared_ptr<observer> watcher) &&
    {
        return std::move(observe(std::move(watcher)));
    }
    command input(std::string bytes) &&
    {
        return std::move(input(std::move(bytes)));
    }
    command timeout(std::chrono::nanoseconds time) &&
    {
        return std::move(timeout(time));
    }
    command idle_timeout(std::chrono::nanoseconds time) &&
    {
        return std::move(idle_timeout(time));
    }
    command output_limit(std::size_t bytes) &&
    {
        return std::move(output_limit(bytes));
    }
    command capture(std::size_t limit, keep part = keep::head) &&
    {
        return std::move(capture(limit, part));
    }
    command tee_out(tee to) && { return std::move(tee_out(std::move(to))); }
    command tee_err(tee to) && { return std::move(tee_err(std::move(to))); }

    /// The program as it was given; /bin/sh for shell().
    BROOD_API const std::string& program() const noexcept;
    /// argv, the program's own name first.
    BROOD_API const std::vector<std::string>& arguments() const noexcept;
    /// For the library: everything the setters set.
    BROOD_API const detail::command_data& data() const noexcept;

private:
    friend command exec(std::vector<std::string> arguments);
    friend command shell(text line);
    friend command detail::exec_redacted(std::vector<std::string> arguments,
                                         std::vector<std::size_t> hidden);
    explicit command(std::unique_ptr<detail::command_data> data) noexcept;
    detail::command_data& changed();
    detail::run_settings& changed_run(std::string_view setter);

    std::unique_ptr<detail::command_data> data_;
};

static_assert(!std::is_aggregate_v<command>);

/// A command from a whole argv, the program first. No shell is involved.
///
/// Errors: the verb that runs it refuses an empty list.
[[nodiscard]] BROOD_API command exec(std::vector<std::string> arguments);

/// A command from any range of strings, the program first.
template <detail::argument_range Range>
[[nodiscard]] command exec(Range&& arguments)
{
    std::vector<std::string> copied;
    for (auto&& argument : arguments)
        copied.push_back(detail::argument_text(argument));
    return exec(std::move(copied));
}

/// Runs a program with these arguments. No shell is involved, nothing is
/// parsed, quoted or expanded.
///
/// A program without a slash is searched on the PATH that the child will
/// have; never in the current directory. An argument that is a secret is
/// given as redacted(text).
///
/// See: asyncio.create_subprocess_exec
template <class Program, class... Arguments>
    requires(!detail::argument_range<const Program&>)
[[nodiscard]] command exec(const Program& program,
                           const Arguments&... arguments)
{
    static_assert(!std::is_same_v<Program, redacted>,
                  "brood: the program's name cannot be redacted");
    std::vector<std::string> argv;
    std::vector<std::size_t> hidden;
    argv.reserve(1 + sizeof...(arguments));
    argv.push_back(detail::argument_text(program));
    (detail::add_argument(argv, hidden, arguments), ...);
    return detail::exec_redacted(std::move(argv), std::move(hidden));
}

/// Runs a line of shell: /bin/sh -c line.
///
/// Only for lines you wrote yourself: whatever is put into the line is code.
/// shlex::quote() makes one argument of a string.
///
/// See: asyncio.create_subprocess_shell
[[nodiscard]] BROOD_API command shell(detail::text_argument line);

/// The command as one line of shell that can be pasted: directory, arguments
/// and files quoted, descriptors that have no name in a shell left out. What
/// is redacted shows as an unquoted `***`.
[[nodiscard]] BROOD_API std::string
to_string(const command& command,
          show_environment environment = show_environment::no);

BROOD_API std::ostream& operator<<(std::ostream& stream,
                                   const command& command);

}  // namespace brood
