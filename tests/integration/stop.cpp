// stop.cpp: a child is stopped by signals, each with a time to react, and what
// it brought along with it.
#include "support/few_descriptors.hpp"
#include "support/refused_calls.hpp"
#include "support/runs.hpp"
#include "support/tracer.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using brood::awaitable;
using brood::create_subprocess;
using brood::create_task;
using brood::devnull;
using brood::piped;
using brood::shell;
using brood::spawn_process;
using namespace std::chrono_literals;
using namespace brood_test;

class stops : public clean_test {};

// For signals that surely end who gets them.
stop_sequence patiently(int signal)
{
    return stop_sequence().then(signal, brood::unlimited);
}

stop_sequence briefly(int signal)
{
    return stop_sequence().then(signal, 20ms);
}

// A leader that obeys, and prints the number of one who ignores SIGTERM.
command with_a_stubborn_one(const witness& all)
{
    return all.watching(child("fork-and-hold-then-pause", "ignore-term"))
        .out(piped);
}

// Starts `what`, waits for its first line, and stops it.
awaitable<int> code_when_stopped(command what, stop_sequence how)
{
    auto p = co_await create_subprocess(what.out(piped));
    const auto line = co_await p.out().readline();
    EXPECT_FALSE(line.empty());
    co_return co_await p.stop(how);
}

int stopped(command what, stop_sequence how)
{
    return brood::run(code_when_stopped(std::move(what), std::move(how)));
}

TEST_F(stops, a_child_that_ignores_every_step_is_killed)
{
    EXPECT_EQ(stopped(child("ignore-term"), briefly(SIGTERM)), -SIGKILL);
    EXPECT_EQ(
        stopped(child("ignore-term"), briefly(SIGTERM).then(SIGTERM, 5ms)),
        -SIGKILL);
}

TEST_F(stops, a_child_that_reacts_ends_with_its_own_code)
{
    EXPECT_EQ(stopped(child("on-signal", "TERM", "7"), patiently(SIGTERM)), 7);
    EXPECT_EQ(stopped(child("on-signal", "INT", "0"),
                      patiently(SIGINT).then(SIGTERM, 1s)),
              0);
    EXPECT_EQ(stopped(child("ready-then-pause"), patiently(SIGQUIT)), -SIGQUIT);
    // The command's own way, and the usual one.
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(child("on-signal", "USR1", "9")
                                                .stop(patiently(SIGUSR1))
                                                .out(piped));
        co_await p.out().readline();
        EXPECT_EQ(co_await p.stop(), 9);
        auto q =
            co_await create_subprocess(child("ready-then-pause").out(piped));
        co_await q.out().readline();
        EXPECT_EQ(co_await q.stop(), -SIGTERM);
    });
}

TEST_F(stops, the_steps_are_taken_in_order)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            shell("trap 'echo int' INT; trap 'echo hup' HUP; "
                  "trap 'echo term; exit 9' TERM; echo ready; "
                  "while :; do sleep 0.01; done")
                .out(piped));
        EXPECT_EQ(co_await p.out().readline(), "ready\n");
        auto how = stop_sequence().then(SIGHUP, 100ms).then(SIGINT, 100ms);
        how.then(SIGTERM, brood::unlimited);
        EXPECT_EQ(co_await p.stop(how), 9);
        EXPECT_EQ(co_await p.out().read(), "hup\nint\nterm\n");
    });
}

TEST_F(stops, a_child_without_time_is_killed_at_once)
{
    EXPECT_EQ(stopped(child("on-signal", "TERM", "7"), stop_sequence()),
              -SIGKILL);
}

TEST_F(stops, a_stopped_child_reacts_all_the_same)
{
    for (const auto& how : {patiently(SIGTERM), stop_sequence()})
        run_test([&]() -> awaitable<void> {
            auto p = co_await create_subprocess(child("stop-self").out(piped));
            co_await p.out().readline();
            const int pid = p.pid();
            EXPECT_TRUE(
                wait_until([pid] { return process_state(pid) == 'T'; }));
            const int signal = how.steps().empty() ? SIGKILL : SIGTERM;
            EXPECT_EQ(co_await p.stop(how), -signal);
        });
}

// The gap of libraries that stop looking when the leader is gone.
TEST_F(stops, a_leader_that_obeys_does_not_cover_for_those_who_do_not)
{
    for (const auto* const mode :
         {"fork-and-hold-then-pause", "fork-and-hold-stdout"}) {
        witness all;
        run_test([&]() -> awaitable<void> {
            auto p = co_await create_subprocess(
                all.watching(child(mode, "ignore-term"))
                    .containment(brood::containment::group)
                    .out(piped));
            const auto line = co_await p.out().readline();
            const int held = std::stoi(line);
            EXPECT_TRUE(process_is_alive(held));
            const int code = co_await p.stop(briefly(SIGTERM));
            EXPECT_TRUE(code == -SIGTERM || code == 0) << code;
            EXPECT_FALSE(process_is_alive(held)) << mode;
        });
        EXPECT_TRUE(all.nobody_is_left()) << mode;
    }
}

// Also when the leader's end is known already; by its name the group is kept
// within reach.
TEST_F(stops, a_group_is_stopped_after_its_leader_was_waited_for)
{
    witness all;
    run_test([&]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            all.watching(child("fork-and-hold-stdout"))
                .containment(brood::containment::group)
                .out(piped));
        co_await p.out().readline();
        EXPECT_EQ(co_await p.wait(), 0);
        EXPECT_EQ(co_await p.stop(patiently(SIGTERM)), 0);
    });
    EXPECT_TRUE(all.nobody_is_left());
}

TEST_F(stops, a_child_without_a_group_goes_alone)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            child("fork-and-hold-then-pause").out(piped));
        const auto line = co_await p.out().readline();
        EXPECT_EQ(co_await p.stop(patiently(SIGTERM)), -SIGTERM);
        EXPECT_TRUE(put_down(std::stoi(line)));
    });
}

awaitable<void> is_stopped_without_a_descriptor(brood::containment level)
{
    witness all;
    auto p =
        co_await create_subprocess(with_a_stubborn_one(all).containment(level));
    co_await p.out().readline();
    std::optional<few_descriptors> few(std::in_place, 0);
    auto stop = co_await create_task(p.stop(briefly(SIGTERM)));
    require(co_await becomes_true([&] { return all.nobody_is_left(); }),
            "somebody is alive");
    // To tell the dead from the living the list of processes is needed, where
    // nobody collects them.
    few.reset();
    require_equal(co_await stop.join(), -SIGTERM);
}

TEST_F(stops, a_family_is_stopped_also_without_a_free_descriptor)
{
    for (const auto level :
         {brood::containment::group, brood::containment::session})
        BROOD_IN_A_COPY(
            [level] { run_bounded(is_stopped_without_a_descriptor(level)); });
}

// --- at any time ------------------------------------------------------------

TEST_F(stops, a_child_that_has_ended_is_left_in_peace)
{
    run_test([]() -> awaitable<void> {
        auto waited = co_await create_subprocess(child("exit", "3"));
        EXPECT_EQ(co_await waited.wait(), 3);
        EXPECT_EQ(co_await waited.stop(), 3);
        EXPECT_EQ(co_await waited.stop(), 3);
        // Not collected yet.
        auto ended = co_await create_subprocess(child("exit", "4"));
        const int pid = ended.pid();
        EXPECT_TRUE(wait_until([pid] { return process_state(pid) == 'Z'; }));
        EXPECT_EQ(co_await ended.stop(), 4);
    });
    BROOD_IN_A_COPY([] {
        refuse({{SYS_kill, deadly}, {SYS_pidfd_send_signal, deadly}});
        brood::run([]() -> awaitable<void> {
            auto p = co_await create_subprocess(child("exit", "3"));
            const int pid = p.pid();
            require(wait_until([pid] { return process_state(pid) == 'Z'; }));
            require_equal(co_await p.stop(), 3);
        }());
    });
}

TEST_F(stops, two_may_stop_the_same_child)
{
    witness all;
    run_test([&]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            with_a_stubborn_one(all).containment(brood::containment::group));
        co_await p.out().readline();
        const auto both = co_await brood::gather(
            p.stop(briefly(SIGTERM)), p.stop(patiently(SIGTERM)), p.wait());
        EXPECT_EQ(std::get<0>(both), -SIGTERM);
        EXPECT_EQ(std::get<1>(both), -SIGTERM);
        EXPECT_EQ(std::get<2>(both), -SIGTERM);
    });
    EXPECT_TRUE(all.nobody_is_left());
}

TEST_F(stops, the_handle_may_move_or_go_meanwhile)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(child("ignore-term").out(piped));
        co_await p.out().readline();
        auto stopping = p.stop(briefly(SIGTERM));
        auto moved = std::move(p);
        EXPECT_EQ(co_await std::move(stopping), -SIGKILL);
        EXPECT_EQ(moved.returncode(), -SIGKILL);
        auto q = std::make_optional(
            co_await create_subprocess(child("ignore-term").out(piped)));
        co_await q->out().readline();
        auto task = co_await create_task(q->stop(patiently(SIGTERM)));
        co_await turns(3);
        q.reset();
        EXPECT_EQ(co_await task.join(), -SIGKILL);
    });
}

TEST_F(stops, one_that_begins_after_its_handle_went_is_aborted)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(child("ignore-term").out(piped));
        co_await p.out().readline();
        auto late = p.stop(patiently(SIGTERM));
        p = brood::process();
        EXPECT_EQ(co_await error_of(std::move(late)),
                  asio::error::operation_aborted);
    });
}

TEST_F(stops, a_loop_that_goes_takes_a_stop_along)
{
    witness all;
    {
        asio::io_context io;
        auto p =
            spawn_process(io, all.watching(child("ignore-term")).out(piped));
        asio::co_spawn(io, p.stop(patiently(SIGTERM)),
                       [](std::exception_ptr, int) {});
        for (int i = 0; i != 5; ++i)
            io.poll_one();
    }
    EXPECT_TRUE(all.nobody_stays());
}

// The child waits for room in a pipe that nobody empties.
TEST_F(stops, a_child_blocked_on_a_full_pipe_is_stopped)
{
    EXPECT_EQ(stopped(shell("echo ready; exec " + child_path() + " flood 1M"),
                      patiently(SIGTERM)),
              -SIGTERM);
}

// --- cancelled ---------------------------------------------------------------

TEST_F(stops, cancelling_kills_at_once_and_passes_it_on)
{
    witness all;
    run_test([&]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            with_a_stubborn_one(all).containment(brood::containment::group));
        co_await p.out().readline();
        auto task = co_await create_task(p.stop(patiently(SIGTERM)));
        // Until the leader has gone, and the other one is waited for.
        const bool gone =
            co_await becomes_true([&] { return !process_is_alive(p.pid()); });
        EXPECT_TRUE(gone);
        EXPECT_FALSE(task.done());
        task.cancel();
        EXPECT_EQ(co_await error_of(task.join()),
                  asio::error::operation_aborted);
        EXPECT_TRUE(all.nobody_is_left());
        EXPECT_EQ(p.returncode(), -SIGTERM);
    });
}

TEST_F(stops, a_stop_can_be_cancelled_between_any_two_handlers)
{
    int cancelled = 0;
    for (int count = 0; count != 12; ++count) {
        witness all;
        asio::io_context io;
        auto p = spawn_process(io, with_a_stubborn_one(all).process_group());
        const int held = std::stoi(line_of(io, p));
        const auto code =
            cancelled_between(io, count, p.stop(patiently(SIGTERM)));
        if (p.poll() && !process_is_alive(held)) {
            EXPECT_TRUE(all.nobody_is_left()) << count;
            cancelled += code ? 0 : 1;
        } else {
            // Before it began, or all of them would be gone.
            EXPECT_FALSE(code) << count;
            EXPECT_EQ(p.poll(), std::nullopt) << count;
        }
    }
    EXPECT_GT(cancelled, 5);
}

// Both times are over while the loop is busy: the one that belongs to the
// step before must not count for the kill.
TEST_F(stops, a_grace_that_ends_with_the_cancellation_spoils_nothing)
{
    for (int round = 0; round != 5; ++round) {
        asio::io_context io;
        auto p = spawn_process(io, child("ignore-term").out(piped));
        EXPECT_EQ(line_of(io, p), "ready\n");
        asio::cancellation_signal signal;
        std::optional<int> code_at_the_end;
        asio::co_spawn(io, p.stop(stop_sequence().then(SIGTERM, 50ms)),
                       asio::bind_cancellation_slot(
                           signal.slot(), [&](std::exception_ptr, int) {
                               code_at_the_end = p.returncode();
                           }));
        asio::steady_timer earlier(io, 30ms);
        earlier.async_wait([&](brood::error_code) {
            signal.emit(asio::cancellation_type::terminal);
        });
        asio::post(io, [&] {
            asio::post(io, [] { std::this_thread::sleep_for(100ms); });
        });
        io.restart();
        io.run();
        EXPECT_EQ(code_at_the_end, -SIGKILL);
    }
}

// --- somebody else has a hand in it -----------------------------------------

// What a tracer holds is a zombie that cannot be collected.
TEST_F(stops, a_traced_child_is_stopped_when_it_is_let_go)
{
    try {
        run_test([]() -> awaitable<void> {
            auto p =
                co_await create_subprocess(child("ignore-term").out(piped));
            co_await p.out().readline();
            tracer debugger(p.pid());
            auto task = co_await create_task(p.stop(stop_sequence()));
            const bool is_zombie = co_await becomes_true(
                [&] { return process_state(p.pid()) == 'Z'; });
            EXPECT_TRUE(is_zombie);
            co_await settle();
            EXPECT_FALSE(task.done());
            debugger.let_go();
            EXPECT_EQ(co_await task.join(), -SIGKILL);
        });
    } catch (const cannot_be_tested& why) {
        GTEST_SKIP() << why.what();
    }
}

// The one case in which nothing helps: after 5 s it is said.
TEST_F(stops, who_cannot_be_killed_is_reported)
{
    try {
        std::optional<tracer> of_the_run;
        asio::io_context io;
        async_result run;
        brood::async_run_process(
            io,
            shell("echo $$; exec sleep 600")
                .tee_out(brood::tee::to_lines([&](std::string_view pid) {
                    of_the_run.emplace(std::stoi(std::string(pid)));
                    throw std::runtime_error("enough");
                }))
                .stop(stop_sequence()),
            run.callback());
        auto p = spawn_process(io, child("ready-then-pause").out(devnull));
        tracer debugger(p.pid());
        std::exception_ptr failure;
        asio::co_spawn(
            io, p.stop(stop_sequence()),
            [&](std::exception_ptr thrown, int) { failure = thrown; });
        io.run();
        try {
            if (failure)
                std::rethrow_exception(failure);
            ADD_FAILURE() << "it was stopped";
        } catch (const brood::system_error& error) {
            EXPECT_EQ(error.code(), brood::errc::not_stopped);
        }
        // It is still ours.
        EXPECT_EQ(p.poll(), std::nullopt);
        debugger.let_go();
        EXPECT_EQ(brood::run([](brood::process& q) -> awaitable<int> {
                      co_await becomes_true(
                          [&q] { return q.poll().has_value(); });
                      co_return q.poll().value_or(0);
                  }(p)),
                  -SIGKILL);
        // The other one is the reaper's.
        EXPECT_EQ(run.calls, 1);
        EXPECT_EQ(run.ended->status, brood::exit_status());
        EXPECT_EQ(run.ended->returncode, 255);
        EXPECT_TRUE(run.ended->left_behind);
        EXPECT_FALSE(run.ended->ok());
        of_the_run.reset();
    } catch (const cannot_be_tested& why) {
        GTEST_SKIP() << why.what();
    }
}

}  // namespace
