#include "cli/guard_process.hpp"

#include "cli/guard.hpp"

#include <brood/command.hpp>
#include <brood/containment.hpp>
#include <brood/errors.hpp>
#include <brood/limit_kind.hpp>
#include <brood/redirection.hpp>

#include BROOD_ASIO_HEADER(post.hpp)

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <thread>

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
constexpr int announce_after_ms = 2;

// The descriptors of a packet, closed when it has been dealt with.
class closing {
public:
    explicit closing(const std::vector<int>& descriptors) : all_(descriptors) {}
    closing(const closing&) = delete;
    closing& operator=(const closing&) = delete;
    ~closing()
    {
        for (const int each : all_)
            close(each);
    }

private:
    const std::vector<int>& all_;
};

}  // namespace

guard_process::guard_process(int socket, int engine_group,
                             std::array<int, 2> passed, const options& asked)
    : socket_(socket), null_device_(open("/dev/null", O_RDWR | O_CLOEXEC)),
      engine_group_(engine_group), passed_(passed), asked_(asked)
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
    // In the end it waits for a packet that never comes.
    std::thread([this] { read_requests(); }).detach();
    collect_orphans_now_and_then();
    io_.run();
}

void guard_process::read_requests()
{
    for (;;) {
        auto packet = receive_packet(socket_, MSG_DONTWAIT);
        if (packet.would_block) {
            if (!wait_for_request())
                announce();
            continue;
        }
        if (packet.ended) {
            brood::asio::post(io_, [this] { engine_died(); });
            // With this thread its children, the jobs, would become the main
            // thread's, who takes those for orphans.
            for (;;)
                pause();
        }
        const closing after(packet.descriptors);
        const auto what = unpack_request(packet.bytes);
        if (const auto* const job = std::get_if<start_request>(&what))
            start(*job, packet, clock::now());
        else
            pass_on(what);
    }
}

void guard_process::start(const start_request& what,
                          const received_packet& packet, clock::time_point now)
{
    refused_reply failed;
    failed.id = what.id;
    try {
        if (packet.cut)
            throw brood::system_error(
                brood::error_code(EMFILE, brood::system_category()),
                "too few descriptors");
        auto child =
            brood::spawn_process(io_, command_of(what, packet.descriptors));
        {
            const std::lock_guard lock(mutex_);
            unannounced_.push_back({what.id, child.pid(), now});
        }
        // One process object, one thread at a time: it waits over there.
        brood::asio::post(
            io_, [this, id = what.id, now, made = std::move(child)]() mutable {
                watch(id, std::move(made), now);
            });
        announce();
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

brood::command guard_process::command_of(const start_request& what,
                                         const std::vector<int>& given) const
{
    auto made = brood::exec(what.argv);
    // The terminal is the first of those that came, and the output is on it.
    const bool has_terminal = what.out == stream_use::terminal;
    std::size_t next = has_terminal ? 1 : 0;
    const auto leads = [&](stream_use use) -> brood::redirection {
        if (use == stream_use::ours)
            return brood::inherit;
        if (use == stream_use::terminal)
            return brood::from_fd(given.at(0));
        if (use == stream_use::given)
            return brood::from_fd(given.at(next++));
        if (null_device_ >= 0)
            return brood::from_fd(null_device_);
        return brood::devnull;
    };
    made.in(leads(what.in));
    made.out(leads(what.out));
    made.err(leads(what.err));
    made.env(job_variable, marker_of(what.id));
    made.env(what.env);
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

// From both threads: a packet goes as a whole.
void guard_process::reply(const guard_reply& what)
{
    // An engine that is gone is noticed by the reader.
    if (send_packet(socket_, pack(what), {}, 0) == 0)
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
    send_packet(socket_, pack(less), {}, 0);
}

// To the main thread.
void guard_process::pass_on(const guard_request& what)
{
    if (const auto* const found = std::get_if<stop_request>(&what))
        brood::asio::post(io_,
                          [this, told = *found] { stop(told.id, told.now); });
    else if (const auto* const sent = std::get_if<signal_request>(&what))
        brood::asio::post(
            io_, [this, told = *sent] { signal_all(told.id, told.signal); });
    else
        brood::asio::post(io_, [this] { finish(); });
}

void guard_process::watch(std::uint64_t id, brood::process child,
                          clock::time_point started)
{
    auto& job = jobs_[id];
    job.child = std::move(child);
    job.pid = job.child.pid();
    job.started = started;
    if (asked_.cleaning.contain == cleaning_options::contain_use::cgroup) {
        job.cgroup = cgroup_of(job.pid);
        // It went back to ours, where everybody is.
        if (job.cgroup == cgroup_of(getpid()))
            job.cgroup.clear();
    }
    job.child.async_wait([this, id](brood::error_code, int) { exited(id); });
}

// False: nothing came for so long that the jobs which still run are to be
// announced.
bool guard_process::wait_for_request()
{
    bool all_known = false;
    {
        const std::lock_guard lock(mutex_);
        all_known = unannounced_.empty();
    }
    pollfd ready{socket_, POLLIN, 0};
    return poll(&ready, 1, all_known ? -1 : announce_after_ms) != 0;
}

// Says of those that have been running for a while that they do.
void guard_process::announce()
{
    const std::lock_guard lock(mutex_);
    const auto before =
        clock::now() - std::chrono::milliseconds(announce_after_ms);
    while (!unannounced_.empty() && unannounced_.front().started <= before) {
        reply(started_reply{unannounced_.front().id, unannounced_.front().pid});
        unannounced_.pop_front();
    }
}

void guard_process::exited(std::uint64_t id)
{
    auto& job = jobs_.at(id);
    job.exited = true;
    exited_reply told;
    told.id = id;
    told.pid = job.pid;
    told.status = job.child.status().value_or(brood::exit_status());
    told.usage = job.child.usage().value_or(brood::resource_usage());
    told.wall_ns = (clock::now() - job.started).count();
    const bool held_together =
        asked_.cleaning.contain != cleaning_options::contain_use::none;
    told.gone = !held_together || !any_orphans();
    {
        // Whoever says first that it was started: never after this.
        const std::lock_guard lock(mutex_);
        std::erase_if(unannounced_,
                      [id](const auto& each) { return each.id == id; });
        reply(told);
    }
    if (told.gone)
        jobs_.erase(id);
    else
        look_soon();
}

void guard_process::stop(std::uint64_t id, bool now)
{
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
