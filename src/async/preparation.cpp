// preparation.cpp: see preparation.hpp.
#include "async/preparation.hpp"

#include "core/environment.hpp"
#include "core/program_search.hpp"
#include "core/redaction.hpp"
#include "os/identity.hpp"
#include "os/program_file.hpp"

#include <brood/shlex.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace brood::detail {

namespace {

std::vector<const char*> pointers_to(const std::vector<std::string>& strings)
{
    std::vector<const char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (const auto& each : strings)
        pointers.push_back(each.c_str());
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

preparation::preparation(const command_data& command) : command_(command)
{
    check(command);
    prepare_environment();
    prepare_program();
    prepare_identity();
    prepare_descriptors();
    prepare_attributes();
    prepare_cgroup();
    plan_.cwd = command.cwd ? command.cwd->c_str() : nullptr;
    plan_.close_others = command.close_fds;
    plan_.new_session = makes_session(command);
    if (command.process_group)
        plan_.process_group = *command.process_group;
    else if (makes_group(command) && !plan_.new_session)
        plan_.process_group = 0;
    plan_.umask = command.umask.value_or(-1);
}

void preparation::prepare_environment()
{
    const auto* const parent = os::parent_environment();
    plan_.envp = parent;
    if (command_.environment.empty())
        return;
    environment_ = core::merge_environment(parent, command_.environment);
    plan_.envp = environment_.variables.data();
}

void preparation::keep_environment()
{
    const auto* const parent = plan_.envp;
    if (!parent)
        return;
    std::size_t bytes = 0;
    for (auto each = parent; *each; ++each)
        bytes += std::strlen(*each) + 1;
    // One piece of memory, of which nothing moves again.
    kept_.reserve(bytes);
    for (auto each = parent; *each; ++each) {
        envp_.push_back(kept_.data() + kept_.size());
        kept_.append(*each).push_back('\0');
    }
    envp_.push_back(nullptr);
    plan_.envp = envp_.data();
}

void preparation::prepare_program()
{
    const char* const path = core::find_variable(plan_.envp, "PATH");
    path_ = path ? std::string(path) : std::string(core::default_path);
    candidates_ = core::program_candidates(
        command_.executable.value_or(command_.arguments.front()), path_);
    candidate_pointers_ = pointers_to(candidates_);
    argv_ = pointers_to(command_.arguments);
    plan_.candidates = candidate_pointers_.data();
    plan_.argv = argv_.data();
}

void preparation::prepare_identity()
{
    if (!command_.user && !command_.group && !command_.extra_groups)
        return;
    os::identity_failure failure;
    auto resolved = os::resolve_identity(command_, failure);
    if (failure.error)
        fail(spawn_step::look_up, failure.error, failure.name);
    plan_.uid = resolved.uid;
    plan_.gid = resolved.gid;
    if (resolved.groups) {
        groups_ = std::move(*resolved.groups);
        plan_.set_groups = true;
        plan_.groups = groups_.data();
        plan_.group_count = groups_.size();
    }
}

void preparation::prepare_cgroup()
{
    if (command_.containment != containment::cgroup)
        return;
    os::cgroup_failure failure;
    cgroup_ = std::make_shared<os::cgroup>(command_.cgroup_parent, failure);
    if (failure.error)
        fail(spawn_step::cgroup, failure.error, failure.path);
    plan_.cgroup = cgroup_->directory();
}

// Before anything is opened here: it could get the number of one that the
// caller believes to be open.
void preparation::require_callers_descriptors() const
{
    const auto require = [this](const redirection& to) {
        if (to.what() == redirection::kind::descriptor)
            require_open(to.descriptor(), "from_fd");
    };
    for (const auto* const stream :
         {&command_.in, &command_.out, &command_.err})
        if (*stream)
            require(**stream);
    for (const auto& [number, to] : command_.child_fds)
        require(to);
    for (const int number : command_.pass_fds)
        require_open(number, "pass_fd");
}

void preparation::prepare_descriptors()
{
    require_callers_descriptors();
    prepare_terminal();
    const redirection inherited = inherit;
    add_wish(0, command_.in.value_or(inherited), true);
    add_wish(1, command_.out.value_or(inherited), false);
    add_wish(2, command_.err.value_or(inherited), false);
    for (const auto& [number, to] : command_.child_fds)
        add_wish(number, to,
                 to.what() == redirection::kind::input_pipe ||
                     to.mode() == file_mode::read);
    for (const int number : command_.pass_fds)
        wishes_.push_back({number, number});
    const auto lifts = core::plan_lifts(wishes_);
    for (const auto index : lifts.lift)
        wishes_[index].source = hold(
            os::duplicate(wishes_[index].source, lifts.above), std::string());
    steps_ = core::plan_steps(wishes_);
    plan_.fd_steps = steps_.data();
    plan_.fd_step_count = steps_.size();
    plan_.first_free = lifts.above;
}

void preparation::add_wish(int number, const redirection& to, bool child_reads)
{
    // What is inherited needs nothing done: exec leaves it open, unless the
    // parent has it closed, or made it close-on-exec. The latter is what a
    // loop's own descriptor is like that took a closed stream's number.
    if (to.what() != redirection::kind::parents)
        wishes_.push_back({source_of(to, number, child_reads), number});
}

// Where the child's standard output leads, for its standard error.
int preparation::source_of_out() const
{
    for (const auto& wish : wishes_)
        if (wish.target == 1)
            return wish.source;
    if (!os::is_inheritable(1))
        fail(spawn_step::open, EBADF, "to_stdout");
    return 1;
}

int preparation::source_of(const redirection& to, int number, bool child_reads)
{
    using kind = redirection::kind;
    switch (to.what()) {
    case kind::pipe:
    case kind::input_pipe:
    case kind::output_pipe: return add_pipe(number, child_reads);
    case kind::parents: return number;
    case kind::null_device: return hold(os::open_null_device(), "/dev/null");
    case kind::merged: return source_of_out();
    case kind::path:
        return hold(os::open_file(
                        to.path(),
                        to.mode().value_or(child_reads ? file_mode::read
                                                       : file_mode::truncate)),
                    to.path());
    case kind::terminal: return terminal_;
    case kind::descriptor: break;
    }
    return to.descriptor();
}

int preparation::add_pipe(int number, bool child_reads)
{
    auto made = os::make_pipe(command_.pipe_size.value_or(0));
    if (made.error)
        fail(spawn_step::pipe, made.error, std::string());
    auto& ours = child_reads ? made.write_end : made.read_end;
    auto& childs = child_reads ? made.read_end : made.write_end;
    our_ends_.push_back(
        {number, child_reads, std::move(ours), false, !command_.pipe_size});
    held_.push_back(std::move(childs));
    return held_.back().number();
}

int preparation::hold(os::opened opened, const std::string& path)
{
    if (opened.error)
        fail(spawn_step::open, opened.error, path);
    held_.push_back(std::move(opened.fd));
    return held_.back().number();
}

void preparation::require_open(int number, const std::string& what) const
{
    if (const int error = os::check_open(number))
        fail(spawn_step::open, error,
             what + "(" + std::to_string(number) + ")");
}

void preparation::fail(spawn_step step, int error,
                       const std::string& path) const
{
    std::string message = "cannot start " +
                          shlex::quote(command_.arguments.front()) + ": " +
                          std::string(to_string(step));
    if (!path.empty())
        message += " " + shlex::quote(path);
    if (step == spawn_step::look_up)
        message += ": no such user or group, or the database is unavailable";
    if (step == spawn_step::cgroup)
        message += ": no cgroup2 hierarchy that we may write to";
    if (step == spawn_step::open && error == ENXIO)
        message += ": a FIFO that nobody has open at its other end";
    throw spawn_error(error_code(error, system_category()), step, path,
                      message);
}

std::string preparation::explain_exec(int error, std::string& interpreter) const
{
    if (error == EACCES)
        return "it is not executable, or a directory";
    if (error == ENOEXEC)
        return "it is neither a program nor a script with a #! line";
    if (error == EAGAIN)
        return "the user has more processes than its limit allows";
    if (error != ENOENT)
        return "exec";
    bool found = false;
    // The child looked from its own directory.
    const auto directory = command_.cwd.value_or(".");
    for (auto candidate : candidates_) {
        if (!candidate.starts_with('/'))
            candidate = directory + "/" + candidate;
        if (!os::file_exists(candidate))
            continue;
        found = true;
        if (interpreter.empty())
            interpreter = os::missing_interpreter(candidate, directory);
    }
    if (!interpreter.empty())
        return "its interpreter " + shlex::quote(interpreter) + " is missing";
    if (found)
        return "it is there, but the loader or library that it needs is not";
    if (command_.executable.value_or(command_.arguments.front()).find('/') ==
        std::string::npos)
        return "not found in PATH=" + (hides_variable(command_, "PATH")
                                           ? std::string(redaction)
                                           : shlex::quote(path_));
    return "exec";
}

spawn_error preparation::explain(const os::spawn_failure& failure) const
{
    const auto& program =
        command_.executable ? *command_.executable : command_.arguments.front();
    auto message = "cannot start " + shlex::quote(program) + ": ";
    std::string path;
    std::string interpreter;
    switch (failure.step) {
    case spawn_step::exec:
        path = program;
        message += explain_exec(failure.error, interpreter);
        break;
    case spawn_step::chdir:
        path = *command_.cwd;
        message += "chdir to " + shlex::quote(path);
        break;
    case spawn_step::cgroup:
        path = cgroup_->path();
        message += "joining cgroup " + shlex::quote(path);
        break;
    case spawn_step::none:
        message += "the report of what went wrong was damaged";
        break;
    default: message += explain_attribute(failure, path);
    }
    return spawn_error(error_code(failure.error, system_category()),
                       failure.step, std::move(path), message,
                       std::move(interpreter));
}

}  // namespace brood::detail
