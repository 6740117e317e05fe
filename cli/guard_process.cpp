#include "cli/guard_process.hpp"

#include <brood/command.hpp>
#include <brood/containment.hpp>
#include <brood/errors.hpp>
#include <brood/limit_kind.hpp>
#include <brood/redirection.hpp>

#include BROOD_ASIO_HEADER(post.hpp)

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>

namespace cli {

namespace {

brood::limit_kind limit_of(std::string_view name)
{
    if (name == "mem")
        return brood::limit_kind::address_space;
    if (name == "cpu")
        return brood::limit_kind::cpu;
    if (name == "nproc")
        return brood::limit_kind::processes;
    if (name == "fsize")
        return brood::limit_kind::file_size;
    return brood::limit_kind::open_files;
}

// A job that runs for so long is announced. Far above the time that starting
// one takes, far below what a person notices.
constexpr auto announce_after = std::chrono::milliseconds(2);
// So many jobs that wait are started before the engine has sent more.
constexpr std::size_t enough_waiting = 4;
constexpr auto longest_silence = std::chrono::milliseconds(2);

}  // namespace

guard_process::guard_process(int socket, int engine_group,
                             const guard_duties& duties, const options& asked)
    : null_device_(open("/dev/null", O_RDWR | O_CLOEXEC)),
      engine_group_(engine_group), passed_(duties.passed), asked_(asked),
      socket_(io_, socket), slots_(duties.slots)
{
    if (const char* const outer = std::getenv(job_variable))
        marker_ = std::string(outer) + ",";
    // The time tells this run from another one whose guard had our number.
    marker_ += std::to_string(getpid()) + "-" +
               std::to_string(clock::now().time_since_epoch().count()) + ".";
    sequence_ = asked.time.term_seq;
    if (sequence_.empty())
        sequence_.emplace_back(asked.time.signal, asked.time.kill_after);
}

std::string guard_process::marker_of(std::uint64_t id) const
{
    return marker_ + std::to_string(id);
}

void guard_process::run()
{
    std::exception_ptr failed;
    std::thread serves([&] {
        try {
            wait_for_requests();
            collect_orphans_now_and_then();
            io_.run();
        } catch (...) {
            failed = std::current_exception();
        }
        orphans_.ask_no_more();
    });
    orphans_.answer();
    serves.join();
    if (failed)
        std::rethrow_exception(failed);
}

void guard_process::wait_for_requests()
{
    socket_.async_wait(brood::asio::posix::descriptor_base::wait_read,
                       [this](brood::error_code) {
                           if (read_requests())
                               wait_for_requests();
                       });
}

// False: there will be no more.
bool guard_process::read_requests()
{
    for (;;) {
        auto packet = receive_packet(socket_.native_handle(), MSG_DONTWAIT);
        if (packet.would_block)
            break;
        if (packet.ended) {
            engine_died();
            return false;
        }
        take(std::move(packet));
        if (io_.stopped())
            return false;
    }
    start_waiting();
    return true;
}

void guard_process::take(received_packet packet)
{
    if (packet.cut) {
        refuse(id_of_cut_request(packet.bytes));
        return;
    }
    auto what = unpack_request(packet.bytes);
    if (auto* const job = std::get_if<start_request>(&what)) {
        waiting_.push_back({std::move(*job), std::move(packet.descriptors)});
    } else if (const auto* const ended = std::get_if<stop_request>(&what)) {
        // It may have come right before.
        while (may_start())
            start_waiting();
        stop(ended->id, ended->now);
    } else if (const auto* const sent = std::get_if<signal_request>(&what)) {
        signal_all(sent->id, sent->signal);
    } else if (std::holds_alternative<recall_request>(what)) {
        recall();
    } else {
        finish();
    }
}

// There was no room for its descriptors.
void guard_process::refuse(std::uint64_t id)
{
    refused_reply failed;
    failed.id = id;
    failed.start.at = clock::now();
    failed.error = EMFILE;
    failed.what = std::string("too few descriptors: ") + std::strerror(EMFILE);
    reply(failed);
}

void guard_process::recall()
{
    const auto all = std::exchange(waiting_, {});
    for (const auto& each : all)
        reply(recalled_reply{each.what.id});
}

void guard_process::start_waiting()
{
    if (!may_start())
        return;
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    start(next);
    // One at a time, so that a job that ends meanwhile need not wait for all.
    if (may_start())
        brood::asio::post(io_, [this] { start_waiting(); });
}

bool guard_process::may_start() const noexcept
{
    return !waiting_.empty() && !suspended_ &&
           (slots_ == 0 || jobs_.size() < slots_);
}

void guard_process::start(const waiting_job& next)
{
    const auto id = next.what.id;
    refused_reply failed;
    failed.id = id;
    failed.start.slot =
        next.what.slot != 0 ? next.what.slot : slot_numbers_.lowest();
    failed.start.at = clock::now();
    try {
        watch(id,
              brood::spawn_process(io_, command_of(next, failed.start.slot)),
              failed.start);
        return;
    } catch (const brood::spawn_error& error) {
        failed.error = error.code().value();
        failed.at_exec = error.step() == brood::spawn_step::exec;
        failed.what = error.what();
    } catch (const brood::system_error& error) {
        failed.error = error.code().value();
        failed.what = error.what();
    } catch (const std::exception& error) {
        failed.error = EINVAL;
        failed.what = error.what();
    }
    reply(failed);
}

brood::command guard_process::command_of(const waiting_job& next,
                                         unsigned slot) const
{
    const auto& what = next.what;
    const auto& given = next.given.all();
    auto made = brood::exec(what.argv);
    // The terminal is the first of those that came, and the output is on it.
    const bool has_terminal = what.out == stream_use::terminal;
    std::size_t following = has_terminal ? 1 : 0;
    const auto leads = [&](stream_use use) -> brood::redirection {
        if (use == stream_use::ours)
            return brood::inherit;
        if (use == stream_use::terminal)
            return brood::from_fd(given.at(0));
        if (use == stream_use::given)
            return brood::from_fd(given.at(following++));
        if (null_device_ >= 0)
            return brood::from_fd(null_device_);
        return brood::devnull;
    };
    made.in(leads(what.in));
    made.out(leads(what.out));
    made.err(leads(what.err));
    made.env(job_variable, marker_of(what.id));
    made.env(what.env);
    made.env("PARALLEL_JOBSLOT", std::to_string(slot));  // GNU parallel's name
    if (has_terminal) {
        made.new_session();
        made.controlling_terminal(1);
    } else if (is_in_our_group()) {
        // In the foreground, where it may use the terminal.
        made.process_group(engine_group_);
    } else {
        made.process_group(0);
    }
    using contain = cleaning_options::contain_use;
    if (asked_.cleaning.contain == contain::cgroup)
        made.containment(brood::containment::cgroup);
    else
        made.containment(brood::containment::process);
    for (const auto& [name, amount] : asked_.limits.resources)
        made.rlimit(limit_of(name), amount);
    for (const int each : passed_)
        if (each >= 0)
            made.pass_fd(each);
    // `one` stands between its caller and the command, and nothing of theirs
    // gets lost in it.
    if (asked_.as == options::form::one)
        for (const int each : asked_.inherited)
            made.pass_fd(each);
    if (asked_.limits.nice)
        made.nice(*asked_.limits.nice);
    made.keep_ignored(SIGHUP);
    return made;
}

// The job of `one`, unless it has a terminal of its own.
bool guard_process::is_in_our_group() const noexcept
{
    return asked_.as == options::form::one && !asked_.one_captures &&
           !asked_.output.pty;
}

// To wake the engine costs as much as all else that it has to do for a short
// job. While it has given us enough to go on with, it may hear of several
// ends at once.
void guard_process::reply_soon(const guard_reply& what)
{
    outbox_ += pack(what);
    if (waiting_.size() < enough_waiting)
        flush();
    else
        flush_later();
}

void guard_process::flush()
{
    if (outbox_.empty())
        return;
    const int failed = send_packet(socket_.native_handle(), outbox_, {}, 0);
    // An engine that is gone is noticed by the reader.
    if (failed == 0 || failed == EPIPE || failed == ECONNRESET)
        outbox_.clear();
    else
        flush_later();  // no memory, perhaps
}

void guard_process::flush_later()
{
    if (flushing_)
        return;
    flushing_ = true;
    flush_timer_.expires_after(longest_silence);
    flush_timer_.async_wait([this](brood::error_code) {
        flushing_ = false;
        flush();
    });
}

void guard_process::reply(const guard_reply& what)
{
    flush();
    if (!outbox_.empty()) {
        outbox_ += pack(what);  // not before those
        return;
    }
    const int socket = socket_.native_handle();
    if (send_packet(socket, pack(what), {}, 0) == 0)
        return;
    // No memory, perhaps, or no descriptor for a large one. The engine waits
    // for the fact, and can do without the words.
    auto less = what;
    std::visit(
        [](auto& each) {
            if constexpr (requires { each.leftover; })
                for (auto& process : each.leftover)
                    process.argv.clear();
        },
        less);
    send_packet(socket, pack(less), {}, 0);
}

void guard_process::watch(std::uint64_t id, brood::process child,
                          job_start start)
{
    auto& job = jobs_[id];
    job.child = std::move(child);
    job.start = start;
    job.start.pid = job.child.pid();
    slot_numbers_.take(start.slot);
    if (asked_.cleaning.contain == cleaning_options::contain_use::cgroup) {
        job.cgroup = cgroup_of(job.start.pid);
        // It went back to ours, where everybody is.
        if (job.cgroup == cgroup_of(getpid()))
            job.cgroup.clear();
    }
    job.child.async_wait([this, id](brood::error_code, int) { exited(id); });
    unannounced_.push_back(id);
    if (!announcing_)
        announce_later(start.at + announce_after);
}

void guard_process::announce_later(clock::time_point when)
{
    announcing_ = true;
    announce_timer_.expires_at(when);
    announce_timer_.async_wait([this](brood::error_code) { announce(); });
}

// Says of those that have been running for a while that they do.
void guard_process::announce()
{
    announcing_ = false;
    const auto before = clock::now() - announce_after;
    for (; !unannounced_.empty(); unannounced_.pop_front()) {
        const auto id = unannounced_.front();
        const auto found = jobs_.find(id);
        if (found == jobs_.end() || found->second.exited)
            continue;
        const auto& start = found->second.start;
        if (start.at > before) {
            announce_later(start.at + announce_after);
            return;
        }
        reply(started_reply{id, start});
    }
}

void guard_process::exited(std::uint64_t id)
{
    const auto found = jobs_.find(id);
    auto& job = found->second;
    job.exited = true;
    exited_reply told;
    told.id = id;
    told.start = job.start;
    told.status = job.child.status().value_or(brood::exit_status());
    told.usage = job.child.usage().value_or(brood::resource_usage());
    told.wall_ns = (clock::now() - job.start.at).count();
    const bool held_together =
        asked_.cleaning.contain != cleaning_options::contain_use::none;
    told.gone = !held_together || !orphans_.any_left();
    if (told.gone) {
        reply_soon(told);
        forget(found);
        start_waiting();
    } else {
        reply(told);
        look_soon();
    }
}

// It is gone, and its place is free.
guard_process::job_map::iterator guard_process::forget(job_map::iterator job)
{
    slot_numbers_.give_back(job->second.start.slot);
    return jobs_.erase(job);
}

void guard_process::stop(std::uint64_t id, bool now)
{
    std::erase_if(waiting_, [&](const auto& each) {
        const bool meant = id == 0 || id == each.what.id;
        if (meant)
            reply(recalled_reply{each.what.id});
        return meant;
    });
    for (auto& [each, job] : jobs_)
        if (id == 0 || id == each)
            begin_stop(job, now);
}

void guard_process::begin_stop(guarded_job& job, bool now)
{
    if (!job.stopping) {
        job.stopping = true;
        job.cleaning = false;
        job.step = 0;
        job.next_step = clock::now();
    }
    if (now && !job.killing) {
        job.step = sequence_.size();
        job.next_step = clock::now();
    }
    look_soon();
}

void guard_process::signal_all(std::uint64_t id, int signal)
{
    // Who is started now would not have got it.
    if (id == 0 && (signal == SIGSTOP || signal == SIGCONT))
        suspended_ = signal == SIGSTOP;
    for (const auto& [each, whom] : look()) {
        if (id != 0 && id != each)
            continue;
        for (const auto& process : whom)
            signal_process(process, signal);
    }
}

void guard_process::engine_died()
{
    engine_gone_ = true;
    // Nobody is there to ask for more patience than this.
    for (auto& step : sequence_)
        step.second = std::min<duration>(step.second, std::chrono::seconds(1));
    stop(0, false);
    if (jobs_.empty())
        finish();
}

}  // namespace cli
