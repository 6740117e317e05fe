// pipeline.cpp: commands that read each other's output.
#include "support/async_test.hpp"
#include "support/few_descriptors.hpp"
#include "support/fixture.hpp"
#include "support/in_a_copy.hpp"
#include "support/runs.hpp"

#include <brood/brood.hpp>

#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace {

using namespace brood_test;
using namespace std::chrono_literals;
using brood::completed_pipeline;
using brood::exec;
using brood::pipeline;
using brood::run_process;
using brood::shell;

class pipelines : public clean_test {};

completed_pipeline result_of(pipeline what)
{
    return brood::run(run_process(std::move(what)));
}

// What run_process throws before it starts anything.
std::string refusal_of(pipeline what)
{
    try {
        static_cast<void>(result_of(std::move(what)));
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "not refused";
}

TEST_F(pipelines, each_command_reads_what_the_one_before_it_writes)
{
    const auto ended = result_of(
        (exec("cat") | exec("tr", "a-z", "A-Z") | exec("rev")).input("abc"));
    EXPECT_EQ(ended.out(), "CBA");
    EXPECT_TRUE(ended.ok());
    EXPECT_TRUE(ended.complete());
    ASSERT_EQ(ended.stages.size(), 3u);
    for (const auto& each : ended.stages)
        EXPECT_TRUE(each.status.success());
}

TEST_F(pipelines, more_than_the_pipes_hold_goes_through)
{
    const std::string much(3'000'000, 'x');
    const auto ended =
        result_of((exec("cat") | exec("cat") | exec("cat")).input(much));
    EXPECT_EQ(ended.out(), much);
}

TEST_F(pipelines, the_parent_keeps_no_end_of_the_pipes_between)
{
    // cat ends only when nobody else can write to it.
    const auto ended = result_of(exec("echo", "x") | exec("cat"));
    EXPECT_EQ(ended.out(), "x\n");
}

TEST_F(pipelines, death_by_sigpipe_upstream_of_a_success_is_no_failure)
{
    const auto ended = result_of(exec("yes") | exec("head", "-n", "1"));
    EXPECT_EQ(ended.out(), "y\n");
    EXPECT_EQ(ended.stages.front().status.signal(), SIGPIPE);
    EXPECT_EQ(ended.returncode(), 0);
    EXPECT_EQ(ended.failed(), nullptr);
    EXPECT_NO_THROW(static_cast<void>(ended.check()));
    // A shell's way to say the same.
    EXPECT_TRUE(result_of(shell("exit 141") | exec("true")).ok());
}

TEST_F(pipelines, death_by_sigpipe_is_a_failure_where_the_reader_failed)
{
    const auto ended = result_of(exec("yes") | shell("read line; exit 3"));
    EXPECT_EQ(ended.returncode(), 3);
    const auto last = result_of(exec("true") | shell("kill -PIPE $$"));
    EXPECT_EQ(last.returncode(), -SIGPIPE);
}

TEST_F(pipelines, the_last_command_that_failed_decides)
{
    const auto ended =
        result_of(shell("echo one >&2; exit 1") |
                  shell("cat; echo two >&2; exit 2") | exec("cat"));
    EXPECT_EQ(ended.returncode(), 2);
    EXPECT_EQ(ended.stages[0].err, "one\n");
    EXPECT_EQ(ended.stages[1].err, "two\n");
    try {
        static_cast<void>(ended.check());
        FAIL() << "nothing was thrown";
    } catch (const brood::called_process_error& error) {
        EXPECT_EQ(error.returncode(), 2);
        EXPECT_NE(std::string(error.what()).find("two"), std::string::npos);
    }
}

TEST_F(pipelines, a_half_started_one_is_collected_before_the_error_comes)
{
    auto main = []() -> awaitable<void> {
        const auto error = co_await thrown_by<brood::spawn_error>(
            run_process(child("ready-then-pause") | child("ignore-term") |
                        exec("/nonexistent/program") | exec("cat")));
        EXPECT_TRUE(error.has_value());
        if (error) {
            EXPECT_EQ(error->step(), brood::spawn_step::exec);
            EXPECT_EQ(error->path(), "/nonexistent/program");
        }
        EXPECT_TRUE(children().empty());
    };
    run_bounded(main());
}

TEST_F(pipelines, a_time_limit_is_of_the_whole)
{
    // What comes out has come through all, so they have begun.
    const auto ended =
        run_with_time([](const auto& any) { return any.out() == "ready\n"; },
                      [](auto time) {
                          return result_of((child("ready-then-pause") |
                                            exec("cat") | exec("cat"))
                                               .timeout(time));
                      });
    EXPECT_EQ(ended.out(), "ready\n");
    EXPECT_TRUE(ended.timed_out());
    EXPECT_FALSE(ended.ok());
    EXPECT_THROW(static_cast<void>(ended.check()), brood::called_process_error);
    for (const auto& each : ended.stages)
        EXPECT_NE(each.status.how(), brood::exit_status::kind::unknown);
}

TEST_F(pipelines, cancelling_one_leaves_none_of_its_children)
{
    auto main = []() -> awaitable<void> {
        for (int count = 0; count != 12; ++count) {
            const auto ended = co_await cancelled_after(
                count, run_process(child("ready-then-pause") | exec("cat")));
            EXPECT_FALSE(ended.has_value());
            EXPECT_TRUE(children().empty());
        }
    };
    run_bounded(main());
}

TEST_F(pipelines, its_ends_lead_where_the_first_and_the_last_command_say)
{
    const temp_dir dir;
    write_file(dir / "in", "from a file\n");
    const auto ended = result_of(exec("cat").in(brood::file(dir / "in")) |
                                 exec("cat").out(brood::file(dir / "out")));
    EXPECT_EQ(ended.out(), "");
    EXPECT_EQ(read_file(dir / "out"), "from a file\n");
}

TEST_F(pipelines, what_contradicts_itself_is_refused)
{
    EXPECT_NE(refusal_of(exec("a").timeout(1s) | exec("b"))
                  .find("timeout() of one command of a pipeline"),
              std::string::npos);
    EXPECT_NE(refusal_of(exec("true") | exec("cat").in(brood::devnull))
                  .find("only the first command"),
              std::string::npos);
    EXPECT_NE(refusal_of(exec("true").out(brood::devnull) | exec("cat"))
                  .find("only the last command"),
              std::string::npos);
    const temp_dir dir;
    EXPECT_NE(refusal_of(exec("touch", dir / "touched") |
                         exec(std::string("a\0b", 3)))
                  .find("NUL byte"),
              std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(dir / "touched"));
    EXPECT_NE(
        refusal_of((exec("cat").in(brood::devnull) | exec("cat")).input("x"))
            .find("leave in() out"),
        std::string::npos);
    EXPECT_TRUE(children().empty());
}

TEST_F(pipelines, one_is_printed_as_a_shell_would_read_it)
{
    EXPECT_EQ(to_string(exec("cat", "a b") | exec("wc", "-l")),
              "cat 'a b' | wc -l");
}

TEST_F(pipelines, check_output_gives_what_the_last_command_wrote)
{
    auto main = []() -> awaitable<void> {
        EXPECT_EQ(co_await check_output(exec("echo", "x") | exec("cat")),
                  "x\n");
        const auto error = co_await thrown_by<brood::called_process_error>(
            check_output(shell("exit 3") | exec("cat")));
        EXPECT_TRUE(error.has_value());
    };
    run_bounded(main());
}

// --- where there is no room -------------------------------------------------

// A gather with a limit, whose starts are patient, of one run. `what` must
// live until it is over.
template <class Runnable>
auto patient_run(const Runnable& what)
{
    return brood::gather(
        std::views::iota(0, 1) |
            std::views::transform([&what](int) { return run_process(what); }),
        brood::in_flight(1));
}

// Runs, so that somebody could make room, and the wait goes on.
awaitable<brood::process> somebody_else()
{
    auto cat = co_await brood::create_subprocess(
        child("cat").in(brood::piped).out(brood::piped));
    // The loop has all it needs once it has heard of a child.
    cat.in().write("x");
    co_await cat.out().readexactly(1);
    co_return cat;
}

// With room for `free` descriptors.
awaitable<void> waits_for_room_between(int free)
{
    const auto other = co_await somebody_else();
    const auto what = exec("echo", "x") | exec("cat");
    std::optional<few_descriptors> few(std::in_place, free);
    const auto before = open_descriptors();
    auto all = co_await brood::create_task(patient_run(what));
    co_await settle();
    require(!all.done(), "it did not wait");
    // What it could get it has given back, for those who can do with less.
    require(open_descriptors() == before, "it keeps some of the room");
    few.reset();
    const auto ended = co_await all.join();
    require_equal(ended.at(0).out(), "x\n");
    require(ended.at(0).ok());
}

TEST_F(pipelines, in_a_limited_gather_one_waits_for_room_for_its_pipes)
{
    // For none of them; for the one between, but not for that of the errors.
    for (const int free : {1, 3})
        BROOD_IN_A_COPY([free] {
            const leak_check before;
            run_bounded(waits_for_room_between(free));
            require_clean(before);
        });
}

class failure_counter : public brood::observer {
public:
    void start_failed(const brood::process_event&,
                      const brood::spawn_error&) noexcept override
    {
        ++failures;
    }
    int failures = 0;
};

awaitable<void> gives_up_the_pipe_between()
{
    auto other = co_await somebody_else();
    co_await other.stop();
    const auto seen = std::make_shared<failure_counter>();
    const auto what = exec("echo", "x").observe(seen) | exec("cat");
    const few_descriptors few(1);
    const auto text = [](const std::optional<brood::spawn_error>& error) {
        require(error.has_value(), "it was started");
        require_equal(error->code().value(), EMFILE);
        require(error->step() == brood::spawn_step::pipe);
        return std::string(error->what());
    };
    const auto at_once =
        text(co_await thrown_by<brood::spawn_error>(run_process(what)));
    const std::string wanted = "cannot make a pipe between two commands";
    require(at_once.starts_with(wanted + ": Too many"), at_once);
    require_equal(seen->failures, 1);
    const auto late =
        text(co_await thrown_by<brood::spawn_error>(patient_run(what)));
    require(late.starts_with(wanted + ", after 7 attempts in "), late);
    require_equal(seen->failures, 2);
}

TEST_F(pipelines, one_without_room_for_its_pipe_says_so)
{
    BROOD_IN_A_COPY([] {
        const leak_check before;
        run_bounded(gives_up_the_pipe_between());
        require_clean(before);
    });
}

awaitable<void> has_no_time_to_wait()
{
    const auto other = co_await somebody_else();
    const auto several = (exec("echo", "x") | exec("cat")).timeout(20ms);
    const auto single = exec("echo", "x").timeout(20ms);
    const few_descriptors few(1);
    const auto pipelines = co_await patient_run(several);
    require(pipelines.at(0).timed_out());
    require(pipelines.at(0).stopped() == brood::stop_reason::timeout);
    require_equal(pipelines.at(0).stages.size(), 2u);
    const auto commands = co_await patient_run(single);
    require(commands.at(0).timed_out);
    require(commands.at(0).status == brood::exit_status(), "it has run");
}

TEST_F(pipelines, a_time_limit_includes_the_wait_for_room)
{
    BROOD_IN_A_COPY([] {
        const leak_check before;
        run_bounded(has_no_time_to_wait());
        require_clean(before);
    });
}

}  // namespace
