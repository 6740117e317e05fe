#include "cli/engine.hpp"

#include "cli/machine_limits.hpp"

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(post.hpp)
#include BROOD_ASIO_HEADER(redirect_error.hpp)

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <limits>

namespace cli {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t read_buffer = 256 * 1024;
// How often limits are asked that no event tells of.
constexpr auto limit_pause = 100ms;
constexpr auto tick_pause = 100ms;
// What the guard needs at most to end the last of them, and some more.
constexpr auto guard_patience = 20s;

double now_1970()
{
    return std::chrono::duration<double>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

engine::engine(const options& asked, guard_handle guard, unsigned slots,
               std::unique_ptr<jobserver> tokens,
               std::unique_ptr<job_source> source,
               const run_listeners& listeners)
    : asked_(asked), guard_(guard), tokens_(std::move(tokens)),
      source_(std::move(source)), listeners_(listeners), buffer_(read_buffer),
      printer_(io_, asked_),
      signals_(io_, [this](signal_event what) { signaled(what); }),
      guard_watch_(io_, guard.socket), wake_(io_), deadline_(io_), tick_(io_),
      guard_time_(io_), slots_(slots), halt_(asked.halt), began_(clock::now())
{
    random_.seed(static_cast<unsigned>(getpid()) ^
                 static_cast<unsigned>(began_.time_since_epoch().count()));
}

int engine::run()
{
    prepare();
    announce();
    watch_guard();
    start_tick();
    brood::asio::co_spawn(io_, feed(), [this](std::exception_ptr failed) {
        try {
            if (failed)
                std::rethrow_exception(failed);
        } catch (const brood::system_error& error) {
            if (error.code() != brood::asio::error::operation_aborted)
                fail(error.what());
        } catch (const std::exception& error) {
            fail(error.what());
        }
        fed_ = true;
        in_hand_ = false;
        check_end();
    });
    loop();
    return finish();
}

void engine::prepare()
{
    ahead_ = jobs_ahead(asked_, slots_, tokens_ != nullptr);
    guard_takes_slots_ = ahead_ != 0;
    using color = output_options::color_use;
    if (asked_.output.color == color::always) {
        environment_.emplace_back("CLICOLOR_FORCE", "1");
        environment_.emplace_back("FORCE_COLOR", "1");
    } else if (asked_.output.color == color::never) {
        environment_.emplace_back("NO_COLOR", "1");
    }
    if (tokens_ && !tokens_->makeflags().empty())
        environment_.emplace_back("MAKEFLAGS", tokens_->makeflags());
    printer_.set_alone([this] {
        return running_.size() == 1 && pausing_.empty() &&
               (fed_ || stopping_ || slots_ == 1);
    });
    // Not at once: a job that has just ended may be about to be tried again.
    printer_.when_idle(
        [this] { brood::asio::post(io_, [this] { check_end(); }); });
    for (const unsigned each : {0u, 1u}) {
        printer_.port(each).on_error([this, each](int error) {
            output_failed(each == 0 ? "output" : "error", error);
        });
        if (!listeners_.empty())
            printer_.port(each).around(
                [this] { tell([](run_listener& to) { to.before_output(); }); },
                [this] { tell([](run_listener& to) { to.after_output(); }); });
    }
    tell([this](run_listener& to) {
        to.use_output([this](unsigned stream, std::string_view text) {
            if (stream == 0)
                printer_.port(0).write(text);
            else
                printer_.port(1).note(text);
        });
    });
    if (asked_.time.deadline) {
        deadline_.expires_after(
            std::chrono::duration_cast<clock::duration>(*asked_.time.deadline));
        deadline_.async_wait([this](brood::error_code failed) {
            if (failed || ended_)
                return;
            past_deadline_ = true;
            stop_reading("the deadline has passed");
            stop_all(job_status::timeout, false);
            if (running_.empty())
                miss_deadline();
            check_end();
        });
    }
}

void engine::announce()
{
    total_ = source_->total();
    if (listeners_.empty())
        return;
    run_record first;
    first.version = BROOD_PROGRAM_VERSION;
    char host[256] = {};
    if (gethostname(host, sizeof host - 1) == 0)
        first.host = host;
    char here[4096];
    if (getcwd(here, sizeof here) != nullptr)
        first.cwd = here;
    first.argv = asked_.argv;
    first.start = now_1970();
    first.jobs = slots_;
    first.total = total_;
    first.pid = getpid();
    const auto seconds = [](const std::optional<duration>& limit) {
        return limit ? std::optional(
                           std::chrono::duration<double>(*limit).count())
                     : std::nullopt;
    };
    first.limits = {seconds(asked_.time.timeout),
                    seconds(asked_.time.idle_timeout),
                    seconds(asked_.time.deadline), asked_.retry.attempts};
    tell([&first](run_listener& to) { to.run_started(first); });
}

// What a handler throws ends the run, not the program: there is a guard to be
// told, and jobs to be ended.
void engine::loop()
{
    for (;;) {
        try {
            io_.run();
            return;
        } catch (const std::exception& failure) {
            fail(failure.what());
        }
    }
}

bool engine::has_slot() const
{
    return slots_ == 0 || running_.size() + pausing_.size() < slots_ + ahead_;
}

// Waits until something has happened, or for so long.
brood::awaitable<void> engine::changed(duration at_most)
{
    if (at_most == duration::max())
        wake_.expires_at(clock::time_point::max());
    else
        wake_.expires_after(
            std::chrono::duration_cast<clock::duration>(at_most));
    brood::error_code ignored;
    co_await wake_.async_wait(
        brood::asio::redirect_error(brood::use_awaitable, ignored));
}

void engine::wake()
{
    wake_.cancel();
}

brood::awaitable<void> engine::feed()
{
    while (!stopping_) {
        if (!has_slot()) {
            co_await changed(duration::max());
            continue;
        }
        const unsigned slot = guard_takes_slots_ ? 0 : slot_numbers_.lowest();
        std::optional<job> next;
        next = co_await source_->next(slot);
        if (!next) {
            all_read();
            break;
        }
        ++read_;
        in_hand_ = true;
        printer_.expect(next->seq);
        const auto read_at = clock::now();
        const auto seq = next->seq;
        for (auto why = obstacle(seq); !stopping_ && why != wait_reason::none;
             why = obstacle(seq)) {
            set_waiting(why);
            duration time = limit_pause;
            if (why == wait_reason::delay)
                time = *last_start_ + asked_.limits.delay - clock::now();
            co_await changed(std::max<duration>(time, 0ns));
        }
        set_waiting(wait_reason::none);
        in_hand_ = false;
        if (stopping_) {
            skip(*next);
            break;
        }
        take_job(std::move(*next), slot, read_at);
    }
}

// Something was not done in time, be it that nothing was running then.
void engine::miss_deadline()
{
    if (result_.failed == 0)
        result_.failed = result_.timed_out = 1;
}

// It was read, and the run ended before there was room for it.
void engine::skip(const job& what, const std::shared_ptr<job_text>& text)
{
    ++skipped_;
    if (past_deadline_)
        miss_deadline();
    if (text)
        printer_.close(text, false, true);
    else
        printer_.skip(what.seq);
    job_record outcome;
    outcome.seq = what.seq;
    outcome.name = what.name;
    outcome.argv = what.argv;
    outcome.shell = what.shell;
    outcome.values = what.values;
    outcome.status = job_status::skipped;
    tell([&outcome](run_listener& to) { to.job_ended(outcome); });
}

// From now on a part of all is more than a guess.
void engine::all_read()
{
    if (!total_) {
        total_ = read_;
        tell([this](run_listener& to) { to.total_known(read_); });
    }
    halt_if_due();
}

// What the running jobs may still come to use of their --mem-per-job.
std::uint64_t engine::reserved_memory()
{
    const std::uint64_t each_one = *asked_.limits.mem_per_job;
    std::vector<int> pids;
    for (const auto& [id, each] : running_)
        pids.push_back(each->pid());
    usage_.sample(pids, clock::now());
    std::uint64_t sum = 0;
    for (const int each : pids)
        sum += each_one - std::min(each_one, usage_.memory_of(each));
    return sum;
}

// Why no job may be started now. One always may, so that no limit is a stop.
wait_reason engine::obstacle(std::uint64_t seq)
{
    const auto& limits = asked_.limits;
    if (limits.delay > 0ns && last_start_ &&
        clock::now() - *last_start_ < limits.delay)
        return wait_reason::delay;
    if (!printer_.has_room_for(seq))
        return wait_reason::output;
    const auto running = running_.size();
    if (scarce_ && running != 0 && done_ <= scarce_until_done_)
        return wait_reason::resources;
    scarce_ = false;
    // Nobody's end would change anything. But who waits to be tried again has
    // the token that we were started with.
    if (running == 0 && (!tokens_ || pausing_.empty()))
        return wait_reason::none;
    if (limits.load && running != 0)
        if (const auto tasks = running_tasks(); tasks && *tasks >= *limits.load)
            return wait_reason::load;
    if ((limits.memfree || limits.mem_per_job) && running != 0) {
        auto wanted = limits.memfree.value_or(0);
        if (limits.mem_per_job)
            wanted += *limits.mem_per_job + reserved_memory();
        if (const auto free = available_memory(); free && *free < wanted)
            return wait_reason::memory;
    }
    if (tokens_ && taken_tokens_ < running + pausing_.size()) {
        if (tokens_->take()) {
            ++taken_tokens_;
            return wait_reason::none;
        }
        if (!token_watch_)
            token_watch_.emplace(io_, dup(tokens_->descriptor()));
        if (!token_waiting_) {
            token_waiting_ = true;
            token_watch_->async_wait(
                brood::asio::posix::descriptor_base::wait_read,
                [this](brood::error_code) {
                    token_waiting_ = false;
                    wake();
                });
        }
        return wait_reason::jobserver;
    }
    return wait_reason::none;
}

void engine::set_waiting(wait_reason why)
{
    if (why == waiting_)
        return;
    waiting_ = why;
    tell([why](run_listener& to) { to.waiting(why); });
}

void engine::start_tick()
{
    const bool wanted =
        asked_.time.timeout_percent ||
        std::any_of(listeners_.begin(), listeners_.end(),
                    [](const auto& each) { return each->wants_ticks(); });
    if (!wanted)
        return;
    tick_.expires_after(tick_pause);
    tick_.async_wait([this](brood::error_code failed) {
        if (failed || ended_)
            return;
        tick();
        start_tick();
    });
}

void engine::tick()
{
    const auto now = clock::now();
    const auto median = median_.value();
    for (const auto& [id, each] : running_) {
        if (asked_.time.timeout_percent && median && each->pid() != 0) {
            const std::chrono::duration<double> age = now - each->start_time();
            if (age.count() > *median * *asked_.time.timeout_percent / 100)
                each->stop(job_status::timeout, false);
        }
        const std::pair bytes(each->bytes(0), each->bytes(1));
        auto& before = told_[id];
        if (bytes == before || !each->text())
            continue;
        before = bytes;
        output_news news;
        news.seq = each->what()->seq;
        news.out_bytes = bytes.first;
        news.err_bytes = bytes.second;
        auto line = each->text()->last_bytes();
        while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
            line.remove_suffix(1);
        news.last_line = line.substr(line.find_last_of("\r\n") + 1);
        tell([&news](run_listener& to) { to.job_output(news); });
    }
    tell([now](run_listener& to) { to.tick(now); });
}

void engine::check_end()
{
    if (ended_ || !running_.empty() || !pausing_.empty() || in_hand_ ||
        !(fed_ || stopping_) || !printer_.idle())
        return;
    ended_ = true;
    io_.stop();
}

// All jobs are over: the guard ends what may still be there, and itself.
int engine::finish()
{
    finishing_ = true;
    brood::error_code ignored;
    if (!guard_gone_) {
        ask_guard(finish_request{}, {});
        const auto until = clock::now() + guard_patience;
        bool said = false;
        while (!said) {
            pollfd ready{guard_watch_.native_handle(), POLLIN, 0};
            if (poll(&ready, 1, 100) <= 0 && clock::now() < until)
                continue;
            const auto packet =
                receive_packet(guard_watch_.native_handle(), MSG_DONTWAIT);
            if (packet.ended || packet.would_block)
                break;
            for (const auto& told : unpack_replies(packet.bytes)) {
                const auto* const last = std::get_if<finished_reply>(&told);
                said = last != nullptr;
                if (said)
                    say_who_was_left(last->leftover);
            }
        }
        guard_watch_.close(ignored);
        // It has nothing more to do, or does not do it: it is stopped,
        // perhaps, and would be waited for without end.
        kill(guard_.pid, SIGKILL);
        waitpid(guard_.pid, nullptr, 0);
        // What it had is ours now.
        using use = cleaning_options::leftover_use;
        if (!said && asked_.cleaning.leftover != use::allow &&
            end_all_descendants() < 0) {
            result_.own_failure = true;
            warn("some processes could not be ended, not even by SIGKILL");
        }
    }
    const int code = exit_code_of(result_, asked_);
    const auto last = end_of_run(code);
    tell([&last](run_listener& to) { to.run_ended(last); });
    // Whoever is to read it may not: a signal ends this wait, too.
    const auto given_up = [this] {
        const int number = pending_stop();
        if (number != 0 && result_.signal == 0)
            result_.signal = number;
        return number != 0;
    };
    for (const unsigned each : {0u, 1u})
        printer_.port(each).drain(given_up);
    // What run_ended threw counts, too.
    return exit_code_of(result_, asked_);
}

// Those that no job could be blamed for.
void engine::say_who_was_left(const std::vector<leftover_process>& whom)
{
    if (whom.empty())
        return;
    const bool unkillable = whom.front().action == "unkillable";
    if (unkillable)
        result_.own_failure = true;
    if (unkillable || asked_.display.verbosity >= 0)
        warn("some job left processes behind: " + names_of(whom));
}

end_record engine::end_of_run(int code) const
{
    end_record last;
    last.end = now_1970();
    last.wall_s = std::chrono::duration<double>(clock::now() - began_).count();
    last.ok = result_.ok;
    last.timed_out = result_.timed_out;
    last.canceled = canceled_;
    last.failed = result_.failed -
                  std::min(result_.failed, result_.timed_out + canceled_);
    last.skipped = skipped_;
    if (stopping_ && total_ && *total_ > read_)
        last.skipped += *total_ - read_;
    last.retried = static_cast<std::uint64_t>(retried_);
    last.user_s = user_s_;
    last.sys_s = sys_s_;
    last.exit_code = code;
    last.halted = stopped_because_;
    return last;
}

}  // namespace cli
