// command.cpp: the command as a value, its printing and its checking.
//
// Pure: knows nothing of the system. What only the system can tell (does the
// program exist, is the descriptor open) is found out by who starts it.
#include "core/command_data.hpp"
#include "core/redaction.hpp"

#include <brood/shlex.hpp>

#include <algorithm>
#include <ostream>
#include <set>
#include <stdexcept>

namespace brood {

using detail::command_data;
using detail::environment_change;
using detail::redaction;

command::command(std::unique_ptr<command_data> data) noexcept
    : data_(std::move(data))
{
}
command::command(const command& other)
    : data_(std::make_unique<command_data>(other.data()))
{
}
command::command(command&& other) noexcept = default;
command& command::operator=(const command& other)
{
    if (this != &other)
        data_ = std::make_unique<command_data>(other.data());
    return *this;
}
command& command::operator=(command&& other) noexcept = default;
command::~command() = default;

const command_data& command::data() const noexcept
{
    static const command_data none;
    return data_ ? *data_ : none;
}

// A command that was moved from is an empty one.
command_data& command::changed()
{
    if (!data_)
        data_ = std::make_unique<command_data>();
    return *data_;
}

command exec(std::vector<std::string> arguments)
{
    auto data = std::make_unique<command_data>();
    data->arguments = std::move(arguments);
    return command(std::move(data));
}

command shell(detail::text_argument line)
{
    auto data = std::make_unique<command_data>();
    data->arguments = {"/bin/sh", "-c"};
    data->arguments.push_back(std::move(line.value));
    data->is_shell = true;
    return command(std::move(data));
}

command& command::in(redirection to) &
{
    changed().in = std::move(to);
    return *this;
}
command& command::out(redirection to) &
{
    changed().out = std::move(to);
    return *this;
}
command& command::err(redirection to) &
{
    changed().err = std::move(to);
    return *this;
}
command& command::child_fd(int number, redirection to) &
{
    changed().child_fds.emplace_back(number, std::move(to));
    return *this;
}
command& command::limit(std::size_t bytes) &
{
    changed().limit = bytes;
    return *this;
}
command& command::pipe_size(std::size_t bytes) &
{
    changed().pipe_size = bytes;
    return *this;
}
command& command::drain(std::chrono::nanoseconds time) &
{
    changed().drain = time;
    return *this;
}
command& command::cwd(detail::text_argument path) &
{
    changed().cwd = std::move(path.value);
    return *this;
}
command& command::executable(detail::text_argument path) &
{
    changed().executable = std::move(path.value);
    return *this;
}
command& command::env(detail::text_argument name, detail::text_argument value) &
{
    changed().environment.push_back({environment_change::kind::set,
                                     std::move(name.value),
                                     std::move(value.value)});
    return *this;
}
command& command::unset_env(detail::text_argument name) &
{
    changed().environment.push_back(
        {environment_change::kind::unset, std::move(name.value), {}});
    return *this;
}
command& command::clear_env() &
{
    // What was set before is cleared with the rest.
    changed().environment.assign(1, {environment_change::kind::clear, {}, {}});
    return *this;
}
command& command::pass_fd(int descriptor) &
{
    changed().pass_fds.push_back(descriptor);
    return *this;
}
command& command::close_fds(bool close) &
{
    changed().close_fds = close;
    return *this;
}
command& command::new_session() &
{
    changed().new_session = true;
    return *this;
}
command& command::process_group(int group) &
{
    changed().process_group = group;
    return *this;
}
command& command::user(detail::text_argument name) &
{
    changed().user = std::move(name.value);
    return *this;
}
command& command::user(std::int64_t id) &
{
    changed().user = id;
    return *this;
}
command& command::group(detail::text_argument name) &
{
    changed().group = std::move(name.value);
    return *this;
}
command& command::group(std::int64_t id) &
{
    changed().group = id;
    return *this;
}
command& command::extra_groups(std::vector<std::int64_t> ids) &
{
    changed().extra_groups = std::move(ids);
    return *this;
}
command& command::umask(int mask) &
{
    changed().umask = mask;
    return *this;
}
command& command::containment(brood::containment level) &
{
    changed().containment = level;
    return *this;
}
command& command::cgroup_parent(detail::text_argument path) &
{
    changed().cgroup_parent = std::move(path.value);
    return *this;
}
command& command::stop(stop_sequence sequence) &
{
    changed().stop = std::move(sequence);
    return *this;
}
command& command::on_drop(brood::on_drop policy) &
{
    changed().on_drop = policy;
    return *this;
}

command& command::observe(std::shared_ptr<observer> watcher) &
{
    changed().observer = std::move(watcher);
    return *this;
}

detail::run_settings& command::changed_run(std::string_view setter)
{
    auto& run = changed().run;
    run.last_set = setter;
    return run;
}
command& command::input(std::string bytes) &
{
    changed_run("input").input =
        std::make_shared<const std::string>(std::move(bytes));
    return *this;
}
command& command::timeout(std::chrono::nanoseconds time) &
{
    changed_run("timeout").timeout = time;
    return *this;
}
command& command::idle_timeout(std::chrono::nanoseconds time) &
{
    changed_run("idle_timeout").idle_timeout = time;
    return *this;
}
command& command::output_limit(std::size_t bytes) &
{
    changed_run("output_limit").output_limit = bytes;
    return *this;
}
command& command::capture(std::size_t limit, keep part) &
{
    auto& run = changed_run("capture");
    run.capture_limit = limit;
    run.kept = part;
    return *this;
}
command& command::tee_out(tee to) &
{
    changed_run("tee_out").tees_of_out.push_back(std::move(to));
    return *this;
}
command& command::tee_err(tee to) &
{
    changed_run("tee_err").tees_of_err.push_back(std::move(to));
    return *this;
}

const std::string& command::program() const noexcept
{
    static const std::string none;
    return data().arguments.empty() ? none : data().arguments.front();
}

const std::vector<std::string>& command::arguments() const noexcept
{
    return data().arguments;
}

namespace {

std::string_view redirection_operator(const redirection& to, bool child_reads)
{
    const auto mode =
        to.mode().value_or(child_reads ? file_mode::read : file_mode::truncate);
    switch (mode) {
    case file_mode::read: return "<";
    case file_mode::append: return ">>";
    case file_mode::truncate: break;
    }
    return ">";
}

// " 2>&1", " >out.txt", or nothing for what has no name in a shell.
std::string redirection_text(const std::optional<redirection>& to, int number)
{
    if (!to)
        return {};
    // A shell takes 0 for "<" and 1 for ">" by itself.
    const bool child_reads = number == 0;
    const auto shown = number <= 1 ? "" : std::to_string(number);
    switch (to->what()) {
    case redirection::kind::null_device:
        return " " + shown + (child_reads ? "<" : ">") + "/dev/null";
    case redirection::kind::merged: return " " + shown + ">&1";
    case redirection::kind::path:
        return " " + shown +
               std::string(redirection_operator(*to, child_reads)) +
               shlex::quote(to->path());
    default: return {};
    }
}

bool has_relative_file(const command_data& command)
{
    const auto is_relative = [](const std::optional<redirection>& to) {
        return to && to->what() == redirection::kind::path &&
               !to->path().starts_with('/');
    };
    return is_relative(command.in) || is_relative(command.out) ||
           is_relative(command.err);
}

std::string environment_text(const command_data& command,
                             show_environment shown)
{
    if (shown == show_environment::no || command.environment.empty())
        return {};
    std::string line = "env";
    std::string variables;
    const auto& changes = command.environment;
    for (auto change = changes.begin(); change != changes.end(); ++change) {
        // env(1) sets after it unsets; so only the last change of a name is
        // shown, and the order does not matter.
        const bool changed_again =
            std::any_of(change + 1, changes.end(), [change](const auto& later) {
                return later.name == change->name;
            });
        if (changed_again)
            continue;
        switch (change->what) {
        case environment_change::kind::clear: line += " -i"; break;
        case environment_change::kind::unset:
            line += " -u " + shlex::quote(change->name);
            break;
        case environment_change::kind::set:
            variables += " " + shlex::quote(change->name) + "=" +
                         (shown == show_environment::names ? "..."
                          : change->redacted ? std::string(redaction)
                                             : shlex::quote(change->value));
            break;
        }
    }
    return line + variables + " ";
}

std::string arguments_text(const command_data& command)
{
    std::string line;
    const auto& arguments = command.arguments;
    for (std::size_t place = 0; place != arguments.size(); ++place) {
        const auto& shown = place == 0 && command.executable
                                ? *command.executable
                                : arguments[place];
        line += place == 0 ? "" : " ";
        if (hides_argument(command, place))
            line += redaction;
        else
            line += shlex::quote(shown);
    }
    return line;
}

}  // namespace

std::string to_string(const command& command, show_environment environment)
{
    const auto& data = command.data();
    auto line = detail::attribute_text(data.attributes) +
                environment_text(data, environment) + arguments_text(data);
    if (data.cwd)
        line = "cd " + shlex::quote(*data.cwd) + " && " + line;
    // The files are found from our directory, not from the child's.
    if (data.cwd && has_relative_file(data))
        line = "(" + line + ")";
    line += redirection_text(data.in, 0);
    line += redirection_text(data.out, 1);
    line += redirection_text(data.err, 2);
    return line;
}

std::ostream& operator<<(std::ostream& stream, const command& command)
{
    return stream << to_string(command);
}

namespace detail {

namespace {

[[noreturn]] void refuse(const std::string& why)
{
    throw std::invalid_argument("brood: " + why);
}

void check_text(std::string_view text, std::string_view what)
{
    const auto nul = text.find('\0');
    if (nul != text.npos)
        refuse(std::string(what) + " holds a NUL byte at offset " +
               std::to_string(nul) + ", which no program can receive");
}

void check_path(std::string_view path, std::string_view what)
{
    check_text(path, what);
    if (path.empty())
        refuse(std::string(what) + " is empty");
}

void check_environment(const command_data& command)
{
    for (const auto& change : command.environment) {
        if (change.what == environment_change::kind::clear)
            continue;
        check_text(change.name, "the name of an environment variable");
        check_text(change.value, "environment variable " + change.name);
        if (change.name.empty())
            refuse("the name of an environment variable is empty");
        if (change.name.find('=') != change.name.npos)
            refuse("the name of an environment variable holds '=': " +
                   shlex::quote(change.name));
    }
}

using kind = redirection::kind;

void check_stream(const std::optional<redirection>& to, std::string_view name,
                  bool child_reads)
{
    if (!to)
        return;
    const auto where = std::string(name) + ": ";
    switch (to->what()) {
    case kind::input_pipe:
    case kind::output_pipe:
        refuse(where + "piped_in and piped_out are for child_fd; "
                       "say piped here");
    case kind::merged:
        if (name != "err")
            refuse(where + "to_stdout is for err only");
        break;
    case kind::descriptor:
        if (to->descriptor() < 0)
            refuse(where + "from_fd(" + std::to_string(to->descriptor()) +
                   ") is not a descriptor");
        break;
    case kind::path:
        check_path(to->path(), where + "the file's path");
        if (child_reads && to->mode() && *to->mode() != file_mode::read)
            refuse(where + "the child only reads its standard input; "
                           "use file_mode::read");
        if (!child_reads && to->mode() == file_mode::read)
            refuse(where + "the child writes here; use "
                           "file_mode::truncate or file_mode::append");
        break;
    default: break;
    }
}

void check_child_fd(int number, const redirection& to)
{
    const auto where = "child_fd(" + std::to_string(number) + "): ";
    constexpr int most = 1 << 20;  // fs.nr_open's default (proc(5))
    if (number >= most)
        refuse(where + "the number must be below " + std::to_string(most));
    if (number < 3)
        refuse(where + "the number must be above 2; "
                       "in(), out() and err() set 0, 1 and 2");
    switch (to.what()) {
    case kind::pipe:
        refuse(where + "say piped_in (the child reads) or piped_out "
                       "(the child writes)");
    case kind::parents:
        refuse(where + "use pass_fd(" + std::to_string(number) + ")");
    case kind::merged: refuse(where + "to_stdout is for err only");
    case kind::terminal: refuse(where + "a pty is for in, out and err");
    case kind::descriptor:
        if (to.descriptor() < 0)
            refuse(where + "from_fd(" + std::to_string(to.descriptor()) +
                   ") is not a descriptor");
        break;
    case kind::path:
        check_path(to.path(), where + "the file's path");
        if (!to.mode())
            refuse(where + "say how to open the file: file_mode::read, "
                           "truncate or append");
        break;
    default: break;
    }
}

void check_descriptors(const command_data& command)
{
    check_stream(command.in, "in", true);
    check_stream(command.out, "out", false);
    check_stream(command.err, "err", false);
    std::set<int> seen;
    const auto once = [&seen](int number) {
        if (!seen.insert(number).second)
            refuse("descriptor " + std::to_string(number) +
                   " of the child is given twice");
    };
    for (const auto& [number, to] : command.child_fds) {
        check_child_fd(number, to);
        once(number);
    }
    for (const int number : command.pass_fds) {
        if (number < 3)
            refuse("pass_fd(" + std::to_string(number) +
                   "): the number must be above 2; in(), out() and err() "
                   "set 0, 1 and 2");
        once(number);
    }
}

void check_identity(const std::optional<identity>& who, std::string_view what)
{
    if (!who)
        return;
    // (uid_t)-1 means "leave it" to the kernel, so it is nobody's number.
    constexpr std::int64_t last = 0xfffffffe;
    if (const auto* id = std::get_if<std::int64_t>(&*who)) {
        if (*id < 0 || *id > last)
            refuse(std::string(what) + "(" + std::to_string(*id) +
                   "): a number from 0 to " + std::to_string(last) +
                   " is needed");
    } else {
        check_path(std::get<std::string>(*who), std::string(what) + "'s name");
    }
}

}  // namespace

bool makes_session(const command_data& command) noexcept
{
    return command.new_session || plan_terminal(command).wanted ||
           command.containment == containment::session;
}

bool makes_group(const command_data& command) noexcept
{
    return makes_session(command) || command.process_group == 0 ||
           command.containment == containment::group;
}

containment containment_of(const command_data& command) noexcept
{
    return command.containment.value_or(
        makes_group(command) ? containment::group : containment::process);
}

namespace {

void check_containment(const command_data& command)
{
    const bool joins_a_group = command.process_group.value_or(0) != 0;
    if (command.containment == containment::group && joins_a_group)
        refuse("containment::group needs a group that the child leads; "
               "leave process_group(" +
               std::to_string(*command.process_group) + ") out");
    if (command.containment == containment::session && command.process_group)
        refuse("containment::session makes a new session and group; leave "
               "process_group() out");
    check_text(command.cgroup_parent, "the path of the parent cgroup");
    if (!command.cgroup_parent.empty() &&
        command.containment != containment::cgroup)
        refuse("cgroup_parent() is for containment(containment::cgroup)");
}

}  // namespace

void check_run(const run_settings& run)
{
    const auto zero = std::chrono::nanoseconds::zero();
    if (run.timeout < zero)
        refuse("timeout(): the time is negative");
    if (run.idle_timeout <= zero)
        refuse("idle_timeout(): a time above zero is needed");
    if (run.output_limit == 0)
        refuse("output_limit(0): use out(devnull) for no output at all");
}

void check(const command_data& command)
{
    if (command.arguments.empty())
        refuse("exec() needs at least the program's name");
    check_path(command.arguments.front(), "the program's name");
    for (const auto& argument : command.arguments)
        check_text(argument, "an argument");
    if (command.executable)
        check_path(*command.executable, "the executable's path");
    if (command.cwd)
        check_path(*command.cwd, "the working directory");
    if (command.limit == 0)
        refuse("limit(0): a line needs at least one byte");
    if (command.pipe_size && *command.pipe_size == 0)
        refuse("pipe_size(0): a pipe needs at least one byte");
    if (command.pipe_size && *command.pipe_size > 0x7fffffff)
        refuse("pipe_size(" + std::to_string(*command.pipe_size) +
               "): the kernel takes 2^31 - 1 at most");
    if (command.drain && *command.drain < std::chrono::nanoseconds::zero())
        refuse("drain(): the time is negative");
    check_environment(command);
    check_descriptors(command);
    check_containment(command);
    if (!command.run.last_set.empty())
        refuse(std::string(command.run.last_set) +
               "() is for run_process() only");
    if (command.process_group && *command.process_group < 0)
        refuse("process_group(" + std::to_string(*command.process_group) +
               "): 0 makes a new group, a positive number joins one");
    if (command.new_session && command.process_group)
        refuse("new_session() already makes a new process group; "
               "leave process_group() out");
    if (command.umask && (*command.umask < 0 || *command.umask > 0777))
        refuse("umask(" + std::to_string(*command.umask) +
               "): a mask from 0 to 0777 is needed");
    check_identity(command.user, "user");
    check_identity(command.group, "group");
    for (const auto id :
         command.extra_groups.value_or(std::vector<std::int64_t>{}))
        check_identity(identity(id), "extra_groups");
    check_pty(command);
    check_attributes(command);
}

}  // namespace detail

}  // namespace brood
