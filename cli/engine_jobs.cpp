// The part of engine that starts jobs, hears of them, and counts their ends.

#include "cli/engine.hpp"

#include "cli/plain_text.hpp"

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(post.hpp)

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace cli {

namespace {

using namespace std::chrono_literals;

bool is_scarcity(int error)
{
    return error == EMFILE || error == ENFILE || error == EAGAIN ||
           error == ENOMEM || error == ETOOMANYREFS;
}

}  // namespace

void engine::take_job(job read, unsigned slot, clock::time_point read_at)
{
    if (slot != 0)
        slot_numbers_.take(slot);
    auto what = std::make_shared<const job>(std::move(read));
    auto first =
        std::make_shared<attempt>(*this, what, slot, 1, next_id_++, read_at);
    start(first);
}

void engine::start(const attempt_ptr& what, bool repeated)
{
    last_start_ = clock::now();
    what->when_over([this](attempt& ended) { over(ended); });
    running_.emplace(what->id(), what);
    wait_for_retries();
    if (asked_.output.print_commands && what->count() == 1 && !repeated)
        printer_.port(1).write(plain_line(what->what()->display) + "\n");
    try {
        what->begin();
    } catch (const std::system_error& error) {
        if (is_scarcity(error.code().value()) && running_.size() > 1) {
            start_again_soon(what);
            return;
        }
        refused_reply failed;
        failed.id = what->id();
        failed.start = {0, what->slot(), clock::now()};
        failed.error = error.code().value();
        failed.what = error.what();
        what->refused(failed, false);
    }
}

// There are not enough descriptors or processes: when another job has ended,
// there may be.
void engine::start_again_soon(const attempt_ptr& what)
{
    scarce_ = true;
    ahead_ = 0;  // there is room for those that run, at the most
    scarce_until_done_ = done_;
    running_.erase(what->id());
    auto later = std::make_shared<pause>(io_);
    later->next = what;
    pausing_.emplace(what->what()->seq, later);
    set_waiting(wait_reason::resources);
    later->timer.expires_after(100ms);
    later->timer.async_wait([this, later](brood::error_code) {
        // Somebody else gave it up, and has counted it.
        if (pausing_.erase(later->next->what()->seq) == 0)
            return;
        set_waiting(wait_reason::none);
        start(later->next, true);
    });
}

void engine::ask_guard(const guard_request& what,
                       const std::vector<int>& descriptors)
{
    if (guard_gone_)
        return;
    const auto bytes = pack(what);
    const int socket = guard_watch_.native_handle();
    for (;;) {
        const int failed =
            send_packet(socket, bytes, descriptors, MSG_DONTWAIT);
        if (failed == 0)
            return;
        if (failed == EPIPE || failed == ECONNRESET || failed == ENOTCONN)
            return;  // the watch sees its end
        if (failed != EAGAIN && failed != ENOBUFS)
            throw std::system_error(failed, std::generic_category(),
                                    "the guard cannot be asked");
        // It may wait for us to hear it, so hear it.
        pollfd ready{socket, POLLIN | POLLOUT, 0};
        poll(&ready, 1, -1);
        if ((ready.revents & POLLIN) != 0) {
            auto packet = receive_packet(socket, MSG_DONTWAIT);
            if (packet.ended)
                return;
            if (inbox_.empty())
                brood::asio::post(io_, [this] { take_replies(); });
            inbox_.push_back(std::move(packet));
        }
    }
}

void engine::watch_guard()
{
    guard_watch_.async_wait(brood::asio::posix::descriptor_base::wait_read,
                            [this](brood::error_code failed) {
                                if (failed || guard_gone_)
                                    return;
                                // First, since what follows may throw.
                                watch_guard();
                                take_replies();
                            });
}

void engine::take_replies()
{
    while (!guard_gone_) {
        received_packet packet;
        if (inbox_.empty()) {
            packet = receive_packet(guard_watch_.native_handle(), MSG_DONTWAIT);
        } else {
            packet = std::move(inbox_.front());
            inbox_.pop_front();
        }
        if (packet.would_block)
            return;
        if (packet.ended) {
            guard_lost();
            return;
        }
        for (const auto& reply : unpack_replies(packet.bytes)) {
            // What is wrong with one is no reason not to hear the others.
            try {
                take(reply);
            } catch (const std::exception& failure) {
                fail(failure.what());
            }
        }
    }
}

void engine::take(const guard_reply& what)
{
    const auto id = std::visit(
        [](const auto& each) -> std::uint64_t {
            if constexpr (requires { each.id; })
                return each.id;
            return 0;
        },
        what);
    const auto found = running_.find(id);
    if (found == running_.end())
        return;
    const auto job = found->second;
    if (const auto* started = std::get_if<started_reply>(&what)) {
        say_started(*job, started->start, false);
    } else if (const auto* refused = std::get_if<refused_reply>(&what)) {
        if (!job->refused(*refused, running_.size() > 1))
            start_again_soon(job);
    } else if (const auto* exited = std::get_if<exited_reply>(&what)) {
        if (job->pid() == 0)
            say_started(*job, exited->start, true);
        job->exited(*exited);
    } else if (const auto* sent = std::get_if<signaled_reply>(&what)) {
        job->signaled(*sent);
    } else if (const auto* gone = std::get_if<gone_reply>(&what)) {
        job->gone(gone->leftover);
    } else if (std::holds_alternative<recalled_reply>(what)) {
        recalled(job);
    }
}

void engine::say_started(attempt& job, const job_start& start, bool has_ended)
{
    job.started(start, has_ended);
    // Later than it was asked for: --delay counts from here.
    last_start_ = std::max(*last_start_, start.at);
    if (listeners_.empty())
        return;
    running_job news;
    news.seq = job.what()->seq;
    news.slot = job.slot();
    news.attempt = job.count();
    news.pid = start.pid;
    news.name = job.what()->name;
    news.display = job.what()->display;
    news.started = job.start_time();
    tell([&news](run_listener& to) { to.job_started(news); });
}

// It was read, and given to the guard, and the run ended before there was room
// for it.
void engine::recalled(const attempt_ptr& what)
{
    running_.erase(what->id());
    told_.erase(what->id());
    if (what->count() > 1) {
        give_up(*what);
    } else {
        release(*what);
        skip(*what->what(), what->text());
    }
    check_end();
}

// Killed, most likely. All that it had is ours now.
void engine::guard_lost()
{
    guard_gone_ = true;
    const int found = end_all_descendants();
    result_.own_failure = true;
    warn(found < 0 ? "the guard process was killed; some of the jobs could "
                     "not be ended"
                   : "the guard process was killed; all jobs have been ended");
    stop_reading("the guard process was killed");
    const auto all = running_;
    for (const auto& [id, each] : all)
        each->lost();
    check_end();
}

void engine::over(attempt& ended)
{
    const auto kept = running_.find(ended.id());
    if (kept == running_.end())
        return;
    const auto self = kept->second;
    running_.erase(kept);
    told_.erase(self->id());
    auto& outcome = self->record();
    const bool failed = has_failed(outcome, asked_.cleaning);
    // Only what it left behind makes it a failure, so that must be told.
    if (failed && outcome.status == job_status::ok) {
        outcome.status = job_status::exit;
        outcome.error = "it left processes behind";
    }
    const bool again =
        failed && !stopping_ && is_tried_again(outcome, asked_.retry);
    outcome.final = !again;
    user_s_ += outcome.user_s;
    sys_s_ += outcome.sys_s;
    say_how_it_ended(outcome);
    // First of all: a run with nobody who waits may be over.
    if (again) {
        ++retried_;
        try_again(*self);
    }
    if (self->text()) {
        const bool shown = !again && (failed || !asked_.output.fail_only);
        printer_.close(self->text(), shown, !again);
    } else if (!again) {
        printer_.skip(outcome.seq);
    }
    tell([&outcome](run_listener& to) { to.job_ended(outcome); });
    if (again) {
        wait_for_retries();
        return;
    }
    ++done_;
    release(*self);
    count(outcome, failed);
    wait_for_retries();
    wake();
    check_end();
}

// All that is left are pauses: that is told, so that nobody takes it for a
// standstill.
void engine::wait_for_retries()
{
    const bool only = fed_ && running_.empty() && !pausing_.empty();
    if (only && waiting_ == wait_reason::none)
        set_waiting(wait_reason::retry);
    else if (!only && waiting_ == wait_reason::retry)
        set_waiting(wait_reason::none);
}

// The slot stays with the job: its number may stand in the command.
void engine::try_again(const attempt& failed)
{
    auto later = std::make_shared<pause>(io_);
    later->next = std::make_shared<attempt>(*this, failed.what(), failed.slot(),
                                            failed.count() + 1, next_id_++,
                                            failed.read_at());
    pausing_.emplace(failed.what()->seq, later);
    later->timer.expires_after(std::chrono::duration_cast<clock::duration>(
        retry_pause(asked_.retry, failed.count(), random_)));
    later->timer.async_wait([this, later](brood::error_code) {
        if (pausing_.erase(later->next->what()->seq) != 0)
            start(later->next);
    });
}

void engine::release(const attempt& ended)
{
    if (!guard_takes_slots_)
        slot_numbers_.give_back(ended.slot());
    const auto needed = running_.size() + pausing_.size();
    while (tokens_ && taken_tokens_ > 0 && taken_tokens_ + 1 > needed) {
        tokens_->give();
        --taken_tokens_;
    }
}

void engine::count(const job_record& ended, bool failed)
{
    result_.last = ended;
    if (ended.status == job_status::canceled) {
        ++canceled_;
        ++result_.failed;
        return;  // the run is ending already
    }
    if (failed)
        ++result_.failed;
    else
        ++result_.ok;
    if (ended.status == job_status::timeout || ended.status == job_status::idle)
        ++result_.timed_out;
    if (ended.status == job_status::spawn && ended.code == 127)
        ++result_.not_found;
    if (ended.status == job_status::spawn && ended.code == 126)
        ++result_.not_executable;
    if (!failed && asked_.time.timeout_percent)
        median_.add(ended.wall_s);
    halt_.count(failed);
    halt_if_due();
}

void engine::halt_if_due()
{
    const auto why = halt_.verdict(total_, read_);
    if (!why || stopping_)
        return;
    using counted = halt_policy::counted;
    // Those that are stopped now have not failed.
    result_.halted_by_success =
        asked_.halt.what == counted::success ||
        (asked_.halt.what == counted::done && result_.failed == 0);
    stop_reading("halted: " + *why);
    if (asked_.halt.at == halt_policy::when::now)
        stop_all(job_status::canceled, false);
}

void engine::say_how_it_ended(const job_record& ended)
{
    const auto& program = ended.argv.empty() ? ended.name : ended.argv[0];
    const bool shown =
        std::any_of(listeners_.begin(), listeners_.end(),
                    [](const auto& each) { return each->shows_failures(); });
    if (ended.status == job_status::spawn && !shown)
        warn(ended.error);
    if (ended.leftover.empty() || asked_.display.verbosity < 0)
        return;
    const auto which = asked_.as == options::form::one
                           ? program
                           : "job " + std::to_string(ended.seq);
    warn(which + " left processes behind: " + names_of(ended.leftover));
}

std::string engine::names_of(const std::vector<leftover_process>& whom)
{
    std::string who;
    for (const auto& each : whom) {
        who += who.empty() ? "" : ", ";
        who += std::to_string(each.pid);
        for (const auto& word : each.argv)
            who += " " + word;
        who += " (" + each.action + ")";
    }
    return who;
}

}  // namespace cli
