// run_process.cpp: a run from start to finish: what it gives, where its output
// goes, how it ends, and what it refuses.
#include "support/runs.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(use_future.hpp)

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace {

using brood::awaitable;
using brood::check_output;
using brood::devnull;
using brood::exec;
using brood::keep;
using brood::piped;
using brood::shell;
using brood::to_stdout;
using namespace std::chrono_literals;
using namespace brood_test;

class runs : public clean_test {};

// --- what a run gives ----------------------------------------------------

TEST_F(runs, give_the_code_and_both_outputs)
{
    const auto ended = run_now(shell("printf out; printf err >&2; exit 3"));
    EXPECT_EQ(ended.returncode, 3);
    EXPECT_EQ(ended.status, brood::exit_status::exited(3));
    EXPECT_EQ(ended.out, "out");
    EXPECT_EQ(ended.err, "err");
    EXPECT_EQ(ended.stopped, stop_reason::none);
    EXPECT_FALSE(ended.timed_out);
    EXPECT_FALSE(ended.truncated);
    EXPECT_TRUE(ended.complete);
    EXPECT_FALSE(ended.ok());
    EXPECT_FALSE(ended.failure);
    EXPECT_GT(ended.elapsed, 0ns);
    EXPECT_GT(ended.usage.max_resident_bytes, 0U);
    EXPECT_TRUE(to_string(ended.args).starts_with("/bin/sh -c"));
    const auto killed = run_now(child("kill-self", "KILL"));
    EXPECT_EQ(killed.returncode, -SIGKILL);
    EXPECT_EQ(killed.stopped, stop_reason::none);
    EXPECT_TRUE(run_now(child("exit", "0")).ok());
}

TEST_F(runs, have_an_empty_input_and_a_group_of_their_own)
{
    EXPECT_EQ(run_now(child("count-stdin")).out, "0\n");
    std::istringstream lines(run_now(child("print-session")).out);
    std::map<std::string, int> ids;
    std::string name;
    for (int id = 0; lines >> name >> id;)
        ids[name] = id;
    EXPECT_EQ(ids["pgid"], ids["pid"]);
    EXPECT_EQ(ids["sid"], ::getsid(0));
}

TEST_F(runs, keep_to_the_redirections_of_the_command)
{
    const temp_dir dir;
    write_file(dir / "in", "from a file");
    EXPECT_EQ(run_now(child("cat").in(brood::file(dir / "in"))).out,
              "from a file");
    const auto dropped = run_now(child("both", "1").out(devnull));
    EXPECT_EQ(dropped.out, "");
    EXPECT_EQ(dropped.err, "err 0\n");
    EXPECT_EQ(run_now(child("both", "1").err(to_stdout)).out, "out 0\nerr 0\n");
    const auto filed =
        run_now(child("both", "1").out(brood::file(dir / "out")).err(devnull));
    EXPECT_EQ(filed.out + filed.err, "");
    EXPECT_TRUE(filed.complete);
    EXPECT_EQ(read_file(dir / "out"), "out 0\n");
}

TEST_F(runs, may_capture_nothing_at_all)
{
    const auto ended = run_now(child("exit", "4").out(devnull).err(devnull));
    EXPECT_EQ(ended.returncode, 4);
    EXPECT_TRUE(ended.complete);
}

TEST_F(runs, feed_more_than_a_pipe_holds)
{
    const auto sent = pattern(3'000'001);
    const auto back = run_now(child("cat").input(sent));
    EXPECT_TRUE(back.out == sent);
    EXPECT_TRUE(back.ok());
    EXPECT_EQ(run_now(child("count-stdin").input("")).out, "0\n");
}

// Go's IgnorePipeErrorOnSuccess, CliWrap's child that reads nothing.
TEST_F(runs, end_when_the_child_reads_nothing_of_a_large_input)
{
    const auto much = pattern(1'000'000);
    EXPECT_TRUE(run_now(child("exit", "0").input(much)).ok());
    EXPECT_EQ(run_now(child("close-stdin-exit", "7").input(much)).returncode,
              7);
    // Here nothing breaks the pipe; the input is just never wanted.
    const auto late = run_until("ready", [&](auto time) {
        return run_now(child("ready-then-pause").input(much).timeout(time));
    });
    EXPECT_TRUE(late.timed_out);
    EXPECT_EQ(late.returncode, -SIGTERM);
}

TEST_F(runs, check_output_gives_the_output_or_throws)
{
    EXPECT_EQ(brood::run(check_output(child("echo", "a", "b"))), "a\nb\n");
    const auto error_of_output = [](command what) {
        try {
            static_cast<void>(brood::run(check_output(std::move(what))));
        } catch (const brood::called_process_error& error) {
            return std::string(error.what());
        }
        return std::string("nothing was thrown");
    };
    EXPECT_EQ(error_of_output(shell("echo why >&2; exit 3")),
              "/bin/sh -c 'echo why >&2; exit 3': exited with code 3\nwhy");
    // Half of an output is none.
    const auto truncated = error_of_output(child("flood", "100").capture(30));
    EXPECT_NE(truncated.find("70 bytes of its output were left out"),
              truncated.npos)
        << truncated;
    // What was left out of its standard error is not missed.
    EXPECT_EQ(brood::run(check_output(child("both", "9").capture(54))),
              run_now(child("both", "9")).out);
}

// --- limits ---------------------------------------------------------------

TEST_F(runs, capture_the_part_that_was_asked_for)
{
    const auto all = pattern(100'000);
    const auto head = run_now(child("flood", "100000").capture(1000));
    EXPECT_EQ(head.out, all.substr(0, 1000));
    EXPECT_TRUE(head.truncated);
    EXPECT_EQ(head.out_left_out, 99'000U);
    EXPECT_EQ(head.err_left_out, 0U);
    EXPECT_TRUE(head.ok());
    EXPECT_TRUE(head.complete);
    const auto tail =
        run_now(child("flood", "100000").capture(1000, keep::tail));
    EXPECT_EQ(tail.out, all.substr(99'000));
    EXPECT_EQ(tail.out_left_out, 99'000U);
    const auto both =
        run_now(child("flood", "100000").capture(1000, keep::head_and_tail));
    EXPECT_EQ(both.out, all.substr(0, 500) + "\n[99000 bytes left out]\n" +
                            all.substr(99'500));
    const auto fits = run_now(child("flood", "1000").capture(1000));
    EXPECT_FALSE(fits.truncated);
    EXPECT_EQ(fits.out, all.substr(0, 1000));
    // Each stream has the limit to itself.
    const auto two = run_now(child("flood-both", "8K").capture(6000));
    EXPECT_EQ(two.out.size() + two.err.size(), 12'000U);
    EXPECT_EQ(two.err_left_out, 8192U - 6000U);
    EXPECT_EQ(run_now(child("flood", "10").capture(0)).out_left_out, 10U);
}

TEST_F(runs, a_timeout_stops_the_child_and_keeps_the_output)
{
    const auto ended = run_until("ready", [](auto time) {
        return run_now(child("ready-then-pause").timeout(time));
    });
    EXPECT_EQ(ended.out, "ready\n");
    EXPECT_TRUE(ended.timed_out);
    EXPECT_EQ(ended.stopped, stop_reason::timeout);
    EXPECT_EQ(ended.returncode, -SIGTERM);
    EXPECT_TRUE(ended.complete);
    EXPECT_GE(ended.elapsed, 100ms);
    EXPECT_EQ(to_string(ended), "timed out, killed by SIGTERM (15)");
}

// The code of a child that was told to end is its own, and still no success.
TEST_F(runs, a_child_that_ends_with_0_after_a_timeout_is_not_ok)
{
    const auto ended = run_until("ready", [](auto time) {
        return run_now(child("on-signal", "TERM", "0").timeout(time));
    });
    EXPECT_EQ(ended.returncode, 0);
    EXPECT_TRUE(ended.timed_out);
    EXPECT_FALSE(ended.ok());
    EXPECT_THROW(static_cast<void>(ended.check()), brood::called_process_error);
}

TEST_F(runs, a_timeout_of_zero_is_over_at_once)
{
    const auto ended = run_now(child("ready-then-pause").timeout(0ms));
    EXPECT_TRUE(ended.timed_out);
    // A child that has not called exec could not react: it is killed.
    EXPECT_TRUE(ended.returncode == -SIGTERM || ended.returncode == -SIGKILL)
        << ended.returncode;
}

TEST_F(runs, an_idle_timeout_ends_silence_and_not_work)
{
    const auto silent = run_until("ready", [](auto time) {
        return run_now(child("ready-then-pause").idle_timeout(time));
    });
    EXPECT_EQ(silent.out, "ready\n");
    EXPECT_EQ(silent.stopped, stop_reason::idle_timeout);
    EXPECT_TRUE(silent.timed_out);
    // Takes longer than the idle time in all, but is never silent for it.
    std::string all;
    for (int i = 0; i != 40; ++i)
        all += std::to_string(i) + "\n";
    const auto busy =
        run_with_time([](const auto& ended) { return !ended.timed_out; },
                      [](auto time) {
                          return run_now(child("slow-lines", "40",
                                               std::to_string(time / 20ms))
                                             .idle_timeout(time));
                      });
    EXPECT_EQ(busy.stopped, stop_reason::none);
    EXPECT_EQ(busy.out, all);
    EXPECT_GE(busy.elapsed, 100ms);
}

TEST_F(runs, output_past_the_limit_stops_a_child_that_goes_on_writing)
{
    witness all;
    const auto ended = run_now(all.watching(exec("yes")).output_limit(100'000));
    EXPECT_EQ(ended.stopped, stop_reason::output_limit);
    EXPECT_FALSE(ended.timed_out);
    EXPECT_FALSE(ended.truncated);
    EXPECT_GT(ended.out.size(), 100'000U);
    EXPECT_TRUE(ended.out.starts_with("y\ny\n"));
    EXPECT_TRUE(all.nobody_is_left());
    // Both streams count, and the limit itself is within it.
    const auto at_it = run_now(child("flood-both", "8K").output_limit(16384));
    EXPECT_EQ(at_it.stopped, stop_reason::none);
    const auto past = run_now(child("flood-both", "8K").output_limit(16383));
    EXPECT_EQ(past.stopped, stop_reason::output_limit);
}

// --- who holds the pipes ---------------------------------------------------

// swift-subprocess: "no hang if stdin stays open but process exits".
TEST_F(runs, do_not_hang_when_a_descendant_holds_the_input)
{
    witness all;
    const auto ended =
        run_now(all.watching(shell("sleep 600 <&0 >/dev/null 2>&1 & exit 3"))
                    .input(pattern(1'000'000)));
    EXPECT_EQ(ended.returncode, 3);
    EXPECT_TRUE(ended.complete);
    EXPECT_TRUE(all.nobody_is_left());
}

// The same for its outputs: what the child wrote is there, and the descendant
// is stopped with the rest of the group.
TEST_F(runs, do_not_hang_when_a_descendant_holds_the_outputs)
{
    for (const auto* const line : {"echo hi; sleep 600 2>/dev/null & exit 3",
                                   "echo hi; sleep 600 >/dev/null & exit 3",
                                   "echo hi; sleep 600 & exit 3"}) {
        witness all;
        const auto ended = run_now(all.watching(shell(line)).drain(10ms));
        EXPECT_EQ(ended.returncode, 3) << line;
        EXPECT_EQ(ended.out, "hi\n") << line;
        EXPECT_EQ(ended.stopped, stop_reason::none) << line;
        EXPECT_TRUE(ended.complete) << line;
        EXPECT_TRUE(all.nobody_is_left()) << line;
    }
}

TEST_F(runs, say_when_somebody_who_escaped_holds_the_outputs)
{
    const auto ended =
        run_now(child("fork-and-hold-stdout", "setsid").drain(10ms));
    EXPECT_EQ(ended.returncode, 0);
    EXPECT_FALSE(ended.complete);
    EXPECT_EQ(ended.stopped, stop_reason::none);
    const auto escaped = numbers_in(ended.out);
    ASSERT_EQ(escaped.size(), 1U);
    EXPECT_TRUE(put_down(escaped.front()));
}

// More than one read of the pipe is needed, and none of it may be lost.
TEST_F(runs, lose_nothing_that_the_child_wrote_before_it_ended)
{
    const auto ended =
        run_now(shell("setsid sleep 600 2>/dev/null & echo $! >&2; exec " +
                      child_path() + " flood 60000")
                    .drain(0ms));
    EXPECT_TRUE(ended.out == pattern(60'000)) << ended.out.size();
    for (const int escaped : numbers_in(ended.err))
        put_down(escaped);
}

// A drain without an end is for those who end by themselves.
TEST_F(runs, a_timeout_is_over_even_if_the_drain_is_not)
{
    const auto ended = run_until("\n", [](auto time) {
        return run_now(child("fork-and-hold-then-pause", "setsid")
                           .drain(brood::unlimited)
                           .timeout(time));
    });
    EXPECT_TRUE(ended.timed_out);
    EXPECT_FALSE(ended.complete);
    const auto escaped = numbers_in(ended.out);
    ASSERT_EQ(escaped.size(), 1U);
    EXPECT_TRUE(put_down(escaped.front()));
}

// --- what every other library leaves behind --------------------------------

const std::string stubborn = "trap '' TERM; sleep 600 & echo hi; sleep 600";

TEST_F(runs, end_on_time_whatever_ignores_them)
{
    for (const auto level :
         {brood::containment::group, brood::containment::session}) {
        std::optional<witness> all;
        const auto ended = run_until("hi", [&](auto time) {
            all.emplace();
            return run_now(all->watching(shell(stubborn))
                               .containment(level)
                               .timeout(time)
                               .stop(stop_sequence().then(SIGTERM, 50ms)));
        });
        EXPECT_EQ(ended.out, "hi\n");
        EXPECT_TRUE(ended.timed_out);
        EXPECT_TRUE(ended.complete);
        EXPECT_EQ(ended.status.signal(), SIGKILL);
        EXPECT_TRUE(all->nobody_is_left());
    }
}

// --- what is refused -------------------------------------------------------

TEST_F(runs, refuse_what_can_never_work)
{
    struct refusal {
        command what;
        std::string why;
    };
    const auto c = child("exit", "0");
    const std::vector<refusal> all{
        {command(c).timeout(-1ns), "timeout(): the time is negative"},
        {command(c).idle_timeout(0ns),
         "idle_timeout(): a time above zero is needed"},
        {command(c).idle_timeout(-1ns),
         "idle_timeout(): a time above zero is needed"},
        {command(c).output_limit(0),
         "output_limit(0): use out(devnull) for no output at all"},
        {command(c).input("x").in(devnull),
         "run_process: input() is what the child reads; leave in() out"},
        {command(c).in(piped),
         "run_process: nobody would write to in(piped); say input(bytes)"},
        {command(c).child_fd(7, brood::piped_out),
         "run_process: nobody would serve the pipe of child_fd(7); use "
         "create_subprocess"},
        {command(c).child_fd(7, brood::piped_in),
         "run_process: nobody would serve the pipe of child_fd(7); use "
         "create_subprocess"},
        {command(c).drain(-1ns), "drain(): the time is negative"},
        {command(c).containment(brood::containment::group).process_group(77),
         "containment::group needs a group that the child leads; leave "
         "process_group(77) out"},
        {command(c).containment(brood::containment::session).process_group(),
         "containment::session makes a new session and group; leave "
         "process_group() out"},
        {command(c).cgroup_parent("/x"),
         "cgroup_parent() is for containment(containment::cgroup)"},
        {command(c)
             .containment(brood::containment::cgroup)
             .cgroup_parent(std::string("a\0b", 3)),
         "the path of the parent cgroup holds a NUL byte at offset 1, which "
         "no program can receive"},
        {command(c).out(devnull).tee_out(brood::tee::to_parent()),
         "run_process: tee_out() needs an output that is captured; leave "
         "out() out"},
        {command(c).err(to_stdout).tee_err(brood::tee::to_parent()),
         "run_process: tee_err() needs an output that is captured; leave "
         "err() out"},
        {command(c).out(devnull).err(devnull).idle_timeout(1h),
         "run_process: idle_timeout() needs an output that is captured"},
        {command(c).out(devnull).err(devnull).output_limit(1),
         "run_process: output_limit() needs an output that is captured"},
    };
    for (const auto& each : all) {
        EXPECT_EQ(thrown_by_run<std::invalid_argument>(each.what),
                  "brood: " + each.why);
        EXPECT_TRUE(children().empty());
    }
}

// Also no file of a tee is opened, and emptied.
TEST_F(runs, that_are_refused_touch_nothing)
{
    const temp_dir dir;
    write_file(dir / "log", "as it was");
    EXPECT_NE(thrown_by_run<std::invalid_argument>(
                  child("exit", "0")
                      .in(piped)
                      .tee_out(brood::tee::to_file(dir / "log")))
                  .find("nobody would write"),
              std::string::npos);
    EXPECT_EQ(read_file(dir / "log"), "as it was");
}

// /proc says of such a process that it is a zombie.
TEST_F(runs, outlast_a_process_whose_main_thread_has_ended)
{
    witness all;
    const auto ended = run_now(all.watching(exec("python3", "-c", R"(
import ctypes, os, threading, time
pid = os.fork()
if pid == 0:
    threading.Thread(target=time.sleep, args=(600,)).start()
    ctypes.CDLL(None).pthread_exit(None)
while open('/proc/%d/stat' % pid).read().rpartition(')')[2].split()[0] != 'Z':
    time.sleep(0.001)
)")));
    EXPECT_EQ(ended.returncode, 0) << ended.err;
    EXPECT_TRUE(all.nobody_is_left());
}

TEST_F(runs, own_their_settings)
{
    struct setting {
        std::string name;
        command what;
    };
    const auto c = child("exit", "0");
    const auto tee = brood::tee::to_parent();
    const std::vector<setting> all{
        {"input", command(c).input("x")},
        {"timeout", command(c).timeout(1s)},
        {"idle_timeout", command(c).idle_timeout(1s)},
        {"output_limit", command(c).output_limit(1)},
        {"capture", command(c).capture(1)},
        {"tee_out", command(c).tee_out(tee)},
        {"tee_err", command(c).tee_err(tee)},
    };
    for (const auto& [name, what] : all)
        EXPECT_EQ(refusal_of(what),
                  "brood: " + name + "() is for run_process() only");
}

TEST_F(runs, throw_why_no_child_could_be_started)
{
    try {
        static_cast<void>(run_now(exec("/nonexistent/program")));
        FAIL() << "it was started";
    } catch (const brood::spawn_error& error) {
        EXPECT_EQ(error.step(), brood::spawn_step::exec);
        EXPECT_EQ(error.code(), system_error_code(ENOENT));
        EXPECT_EQ(error.path(), "/nonexistent/program");
    }
}

}  // namespace
