// adopt_process.cpp: a process_core for a process that is there already.
#include <brood/adopt_process.hpp>

#include "async/process_core.hpp"
#include "os/adopt.hpp"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace brood {

namespace detail {

std::shared_ptr<process_core>
process_core::take_over(const executor& io, os::child child,
                        std::source_location where)
{
    command_data nothing;
    nothing.on_drop = on_drop::detach;
    const std::shared_ptr<process_core> core(
        new process_core(io, nothing, where));
    core->join(child_registry::of(io));
    core->make_watch();
    core->pid_ = child.pid;
    core->watch_->adopt(std::move(child));
    return core;
}

}  // namespace detail

namespace {

[[noreturn]] void fail(int error, const std::string& message)
{
    throw described_error(error_code(error, system_category()), message);
}

}  // namespace

process adopt_process(const executor& io, int pid, std::source_location where)
{
    const auto name = std::to_string(pid);
    if (pid <= 0)
        throw std::invalid_argument("brood: adopt_process(" + name +
                                    "): a pid is positive");
    const auto way = detail::child_registry::of(io).watcher();
    auto found = os::find_process(pid, detail::wants_pidfd(way));
    switch (found.error) {
    case 0: break;
    case EDEADLK:
        throw std::invalid_argument("brood: adopt_process(" + name +
                                    "): this process cannot wait for its own "
                                    "end");
    case ESRCH: fail(ESRCH, "adopting process " + name);
    default:
        fail(found.error,
             "adopting process " + name +
                 ": it is no child of this process, and without a pidfd it "
                 "could not be told from a later one of the same number");
    }
    return process(
        detail::process_core::take_over(io, std::move(found.process), where));
}

process adopt_process(const executor& io, pidfd which,
                      std::source_location where)
{
    const auto name = std::to_string(which.number());
    auto found = os::find_by_pidfd(which.number());
    if (found.error == EDEADLK)
        throw std::invalid_argument("brood: adopt_process(pidfd(" + name +
                                    ")): this process cannot wait for its "
                                    "own end");
    if (found.error == EINVAL)
        throw std::invalid_argument("brood: adopt_process(pidfd(" + name +
                                    ")): this descriptor is no pidfd");
    if (found.error)
        fail(found.error, "adopting the process of pidfd " + name);
    return process(
        detail::process_core::take_over(io, std::move(found.process), where));
}

}  // namespace brood
