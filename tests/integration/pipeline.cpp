// pipeline.cpp: commands that read each other's output.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include <brood/brood.hpp>

#include <csignal>
#include <string>

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
    const auto ended = result_of(
        (child("ready-then-pause") | exec("cat") | exec("cat")).timeout(50ms));
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

}  // namespace
