// process_core.cpp: see process_core.hpp.
#include "async/process_core.hpp"

#include "async/orphan_reaper.hpp"
#include "os/pty.hpp"

#include BROOD_ASIO_HEADER(execution/context.hpp)
#include BROOD_ASIO_HEADER(posix/stream_descriptor.hpp)
#include BROOD_ASIO_HEADER(post.hpp)
#include BROOD_ASIO_HEADER(query.hpp)

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace brood::detail {

namespace {

// Its last owner may be the orphan reaper, where no code of the user's may
// run.
command_data without_observer(command_data what)
{
    what.observer = nullptr;
    return what;
}

}  // namespace

process_core::process_core(const executor& io, const command_data& command,
                           std::source_location where)
    : io_(io), where_(where), drain_(command.drain), stop_(command.stop),
      policy_(command.on_drop), leads_group_(makes_group(command)),
      owns_family_(command.containment.has_value()), parent_(os::this_process())
{
}

// What a child that has not called exec uses of ours, and how it says that it
// has.
struct process_core::start_under_way {
    explicit start_under_way(command_data what)
        : command(without_observer(std::move(what))), prepared(command)
    {
        prepared.keep_environment();
    }

    const command_data command;
    preparation prepared;
    os::descriptor report;
    std::optional<asio::posix::stream_descriptor> watched;
    std::function<void(std::exception_ptr)> over;
};

// Everything that can fail is done before `spawn` is called: from there on
// there is either no child, or a child with an owner.
template <class Spawn>
void process_core::become_child(preparation& prepared,
                                const command_data& command, Spawn spawn)
{
    enter_context(prepared);
    take_ends(prepared, command.limit);
    make_watch();
    prepared.want_pidfd(watch_->wants_pidfd());
    family_ = os::family(containment_of(command), prepared.cgroup());
    os::spawn_failure failure;
    auto child = spawn(failure);
    prepared.close_child_ends();
    if (failure.error)
        throw prepared.explain(failure);
    adopt(std::move(child));
}

std::shared_ptr<process_core> process_core::start(const executor& io,
                                                  const command_data& command,
                                                  const start_site& site)
{
    const std::shared_ptr<process_core> core(
        new process_core(io, command, site.where));
    core->observed_ = observation::of(io, site);
    try {
        preparation prepared(command);
        core->become_child(prepared, command, [&](os::spawn_failure& failure) {
            return os::spawn(prepared.plan(), failure);
        });
    } catch (const spawn_error& error) {
        tell_start_failed(io, site, error);
        throw;
    }
    core->tell_spawned();
    return core;
}

void process_core::tell_spawned()
{
    if (observed_)
        observed_->spawned(pid_);
}

std::shared_ptr<process_core>
process_core::begin_start(const executor& io, const command_data& command,
                          const start_site& site)
{
    const std::shared_ptr<process_core> core(
        new process_core(io, command, site.where));
    core->observed_ = observation::of(io, site);
    const auto starting = std::make_shared<start_under_way>(command);
    auto& prepared = starting->prepared;
    core->become_child(prepared, command, [&](os::spawn_failure& failure) {
        auto begun = os::begin_spawn(prepared.plan(), starting, failure);
        starting->report = std::move(begun.report);
        return std::move(begun.child);
    });
    if (starting->report.is_open())
        core->starting_ = starting;
    else
        core->tell_spawned();
    return core;
}

void process_core::wait_for_start(std::function<void(std::exception_ptr)> over)
{
    starting_->over = std::move(over);
    try {
        error_code ec;
        starting_->watched.emplace(io_);
        starting_->watched->assign(starting_->report.number(), ec);
        if (ec)
            starting_->watched.reset();
        else
            starting_->report.release();
        watch_start();
    } catch (...) {  // out of memory
        starting_->over = nullptr;
        throw;
    }
}

void process_core::watch_start()
{
    auto seen = [self = shared_from_this()](error_code ec) {
        if (!ec)
            self->start_is_over();
    };
    if (starting_->watched)
        return starting_->watched->async_wait(
            asio::posix::stream_descriptor::wait_read, std::move(seen));
    // No room in epoll: it is asked in each turn, which are not many.
    asio::post(io_, [seen = std::move(seen)] { seen({}); });
}

void process_core::start_is_over()
{
    if (!starting_)  // dropped
        return;
    const int report = starting_->watched ? starting_->watched->native_handle()
                                          : starting_->report.number();
    auto child = watch_->release();
    os::spawn_failure failure;
    const bool is_over = os::finish_spawn(child, report, failure);
    watch_->adopt(std::move(child));
    if (!is_over)
        return watch_start();
    const auto starting = std::exchange(starting_, nullptr);
    starting->watched.reset();
    starting->report.close();
    std::exception_ptr why;
    if (failure.error) {
        why = std::make_exception_ptr(starting->prepared.explain(failure));
        watch_.reset();
        if (std::exchange(counted_, false))
            registry_->starts().start_failed();
        pid_ = -1;
    } else {
        tell_spawned();
    }
    std::exchange(starting->over, nullptr)(std::move(why));
}

void process_core::stop_watching_start() noexcept
{
    // What the child still uses of it is held by the os::child.
    const auto starting = std::exchange(starting_, nullptr);
    starting->watched.reset();
    starting->over = nullptr;
}

void process_core::kill_start() noexcept
{
    kill_for_good();
    stop_watching_start();
}

void process_core::enter_context(const preparation& prepared)
{
    child_registry* registry = nullptr;
    try {
        // The first child of a context makes the context's reactor.
        registry = &child_registry::of(io_);
    } catch (const system_error& error) {
        throw prepared.explain({spawn_step::pipe, error.code().value()});
    }
    join(*registry);
}

void process_core::join(child_registry& registry)
{
    entry_ = registry.add(shared_from_this());
    registry_ = &registry;
}

// Before the child, so that no failure can come between its birth and its
// having an owner.
void process_core::make_watch()
{
    watch_ = std::make_shared<exit_watch>(io_, registry_->watcher(),
                                          registry_->signals());
}

void process_core::take_ends(preparation& prepared, std::size_t limit)
{
    for (auto& end : prepared.our_ends()) {
        auto& place = ends_[end.number];
        os::channel_kind kind;
        kind.is_terminal = end.is_terminal;
        kind.may_grow = end.may_grow;
        os::channel channel{std::move(end.fd), kind};
        try {
            if (end.we_write) {
                place.writing =
                    std::make_shared<writer_core>(io_, std::move(channel));
                place.writer.emplace(place.writing);
            } else {
                place.reading = std::make_shared<reader_core>(
                    io_, std::move(channel), limit);
                place.reader.emplace(place.reading);
            }
        } catch (const system_error& error) {
            throw prepared.explain({spawn_step::pipe, error.code().value()});
        }
    }
    terminal_ = std::move(prepared.terminal());
}

void process_core::adopt(os::child child)
{
    pid_ = child.pid;
    if (owns_family_ && family_.needs_leader(child))
        watch_->keep();
    watch_->adopt(std::move(child));
    started();
}

void process_core::started() noexcept
{
    counted_ = true;
    registry_->starts().child_started();
}

// Collected, or no longer ours.
void process_core::gone() noexcept
{
    if (std::exchange(counted_, false) && registry_)
        registry_->starts().child_ended();
}

process_core::~process_core()
{
    if (registry_)
        registry_->remove(entry_);
    drop();
    hand_over();
    // Its pipes are closed as well. Not after a start that failed: it had
    // taken no room, and must not wake itself.
    if (registry_ && pid_ >= 0) {
        ends_.clear();
        registry_->starts().room_made();
    }
}

pipe_end* process_core::end_of(int number) noexcept
{
    const auto found = ends_.find(number);
    return found == ends_.end() ? nullptr : &found->second;
}

std::optional<int> process_core::poll()
{
    if (watch_ && !status_) {
        const auto end = watch_->poll();
        if (end.state != os::child_state::running) {
            record(end);
            announce();
        }
    }
    if (!status_)
        return std::nullopt;
    return status_->returncode();
}

void process_core::record(const os::child_end& end)
{
    status_ = end.status;
    if (end.state == os::child_state::ended)
        usage_ = end.usage;
    settle();
    if (observed_)
        observed_->exited(*status_);
}

// Pre: the end is known. Collects the child, unless that would put a family
// out of reach that is still to be stopped.
void process_core::settle() noexcept
{
    if (!watch_)
        return;
    if (watch_->is_kept()) {
        if (family_keepers_ != 0 ||
            (owns_family_ && !family_.is_empty(watch_->child())))
            return;
        os::reap(watch_->child());
    }
    auto child = std::exchange(watch_, nullptr)->release();
    gone();
    // The pid means nothing any more, but the pidfd still names the group.
    if (family_.level() == containment::group && !family_.needs_leader(child) &&
        !family_.is_empty(child))
        remains_ = std::move(child);
}

const os::child* process_core::leader() const noexcept
{
    if (watch_)
        return &watch_->child();
    return remains_.pid > 0 ? &remains_ : nullptr;
}

int process_core::signal_family(int signal) noexcept
{
    // Not from a forked copy of the process that started it.
    if (parent_ != os::this_process())
        return ESRCH;
    if (family_.level() == containment::cgroup)  // needs no leader
        return family_.signal(remains_, signal);
    const auto* const first = leader();
    return first ? family_.signal(*first, signal) : ESRCH;
}

bool process_core::family_has_ended() noexcept
{
    if (!poll())
        return false;
    if (family_.level() == containment::cgroup)
        return family_.is_empty(remains_);
    const auto* const first = leader();
    return !first || family_.is_empty(*first);
}

void process_core::keep_family() noexcept
{
    ++family_keepers_;
    if (watch_ && family_.needs_leader(watch_->child()))
        watch_->keep();
}

void process_core::release_family() noexcept
{
    if (--family_keepers_ == 0 && status_)
        settle();
}

void process_core::announce()
{
    auto ready = std::exchange(waiters_, {});
    for (auto& each : ready)
        each.complete({}, status_->returncode());
}

void process_core::start_wait(wait_handler handler)
{
    if (status_)
        return handler.complete({}, status_->returncode());
    if (!watch_)  // its loop went away, or it was handed over
        return handler.complete(asio::error::operation_aborted, 0);
    const auto place = waiters_.insert(waiters_.end(), std::move(handler));
    try {
        watch();
    } catch (...) {  // out of memory
        waiters_.erase(place);
        throw;
    }
    place->on_cancel([weak = weak_from_this(), place] {
        // Without its context the handlers are gone already.
        const auto self = weak.lock();
        if (self && self->has_context())
            self->cancel_wait(place);
    });
}

void process_core::watch()
{
    if (watch_->is_started())
        return;
    watch_->start([self = shared_from_this()](const os::child_end& end) {
        if (!self->watch_ || self->status_)
            return;
        self->record(end);
        if (self->waiters_.size() != 1)
            return self->announce();
        // The usual case spares a turn of the loop.
        auto only = std::move(self->waiters_.front());
        self->waiters_.clear();
        only.complete_in_this_turn({}, self->status_->returncode());
    });
}

void process_core::cancel_wait(std::list<wait_handler>::iterator place)
{
    auto cancelled = std::move(*place);
    waiters_.erase(place);
    if (waiters_.empty() && watch_) {
        watch_->stop();
        if (dropped_)
            hand_over();
    }
    cancelled.complete(asio::error::operation_aborted, 0);
}

bool process_core::send_signal(int signal, signal_target to)
{
    constexpr int last_signal = 64;
    if (signal < 0 || signal > last_signal)
        throw std::invalid_argument("brood: " + std::to_string(signal) +
                                    " is not a signal");
    if (to == signal_target::group && !leads_group_)
        throw std::invalid_argument(
            "brood: this child leads no process group; start it with "
            "process_group() or new_session()");
    const auto* const first = leader();
    if (!first)
        return false;
    const auto& child = *first;
    // A signal to a child that has ended but was not collected would be
    // accepted by the kernel and mean nothing.
    if (to == signal_target::child && (status_ || !os::is_running(child)))
        return false;
    const int error = to == signal_target::group
                          ? os::signal_group(child, signal)
                          : os::send_signal(child, signal);
    if (error == 0)
        return true;
    if (error == ESRCH)
        return false;
    throw described_error(error_code(error, system_category()),
                          "signalling child " + std::to_string(pid_));
}

void process_core::resize(int rows, int columns)
{
    if (!terminal_.is_open())
        throw std::logic_error("brood: this child has no terminal of ours; "
                               "ask for a pty on the command");
    constexpr int most = 65535;  // struct winsize has 16 bits for each
    for (const int each : {rows, columns})
        if (each < 1 || each > most)
            throw std::invalid_argument("brood: resize(" +
                                        std::to_string(rows) + ", " +
                                        std::to_string(columns) +
                                        "): rows and columns are from 1 "
                                        "to " +
                                        std::to_string(most));
    const int error = os::resize_terminal(terminal_.number(), rows, columns);
    if (error)
        throw described_error(error_code(error, system_category()),
                              "resizing the terminal of child " +
                                  std::to_string(pid_));
}

void process_core::drop() noexcept
{
    if (std::exchange(dropped_, true))
        return;
    // Nobody has seen it: it is not left alone, whatever the command says.
    if (starting_) {
        policy_ = on_drop::kill;
        stop_watching_start();
    }
    const bool is_lost = observed_ && policy_ == on_drop::kill &&
                         runs_for_us() && os::is_running(watch_->child());
    // Before its input ends: it could take that for its cue.
    if (policy_ == on_drop::kill)
        kill_for_good();
    // With its last descriptor the terminal is hung up.
    terminal_.close();
    // Without a context they are abandoned instead.
    for (auto& [number, end] : ends_)
        if (end.writing && has_context())
            end.writing->let_go();
    // Those who wait still learn of the end.
    if (waiters_.empty())
        hand_over();
    if (is_lost)
        observed_->dropped_running();
}

// In a forked copy of this process it is not our child, and must not die of
// the copy's end. Without a pidfd its number may even name a child of the
// copy's own, so it is not enough to ask whose child it is.
bool process_core::runs_for_us() const noexcept
{
    return watch_ && !status_ && parent_ == os::this_process() &&
           os::is_our_child(watch_->child());
}

// The child, if it runs, and with it, or with a command that says so, those
// it leaves behind.
void process_core::kill_for_good() noexcept
{
    const bool runs = runs_for_us();
    if (runs || owns_family_)
        signal_family(SIGKILL);
    if (runs)
        os::send_signal(watch_->child(), SIGKILL);
}

void process_core::hand_over() noexcept
{
    auto cgroup = family_.release_cgroup();
    os::child child;
    if (watch_)
        child = std::exchange(watch_, nullptr)->release();
    gone();
    if (child.foreign)
        return;
    if (child.pid < 0 && (!cgroup || cgroup->remove()))
        return;
    const void* const owner = policy_ == on_drop::kill
                                  ? &asio::query(io_, asio::execution::context)
                                  : nullptr;
    adopt_orphan(std::move(orphanage_), std::move(child), std::move(cgroup),
                 owner);
}

void process_core::leave_context() noexcept
{
    registry_ = nullptr;
    auto waiters = std::exchange(waiters_, {});
    drop();
    hand_over();
    // A handle that outlives its loop will not learn more.
    if (!status_)
        status_.emplace();
    for (auto& [number, end] : ends_) {
        if (end.reading)
            end.reading->abandon();
        if (end.writing)
            end.writing->abandon();
    }
    io_ = executor();
}

}  // namespace brood::detail
