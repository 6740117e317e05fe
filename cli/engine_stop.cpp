// The part of engine that ends a run early, and hears signals.

#include "cli/engine.hpp"

#include "cli/machine_limits.hpp"
#include "cli/plain_text.hpp"
#include "cli/process_tree.hpp"

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(post.hpp)

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace cli {

namespace {

// The five seconds for which the guard tries SIGKILL, and as many again.
constexpr auto longest_end = std::chrono::seconds(10);

}  // namespace

void engine::warn(const std::string& what)
{
    // The library's own words begin so already.
    const bool named = what.starts_with("brood: ");
    // Names in it are others': they draw nothing on our terminal, and begin
    // no line that looks like one of ours.
    printer_.port(1).write((named ? "" : "brood: ") + plain_line(what) + "\n");
}

void engine::fail(const std::string& what)
{
    const bool first = !result_.own_failure;
    result_.own_failure = true;
    if (first)
        warn(what);
    if (finishing_)
        return;
    // Not here: somebody is in the middle of something.
    brood::asio::post(io_, [this, what] {
        stop_reading(what);
        stop_all(job_status::canceled, false);
        check_end();
    });
}

void engine::output_failed(const char* which, int error)
{
    // At the end only the report's last lines are written there.
    if (result_.own_failure || (finishing_ && which == std::string("error")))
        return;
    fail(std::string("the standard ") + which +
         " cannot be written: " + std::strerror(error) + "; stopping");
}

// No new jobs; who waits to be tried again has had his last attempt.
void engine::stop_reading(const std::string& why)
{
    if (stopping_)
        return;
    stopping_ = true;
    stopped_because_ = why;
    tell([&why](run_listener& to) { to.stopping(why); });
    ask_guard(recall_request{}, {});
    const auto waiting = std::move(pausing_);
    pausing_.clear();
    for (const auto& [seq, each] : waiting) {
        each->timer.cancel();
        give_up(*each->next);
    }
    wake();
}

// It was to be tried again.
void engine::give_up(attempt& next)
{
    auto& outcome = next.record();
    outcome.status = job_status::canceled;
    ++done_;
    ++canceled_;
    ++result_.failed;
    release(next);
    if (next.text())
        printer_.close(next.text(), false, true);
    else
        printer_.skip(outcome.seq);
    tell([&outcome](run_listener& to) { to.job_ended(outcome); });
}

void engine::stop_all(job_status why, bool now)
{
    const auto all = running_;
    for (const auto& [id, each] : all)
        each->stop(why, now);
    expect_the_end(now);
}

// The guard ends all that it has in bounded time, unless it is held up itself:
// by an exec that does not return, or because somebody has suspended it. Then
// it is ended, and all that it had is ours.
void engine::expect_the_end(bool now)
{
    using std::chrono::hours;
    duration time = longest_end;
    auto steps = asked_.time.term_seq;
    if (steps.empty())
        steps.emplace_back(asked_.time.signal, asked_.time.kill_after);
    for (const auto& [signal, grace] : steps)
        if (!now)
            time += std::min<duration>(grace, hours(24));
    guard_time_.expires_after(
        std::chrono::duration_cast<clock::duration>(time));
    guard_time_.async_wait([this](brood::error_code failed) {
        if (failed || ended_ || guard_gone_)
            return;
        const bool all_gone =
            std::all_of(running_.begin(), running_.end(), [](const auto& each) {
                return each.second->is_gone();
            });
        if (all_gone)
            return;
        warn("the guard process does not answer, and is ended");
        kill(guard_.pid, SIGKILL);
        // The watch would see no end of the socket: a child that has not come
        // to exec has a copy of it.
        guard_lost();
    });
}

void engine::signaled(signal_event what)
{
    const bool shares_terminal = asked_.as == options::form::one &&
                                 !asked_.one_captures && !asked_.output.pty;
    // The job got it as well, and decides: an editor, a shell.
    if (shares_terminal && what.from_terminal &&
        (what.number == SIGINT || what.number == SIGQUIT))
        return;
    switch (what.number) {
    case SIGUSR1: tell([](run_listener& to) { to.listing_wanted(); }); break;
    case SIGTSTP: suspend(what.number); break;
    case SIGWINCH:
        for (const auto& [id, each] : running_)
            each->resize();
        [[fallthrough]];
    case SIGCONT: tell([](run_listener& to) { to.terminal_changed(); }); break;
    default: stop_by_signal(what.number);
    }
}

void engine::stop_by_signal(int number)
{
    const bool again = result_.signal != 0;
    if (!again)
        result_.signal = number;
    stop_reading(std::string("stopped by SIG") + sigabbrev_np(number));
    stop_all(job_status::canceled, again);
    // Whoever is to read it does not, or has been told to wait no longer.
    if (again)
        for (const unsigned each : {0u, 1u})
            printer_.port(each).discard();
    check_end();
}

void engine::suspend(int number)
{
    const bool shares_terminal = asked_.as == options::form::one &&
                                 !asked_.one_captures && !asked_.output.pty;
    if (!shares_terminal)
        ask_guard(signal_request{0, SIGSTOP}, {});
    const auto before = clock::now();
    // The terminal is the shell's until we are continued.
    tell([](run_listener& to) { to.before_output(); });
    signals_.suspend(number);
    tell([](run_listener& to) { to.after_output(); });
    const auto stood_still = clock::now() - before;
    ask_guard(signal_request{0, SIGCONT}, {});
    for (const auto& [id, each] : running_)
        each->extend(stood_still);
    tell([](run_listener& to) { to.terminal_changed(); });
}

}  // namespace cli
