// launcher.cpp: the launcher that starts real children, and the one for tests
// that only says what it was told to.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include <brood/brood.hpp>
#include <brood/testing/testing.hpp>

#include <csignal>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace {

using namespace brood_test;
using namespace std::chrono_literals;
using namespace std::string_literals;
using brood::called_process_error;
using brood::devnull;
using brood::exec;
using brood::piped;
using brood::redacted;
using brood::spawn_error;
using brood::stop_reason;
using brood::testing::any_command;
using brood::testing::argv;
using brood::testing::program;
using brood::testing::replies;
using brood::testing::scripted_launcher;
using brood::testing::that;
using brood::testing::unexpected_command;

using strings = std::vector<std::string>;

class launchers : public clean_test {};

class scripts : public clean_test {
protected:
    scripted_launcher fake;

    // What the launcher says to a command for which it has no reply.
    std::string refusal_of(brood::command what)
    {
        std::string text = "it was not refused";
        auto main = [&]() -> awaitable<void> {
            const auto error =
                co_await thrown_by<unexpected_command>(fake.run_process(what));
            if (error)
                text = error->what();
        };
        run_bounded(main());
        return text;
    }
};

// --- the real one -----------------------------------------------------------

TEST_F(launchers, the_systems_own_runs_commands_and_pipelines)
{
    auto main = []() -> awaitable<void> {
        auto& real = brood::system_launcher();
        const auto one = co_await real.run_process(child("exit", "3"));
        EXPECT_EQ(one.returncode, 3);
        EXPECT_EQ(co_await real.check_output(child("echo", "a")), "a\n");
        const auto two =
            co_await real.run_process(child("echo", "b") | child("cat"));
        EXPECT_EQ(two.out(), "b\n");
        EXPECT_EQ(co_await real.check_output(child("echo", "c") | child("cat")),
                  "c\n");
    };
    run_bounded(main());
}

TEST_F(launchers, the_systems_own_starts_processes_for_who_asked)
{
    auto main = []() -> awaitable<void> {
        auto& real = brood::system_launcher();
        const auto line = __LINE__ + 1;
        auto p = co_await real.create_subprocess(child("exit", "3"));
        EXPECT_EQ(p.created_at().line(), unsigned(line));
        EXPECT_STREQ(p.created_at().file_name(), __FILE__);
        EXPECT_EQ(co_await p.wait(), 3);
    };
    run_bounded(main());
}

TEST_F(launchers, check_output_throws_what_the_verb_throws)
{
    auto main = []() -> awaitable<void> {
        auto& real = brood::system_launcher();
        const auto failed = co_await thrown_by<called_process_error>(
            real.check_output(child("exit", "3")));
        EXPECT_TRUE(failed.has_value());
        const auto truncated = co_await thrown_by<called_process_error>(
            real.check_output(child("flood", "100").capture(10)));
        EXPECT_TRUE(truncated.has_value());
        const auto piping = co_await thrown_by<called_process_error>(
            real.check_output(child("exit", "4") | child("cat")));
        EXPECT_EQ(piping.value().returncode(), 4);
    };
    run_bounded(main());
}

// --- scripted runs ----------------------------------------------------------

TEST_F(scripts, a_run_has_the_result_that_was_scripted)
{
    fake.on(argv("git", "status"),
            replies().out("clean\n").err("hint\n").code(3));
    auto main = [&]() -> awaitable<void> {
        const auto ended =
            co_await fake.run_process(exec("git", "status").cwd("/nowhere"));
        EXPECT_EQ(ended.out, "clean\n");
        EXPECT_EQ(ended.err, "hint\n");
        EXPECT_EQ(ended.returncode, 3);
        EXPECT_EQ(ended.status, brood::exit_status::exited(3));
        EXPECT_EQ(ended.stopped, stop_reason::none);
        EXPECT_TRUE(ended.complete);
        EXPECT_EQ(to_string(ended.args), "cd /nowhere && git status");
    };
    run_bounded(main());
}

TEST_F(scripts, nothing_is_started)
{
    fake.on(any_command());
    auto main = [&]() -> awaitable<void> {
        const auto before = children().size();
        const auto ended = co_await fake.run_process(exec("/no/such/program"));
        EXPECT_TRUE(ended.ok());
        EXPECT_EQ(children().size(), before);
    };
    run_bounded(main());
}

TEST_F(scripts, a_run_takes_a_turn_of_the_loop)
{
    fake.on(argv("a")).on(argv("b")).on(argv("c"));
    auto main = [&]() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        bool turned = false;
        asio::post(io, [&] { turned = true; });
        co_await fake.run_process(exec("a"));
        EXPECT_TRUE(turned);
        turned = false;
        asio::post(io, [&] { turned = true; });
        co_await fake.run_process(exec("b") | exec("c"));
        EXPECT_TRUE(turned);
    };
    run_bounded(main());
}

TEST_F(scripts, an_end_by_a_signal_is_no_exit_code)
{
    fake.on(any_command(), replies().signaled(SIGSEGV));
    auto main = [&]() -> awaitable<void> {
        const auto ended = co_await fake.run_process(exec("a"));
        EXPECT_EQ(ended.returncode, -SIGSEGV);
        EXPECT_EQ(ended.status.signal(), SIGSEGV);
    };
    run_bounded(main());
}

TEST_F(scripts, a_timeout_looks_like_one)
{
    fake.on(any_command(), replies().out("part").timed_out());
    auto main = [&]() -> awaitable<void> {
        const auto ended = co_await fake.run_process(exec("a").timeout(1s));
        EXPECT_TRUE(ended.timed_out);
        EXPECT_EQ(ended.stopped, stop_reason::timeout);
        EXPECT_EQ(ended.out, "part");
        EXPECT_FALSE(ended.ok());
    };
    run_bounded(main());
}

TEST_F(scripts, a_start_can_fail)
{
    fake.on(argv("gone"), replies().fails_to_start());
    fake.on(argv("locked"),
            replies().fails_to_start(std::errc::permission_denied,
                                     brood::spawn_step::chdir));
    fake.on(argv("given"), replies().fails_to_start(spawn_error(
                               make_error_code(std::errc::io_error),
                               brood::spawn_step::open, "/file", "why")));
    auto main = [&]() -> awaitable<void> {
        const auto gone =
            co_await thrown_by<spawn_error>(fake.run_process(exec("gone")));
        EXPECT_EQ(gone.value().code(), std::errc::no_such_file_or_directory);
        EXPECT_EQ(gone.value().step(), brood::spawn_step::exec);
        EXPECT_EQ(gone.value().path(), "gone");
        const auto locked = co_await thrown_by<spawn_error>(
            fake.create_subprocess(exec("locked")));
        EXPECT_EQ(locked.value().step(), brood::spawn_step::chdir);
        EXPECT_EQ(locked.value().code(), std::errc::permission_denied);
        const auto given =
            co_await thrown_by<spawn_error>(fake.run_process(exec("given")));
        EXPECT_EQ(given.value().path(), "/file");
    };
    run_bounded(main());
}

TEST_F(scripts, replies_come_in_order_and_the_last_may_be_repeated)
{
    fake.on(program("a"), replies().code(1).then().code(2).repeated());
    fake.on(program("a"), replies().code(99));
    auto main = [&]() -> awaitable<void> {
        for (const int code : {1, 2, 2, 2}) {
            const auto ended = co_await fake.run_process(exec("a", "x"));
            EXPECT_EQ(ended.returncode, code);
        }
    };
    run_bounded(main());
    EXPECT_EQ(fake.unused(), strings{"program a (1 reply left)"});
}

TEST_F(scripts, the_first_that_has_a_reply_left_gives_it)
{
    fake.on(argv("a"), replies().code(1)).on(program("a"), replies().code(2));
    auto main = [&]() -> awaitable<void> {
        for (const int code : {1, 2}) {
            const auto ended = co_await fake.run_process(exec("a"));
            EXPECT_EQ(ended.returncode, code);
        }
    };
    run_bounded(main());
    EXPECT_EQ(refusal_of(exec("a")),
              "brood: unexpected command: a\nexpected is one of:\n"
              "  a (no reply left)\n"
              "  program a (no reply left)");
}

TEST_F(scripts, an_unexpected_command_is_named_with_what_was_expected)
{
    EXPECT_EQ(refusal_of(exec("a")),
              "brood: unexpected command: a\nnothing is expected");
    fake.on(argv("git", "two words"), replies().then());
    fake.on(program("curl"), replies().repeated());
    fake.on(that("a push", [](const brood::command& what) {
        return what.arguments().back() == "push";
    }));
    EXPECT_EQ(refusal_of(exec("git", "two", redacted("secret")).cwd("/x")),
              "brood: unexpected command: cd /x && git two ***\n"
              "expected is one of:\n"
              "  git 'two words' (2 replies left)\n"
              "  program curl (1 reply left, the last one repeated)\n"
              "  a push (1 reply left)");
    ASSERT_EQ(fake.calls().size(), 2u);
    EXPECT_EQ(to_string(fake.calls().back()), "cd /x && git two ***");
}

TEST_F(scripts, matchers_say_yes_to_what_they_are_for)
{
    EXPECT_TRUE(argv("a", "b")(exec("a", "b")));
    EXPECT_FALSE(argv("a", "b")(exec("a")));
    EXPECT_FALSE(argv("a", "b")(exec("a", "b", "c")));
    EXPECT_TRUE(argv("a", "b")(exec("a", redacted("b"))));
    EXPECT_TRUE(program("git")(exec("git", "x")));
    EXPECT_TRUE(program("git")(exec("/usr/bin/git", "x")));
    EXPECT_FALSE(program("git")(exec("legit")));
    EXPECT_FALSE(program("git")(exec("/git/a")));
    EXPECT_TRUE(program("/usr/bin/git")(exec("/usr/bin/git")));
    EXPECT_FALSE(program("/usr/bin/git")(exec("git")));
}

TEST_F(scripts, only_what_is_captured_is_in_the_result)
{
    fake.on(any_command(), replies().out("out").err("err").repeated());
    auto main = [&]() -> awaitable<void> {
        const auto elsewhere = co_await fake.run_process(
            exec("a").out(devnull).err(brood::file("/no/such/file")));
        EXPECT_EQ(elsewhere.out, "");
        EXPECT_EQ(elsewhere.err, "");
        const auto merged =
            co_await fake.run_process(exec("a").err(brood::to_stdout));
        EXPECT_EQ(merged.out, "outerr");
        EXPECT_EQ(merged.err, "");
    };
    run_bounded(main());
}

TEST_F(scripts, check_output_counts_on_it)
{
    fake.on(argv("good"), replies().out("yes"));
    fake.on(argv("bad"), replies().err("no\n").code(2));
    auto main = [&]() -> awaitable<void> {
        EXPECT_EQ(co_await fake.check_output(exec("good")), "yes");
        const auto error = co_await thrown_by<called_process_error>(
            fake.check_output(exec("bad")));
        EXPECT_EQ(error.value().what(), "bad: exited with code 2\nno"s);
    };
    run_bounded(main());
}

TEST_F(scripts, each_command_of_a_pipeline_is_asked_for)
{
    fake.on(argv("a"), replies().out("read by b").err("a says"));
    fake.on(argv("b"), replies().out("result").code(1));
    auto main = [&]() -> awaitable<void> {
        const auto ended = co_await fake.run_process(exec("a") | exec("b"));
        EXPECT_EQ(ended.out(), "result");
        EXPECT_EQ(ended.stages.at(0).out, "");
        EXPECT_EQ(ended.stages.at(0).err, "a says");
        EXPECT_EQ(ended.returncode(), 1);
        EXPECT_FALSE(ended.timed_out());
    };
    run_bounded(main());
    ASSERT_EQ(fake.calls().size(), 2u);
    EXPECT_EQ(to_string(fake.calls().at(1)), "b");
}

TEST_F(scripts, a_pipeline_times_out_as_a_whole)
{
    fake.on(argv("a"), replies().timed_out()).on(argv("b"));
    auto main = [&]() -> awaitable<void> {
        const auto ended = co_await fake.run_process(exec("a") | exec("b"));
        EXPECT_TRUE(ended.timed_out());
        EXPECT_EQ(ended.stopped(), stop_reason::timeout);
    };
    run_bounded(main());
}

TEST_F(scripts, what_no_child_can_do_is_refused)
{
    const auto refusal = [](auto set) {
        try {
            set(replies());
        } catch (const std::invalid_argument& error) {
            return std::string(error.what());
        }
        return "it was not refused"s;
    };
    EXPECT_EQ(refusal([](replies made) { made.code(256); }),
              "brood: code(256): an exit code is from 0 to 255");
    EXPECT_EQ(refusal([](replies made) { made.code(-1); }),
              "brood: code(-1): an exit code is from 0 to 255");
    EXPECT_EQ(refusal([](replies made) { made.signaled(SIGCHLD); }),
              "brood: signaled(17): no signal that ends a process");
    EXPECT_EQ(refusal([](replies made) { made.signaled(0); }),
              "brood: signaled(0): no signal that ends a process");
}

// --- scripted processes -----------------------------------------------------

TEST_F(scripts, a_process_writes_what_was_scripted)
{
    // Every byte, and more of them than an argument or a pipe can hold.
    std::string every;
    for (int byte = 0; byte != 256; ++byte)
        every += static_cast<char>(byte);
    const auto much = pattern(std::size_t{300} * 1024) + every;
    fake.on(argv("tool"), replies().out(much).err(every).code(7));
    auto main = [&]() -> awaitable<void> {
        const auto line = __LINE__ + 1;
        auto p = co_await fake.create_subprocess(
            exec("tool").out(piped).err(piped).cwd("/no/such/directory"));
        EXPECT_EQ(p.created_at().line(), unsigned(line));
        auto [out, err] = co_await p.communicate();
        EXPECT_TRUE(out == much);
        EXPECT_TRUE(err == every);
        EXPECT_EQ(p.returncode(), 7);
    };
    run_bounded(main());
}

TEST_F(scripts, a_process_reads_its_input_to_the_end)
{
    fake.on(argv("tool"), replies().out("hello\n").code(1));
    auto main = [&]() -> awaitable<void> {
        auto p =
            co_await fake.create_subprocess(exec("tool").in(piped).out(piped));
        EXPECT_EQ(co_await p.out().readline(), "hello\n");
        // More than a pipe holds: it is read, and breaks no pipe.
        p.in().write(pattern(std::size_t{200} * 1024));
        co_await p.in().drain();
        EXPECT_EQ(p.poll(), std::nullopt);
        p.in().close();
        EXPECT_EQ(co_await p.wait(), 1);
    };
    run_bounded(main());
}

TEST_F(scripts, a_process_ends_by_the_signal_that_was_scripted)
{
    fake.on(any_command(), replies().signaled(SIGABRT));
    auto main = [&]() -> awaitable<void> {
        auto p = co_await fake.create_subprocess(exec("tool"));
        EXPECT_EQ(co_await p.wait(), -SIGABRT);
        EXPECT_FALSE(p.status()->core_dumped());
    };
    run_bounded(main());
}

TEST_F(scripts, a_process_that_takes_too_long_runs_until_it_is_stopped)
{
    fake.on(any_command(), replies().out("busy\n").timed_out());
    auto main = [&]() -> awaitable<void> {
        auto p = co_await fake.create_subprocess(exec("tool").out(piped));
        EXPECT_EQ(co_await p.out().readline(), "busy\n");
        co_await settle();
        EXPECT_EQ(p.poll(), std::nullopt);
        EXPECT_EQ(co_await p.stop(), -SIGTERM);
    };
    run_bounded(main());
}

TEST_F(scripts, a_process_has_the_further_pipes_that_were_asked_for)
{
    fake.on(any_command(), replies().out("x"));
    auto main = [&]() -> awaitable<void> {
        auto p = co_await fake.create_subprocess(
            exec("tool").out(piped).child_fd(100, brood::piped_out));
        EXPECT_EQ(co_await p.reader(100).read(), "");
        EXPECT_EQ(co_await p.out().read(), "x");
        co_await p.wait();
    };
    run_bounded(main());
}

}  // namespace
