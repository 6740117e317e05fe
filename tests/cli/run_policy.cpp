// What a run decides from how its jobs ended.

#include "cli/run_policy.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace {

using namespace std::chrono_literals;

cli::job_record ended(cli::job_status how, unsigned attempt = 1)
{
    cli::job_record made;
    made.status = how;
    made.attempt = attempt;
    return made;
}

TEST(retry, ends_with_the_last_attempt)
{
    cli::retry_policy asked;
    asked.attempts = 3;
    EXPECT_TRUE(is_tried_again(ended(cli::job_status::exit, 2), asked));
    EXPECT_FALSE(is_tried_again(ended(cli::job_status::exit, 3), asked));
}

TEST(retry, is_not_for_what_was_canceled)
{
    cli::retry_policy asked;
    asked.attempts = 3;
    EXPECT_FALSE(is_tried_again(ended(cli::job_status::canceled), asked));
}

TEST(retry, is_for_the_causes_that_were_named)
{
    using kind = cli::retry_policy::cause::kind;
    cli::retry_policy asked;
    asked.attempts = 3;
    asked.causes = {{kind::exit, 75}, {kind::timeout, 0}};
    auto one = ended(cli::job_status::exit);
    one.code = 75;
    EXPECT_TRUE(is_tried_again(one, asked));
    one.code = 1;
    EXPECT_FALSE(is_tried_again(one, asked));
    EXPECT_TRUE(is_tried_again(ended(cli::job_status::idle), asked));
    EXPECT_FALSE(is_tried_again(ended(cli::job_status::signal), asked));
}

TEST(retry, waits_longer_up_to_a_limit_and_never_the_same)
{
    cli::retry_policy asked;
    asked.delay = 1s;
    asked.factor = 10;
    asked.longest = 30s;
    std::minstd_rand random(1);
    for (int round = 0; round < 100; ++round) {
        const auto first = retry_pause(asked, 1, random);
        EXPECT_TRUE(first >= 500ms && first <= 1s);
        const auto second = retry_pause(asked, 2, random);
        EXPECT_TRUE(second >= 5s && second <= 10s);
        const auto late = retry_pause(asked, 1000, random);
        EXPECT_TRUE(late >= 15s && late <= 30s);
    }
    EXPECT_NE(retry_pause(asked, 1, random), retry_pause(asked, 1, random));
}

std::optional<std::string> judge(cli::halt_count& count, bool failed,
                                 std::optional<std::uint64_t> total,
                                 std::uint64_t read = 0)
{
    count.count(failed);
    return count.verdict(total, read);
}

TEST(halt, counts_what_it_was_told_to)
{
    cli::halt_policy asked;
    asked.at = cli::halt_policy::when::soon;
    asked.limit = 2;
    cli::halt_count failures(asked);
    EXPECT_FALSE(judge(failures, true, 10));
    EXPECT_FALSE(judge(failures, false, 10));
    EXPECT_EQ(judge(failures, true, 10), "2 jobs failed");
    asked.what = cli::halt_policy::counted::success;
    asked.limit = 1;
    cli::halt_count successes(asked);
    EXPECT_FALSE(judge(successes, true, 10));
    EXPECT_EQ(judge(successes, false, 10), "1 job succeeded");
}

TEST(halt, takes_a_part_of_all)
{
    cli::halt_policy asked;
    asked.at = cli::halt_policy::when::soon;
    asked.limit = 20;
    asked.percent = true;
    cli::halt_count count(asked);
    EXPECT_FALSE(judge(count, true, 10));
    EXPECT_TRUE(judge(count, true, 10));
}

TEST(halt, takes_no_part_of_less_than_three_while_more_may_come)
{
    cli::halt_policy asked;
    asked.at = cli::halt_policy::when::soon;
    asked.limit = 20;
    asked.percent = true;
    cli::halt_count count(asked);
    EXPECT_FALSE(judge(count, true, {}, 2));
    EXPECT_FALSE(judge(count, true, {}, 3));
    EXPECT_FALSE(count.verdict(11, 11));
    EXPECT_TRUE(count.verdict(10, 10));
    EXPECT_TRUE(judge(count, true, {}, 4));
    EXPECT_FALSE(count.verdict({}, 16));
}

TEST(halt, never_says_so_unless_asked)
{
    cli::halt_count count{cli::halt_policy()};
    for (int number = 0; number < 100; ++number)
        EXPECT_FALSE(judge(count, true, 100));
}

TEST(median, is_there_from_three_on)
{
    cli::running_median median;
    median.add(9);
    median.add(1);
    EXPECT_FALSE(median.value());
    median.add(5);
    EXPECT_EQ(median.value(), 5);
    for (const double each : {6.0, 7.0, 8.0, 9.0})
        median.add(each);
    EXPECT_EQ(median.value(), 7);
}

TEST(exit_code, says_what_all_failures_were)
{
    const cli::options asked;
    cli::run_result result;
    result.ok = 3;
    EXPECT_EQ(exit_code_of(result, asked), 0);
    result.failed = result.timed_out = 1;
    EXPECT_EQ(exit_code_of(result, asked), 124);
    result.failed = 2;
    EXPECT_EQ(exit_code_of(result, asked), 123);
    result.signal = 15;
    EXPECT_EQ(exit_code_of(result, asked), 143);
    result.own_failure = true;
    EXPECT_EQ(exit_code_of(result, asked), 125);
}

TEST(exit_code, of_one_is_that_of_the_command)
{
    cli::options asked;
    asked.as = cli::options::form::one;
    cli::run_result result;
    result.failed = 1;
    result.last = ended(cli::job_status::signal);
    result.last->signal = 9;
    EXPECT_EQ(exit_code_of(result, asked), 137);
    result.last = ended(cli::job_status::exit);
    result.last->code = 42;
    EXPECT_EQ(exit_code_of(result, asked), 42);
}

TEST(jobs_ahead, are_some_where_nothing_is_decided_between_two_jobs)
{
    cli::options asked;
    asked.command = {"echo", "{}", "{#}"};
    asked.output.tag = "{}";
    asked.output.keep_order = true;
    asked.time.timeout = 1s;
    EXPECT_GT(cli::jobs_ahead(asked, 2, false), 0u);
    // One after the other, each with our output to itself.
    EXPECT_EQ(cli::jobs_ahead(asked, 1, false), 0u);
    // Without a limit nobody waits.
    EXPECT_EQ(cli::jobs_ahead(asked, 0, false), 0u);
}

TEST(jobs_ahead, are_none_where_something_is)
{
    using function = void (*)(cli::options&);
    const std::pair<const char*, function> changes[] = {
        {"--load", [](auto& to) { to.limits.load = 4; }},
        {"--memfree", [](auto& to) { to.limits.memfree = 1; }},
        {"--mem-per-job", [](auto& to) { to.limits.mem_per_job = 1; }},
        {"--delay", [](auto& to) { to.limits.delay = 1ms; }},
        {"--halt", [](auto& to) { to.halt.at = cli::halt_policy::when::soon; }},
        {"--retries", [](auto& to) { to.retry.attempts = 2; }},
        {"-t", [](auto& to) { to.output.print_commands = true; }},
        {"--results", [](auto& to) { to.output.results = "folder"; }},
        {"{%}", [](auto& to) { to.command = {"sh", "-c", "echo a{%}b"}; }},
        {"--tagstring", [](auto& to) { to.output.tag = "{%}"; }},
    };
    for (const auto& [name, change] : changes) {
        cli::options asked;
        change(asked);
        EXPECT_EQ(cli::jobs_ahead(asked, 2, false), 0u) << name;
    }
    EXPECT_EQ(cli::jobs_ahead({}, 2, true), 0u) << "--jobserver";
}

}  // namespace
