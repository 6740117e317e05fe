// The part of guard_process that looks for what jobs leave behind, and ends
// it.

#include "cli/guard.hpp"
#include "cli/guard_process.hpp"

#include <brood/asio.hpp>
#include <brood/stop_sequence.hpp>

#include BROOD_ASIO_HEADER(post.hpp)

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <set>

namespace cli {

namespace {

using namespace std::chrono_literals;

// How long SIGKILL is tried before somebody is called unkillable: the time
// that brood itself gives.
constexpr auto kill_patience = 5s;
constexpr auto longest_pause = 50ms;

// Who descends from us has an ancestor among our children, or is one of them:
// processes that lose their parents become ours. So if there is no child, there
// is nobody, and no look at /proc is needed, which takes milliseconds.
bool is_anybody_left()
{
    siginfo_t ignored{};
    return waitid(P_ALL, 0, &ignored, WEXITED | WNOHANG | WNOWAIT) == 0 ||
           errno != ECHILD;
}

}  // namespace

// A job's processes that end without a parent would stay zombies as long as no
// job ends.
void guard_process::collect_orphans_now_and_then()
{
    orphan_timer_.expires_after(1s);
    orphan_timer_.async_wait([this](brood::error_code failed) {
        if (failed)
            return;
        orphans_.any_left();
        collect_orphans_now_and_then();
    });
}

// Whose is this process that lost its parents? 0: it cannot be told.
std::uint64_t guard_process::owner_of(const tree_process& orphan)
{
    const auto identity = std::pair(orphan.pid, orphan.start);
    if (const auto known = owners_.find(identity); known != owners_.end())
        return known->second;
    std::uint64_t owner = 0;
    const auto text = environment_of(orphan.pid, job_variable);
    if (const auto at = text.find(marker_); at != std::string::npos)
        owner = std::strtoull(text.c_str() + at + marker_.size(), nullptr, 10);
    for (const auto& [id, job] : jobs_)
        if (owner == 0 && job.start.pid == orphan.group)
            owner = id;
    if (asked_.cleaning.contain == cleaning_options::contain_use::cgroup) {
        const auto place = cgroup_of(orphan.pid) + "/";
        for (const auto& [id, job] : jobs_)
            if (owner == 0 && !job.cgroup.empty() &&
                place.starts_with(job.cgroup + "/"))
                owner = id;
    }
    // It cleared its environment and made a group of its own; where one job
    // alone has been running since it was first seen, it is that one's.
    if (owner == 0 && jobs_.size() != 1)
        ambiguous_.insert(identity);
    if (owner == 0 && jobs_.size() == 1 && !ambiguous_.contains(identity))
        owner = jobs_.begin()->first;
    if (owner != 0)
        owners_.emplace(identity, owner);
    return owner;
}

// All living processes of all jobs, parents before children.
guard_process::members guard_process::look()
{
    orphans_.any_left();
    const int self = getpid();
    std::map<int, std::uint64_t> leaders;
    for (const auto& [id, job] : jobs_)
        if (!job.exited)
            leaders.emplace(job.start.pid, id);
    std::map<int, std::uint64_t> owner;
    members found;
    std::set<std::pair<int, std::uint64_t>> seen;
    for (const auto& each : descendants(list_processes(), self)) {
        std::uint64_t of = 0;
        if (each.parent != self)
            of = owner[each.parent];
        else if (const auto led = leaders.find(each.pid); led != leaders.end())
            of = led->second;
        else if (each.alive)
            of = owner_of(each);
        owner[each.pid] = of;
        seen.emplace(each.pid, each.start);
        if (each.alive && of != 0)
            found[of].push_back(each);
    }
    std::erase_if(owners_,
                  [&](const auto& each) { return !seen.count(each.first); });
    std::erase_if(ambiguous_,
                  [&](const auto& each) { return !seen.count(each); });
    return found;
}

// Does this process of a job's tree end with it?
bool guard_process::holds(const guarded_job& job,
                          const tree_process& each) const
{
    using contain = cleaning_options::contain_use;
    if (each.pid == job.start.pid)
        return true;
    if (asked_.cleaning.contain == contain::group)
        return each.group ==
               (is_in_our_group() ? engine_group_ : job.start.pid);
    return asked_.cleaning.contain != contain::none;
}

void guard_process::look_soon()
{
    pause_ = 1ms;
    if (looking_) {
        look_timer_.cancel();
        return;
    }
    looking_ = true;
    brood::asio::post(io_, [this] { look_at_all(); });
}

// One look at /proc for all jobs that are being stopped or cleaned up after;
// again and again until they are gone. No event tells that.
void guard_process::look_at_all()
{
    const auto found = look();
    bool again = false;
    for (auto each = jobs_.begin(); each != jobs_.end();) {
        auto& [id, job] = *each;
        const auto whom = found.find(id);
        std::vector<tree_process> alive;
        if (whom != found.end())
            std::copy_if(whom->second.begin(), whom->second.end(),
                         std::back_inserter(alive),
                         [&](const auto& one) { return holds(job, one); });
        if (job.stopping || job.exited)
            step(id, job, alive);
        const bool left =
            asked_.cleaning.leftover == cleaning_options::leftover_use::warn ||
            asked_.cleaning.leftover == cleaning_options::leftover_use::allow;
        const bool given_up = job.killing && clock::now() > job.give_up;
        if (job.exited &&
            (alive.empty() || (job.cleaning && left) || given_up)) {
            if (given_up)
                name_leftover(job, alive, "unkillable");
            if (left && !alive.empty() && !job.cgroup.empty())
                left_.push_back(std::move(job.child));
            reply(gone_reply{id, std::move(job.leftover)});
            each = forget(each);
            continue;
        }
        again = again || job.stopping || job.exited;
        ++each;
    }
    looking_ = again;
    start_waiting();
    if (engine_gone_ && jobs_.empty()) {
        finish();
        return;
    }
    if (!again)
        return;
    look_timer_.expires_after(pause_);
    pause_ = std::min<std::chrono::milliseconds>(pause_ * 2, longest_pause);
    look_timer_.async_wait([this](brood::error_code) { look_at_all(); });
}

// What is to be done for a job now, given who of it is alive.
void guard_process::step(std::uint64_t id, guarded_job& job,
                         const std::vector<tree_process>& whom)
{
    if (job.exited && !job.stopping && !job.cleaning && !whom.empty())
        begin_cleaning(job, whom);
    if (job.exited && whom.empty())
        return;
    if (job.killing) {
        // Whoever was forked meanwhile.
        for (const auto& each : whom)
            signal_process(each, SIGKILL);
        return;
    }
    if (!job.stopping || clock::now() < job.next_step)
        return;
    if (job.step < sequence_.size()) {
        const auto& [signal, grace] = sequence_[job.step++];
        send(id, job, signal, whom);
        // A last SIGKILL needs no grace: it is repeated until all are gone.
        if (signal != SIGKILL || job.step < sequence_.size()) {
            job.next_step = clock::now() + grace;
            return;
        }
    } else {
        send(id, job, SIGKILL, whom);
    }
    job.killing = true;
    job.give_up = clock::now() + kill_patience;
    if (asked_.cleaning.contain == cleaning_options::contain_use::cgroup &&
        !job.exited)
        job.child.async_stop(brood::stop_sequence(),
                             [](brood::error_code, int) {});
}

void guard_process::send(std::uint64_t id, guarded_job& job, int signal,
                         const std::vector<tree_process>& whom)
{
    if (!job.exited)
        reply(
            signaled_reply{id, signal, (clock::now() - job.start.at).count()});
    for (const auto& each : whom) {
        if (each.pid != job.start.pid)
            signal_process(each, signal);
    }
    // The job's own process last: as soon as it has ended, some programs that
    // it started have no way to end in order any more.
    if (!job.exited) {
        job.child.send_signal(signal);
        // A job that was suspended (Ctrl-Z) could not react.
        if (signal != SIGKILL)
            job.child.send_signal(SIGCONT);
    }
}

// The job has ended by itself, and these are still there.
void guard_process::begin_cleaning(guarded_job& job,
                                   const std::vector<tree_process>& whom)
{
    using use = cleaning_options::leftover_use;
    job.cleaning = true;
    const bool ends = asked_.cleaning.leftover == use::kill ||
                      asked_.cleaning.leftover == use::fail;
    name_leftover(job, whom, ends ? "killed" : "left");
    if (!ends)
        return;
    for (const auto& each : whom)
        signal_process(each, SIGTERM);
    // The next look after this kills.
    job.stopping = true;
    job.step = sequence_.size();
    job.next_step =
        clock::now() + std::min<duration>(asked_.cleaning.drain, 200ms);
}

void guard_process::name_leftover(guarded_job& job,
                                  const std::vector<tree_process>& whom,
                                  const char* action)
{
    for (const auto& each : whom) {
        if (action != std::string_view("killed"))
            named_.insert(each.pid);
        const auto named = std::find_if(
            job.leftover.begin(), job.leftover.end(),
            [&](const auto& before) { return before.pid == each.pid; });
        if (named != job.leftover.end()) {
            named->action = action;
            continue;
        }
        job.leftover.push_back({each.pid, arguments_of(each.pid), action});
    }
}

// The end: nobody is left, and waitid says so.
void guard_process::finish()
{
    using use = cleaning_options::leftover_use;
    finished_reply told;
    if ((asked_.cleaning.leftover != use::allow || engine_gone_) &&
        is_anybody_left()) {
        // Who has been named with a job is not named again.
        using contain = cleaning_options::contain_use;
        const bool names = asked_.cleaning.contain != contain::none;
        auto named = named_;
        // Who has left the group of his job was nobody's until now.
        if (asked_.cleaning.contain != contain::group)
            for (const auto& [id, whom] : look())
                for (const auto& each : whom)
                    named.insert(each.pid);
        for (const auto& each : descendants(list_processes(), getpid()))
            if (names && each.alive && !named.contains(each.pid))
                told.leftover.push_back(
                    {each.pid, arguments_of(each.pid), "killed"});
        const int unkillable = end_all_descendants();
        if (unkillable < 0) {
            told.leftover.clear();
            for (const auto& each : descendants(list_processes(), getpid()))
                if (each.alive)
                    told.leftover.push_back(
                        {each.pid, arguments_of(each.pid), "unkillable"});
        }
        // Their cgroups are empty now, and removed.
        left_.clear();
    }
    reply(told);
    io_.stop();
}

}  // namespace cli
