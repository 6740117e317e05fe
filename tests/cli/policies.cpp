// --halt, --retry-on, --retry-delay, --limit and --term-seq.

#include "cli/policies.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace {

using namespace std::chrono_literals;

TEST(policies, halt_says_when_what_and_how_many)
{
    using when = cli::halt_policy::when;
    using counted = cli::halt_policy::counted;
    struct row {
        std::string_view text;
        when at;
        counted what;
        double limit;
        bool percent;
    };
    const row table[] = {
        {"never", when::never, counted::fail, 1, false},
        {"soon,fail=3", when::soon, counted::fail, 3, false},
        {"now,fail=1", when::now, counted::fail, 1, false},
        {"soon,fail=20%", when::soon, counted::fail, 20, true},
        {"now,success=1", when::now, counted::success, 1, false},
        {"soon,done=5", when::soon, counted::done, 5, false},
    };
    for (const row& one : table) {
        const auto policy = cli::parse_halt(one.text);
        ASSERT_TRUE(policy) << one.text;
        EXPECT_EQ(policy->at, one.at) << one.text;
        EXPECT_EQ(policy->what, one.what) << one.text;
        EXPECT_EQ(policy->limit, one.limit) << one.text;
        EXPECT_EQ(policy->percent, one.percent) << one.text;
    }
    for (const auto* text :
         {"", "now", "now,fail", "fail=1", "now,fail=0", "now,fail=0%",
          "now,fail=101%", "later,fail=1", "now,oops=1", "now,fail=x",
          "now=1,fail", "never,fail=1"})
        EXPECT_FALSE(cli::parse_halt(text)) << text;
}

TEST(policies, retries_have_causes)
{
    using kind = cli::retry_policy::cause::kind;
    const auto causes =
        cli::parse_retry_causes("fail,timeout,signal,signal=KILL,exit=75");
    ASSERT_TRUE(causes);
    ASSERT_EQ(causes->size(), 5u);
    const std::pair<kind, int> meant[] = {{kind::fail, 0},
                                          {kind::timeout, 0},
                                          {kind::signal, 0},
                                          {kind::signal, SIGKILL},
                                          {kind::exit, 75}};
    for (std::size_t i = 0; i < causes->size(); ++i) {
        EXPECT_EQ((*causes)[i].of, meant[i].first) << i;
        EXPECT_EQ((*causes)[i].code, meant[i].second) << i;
    }
    for (const auto* text : {"", "x", "exit", "exit=0", "exit=256", "exit=x",
                             "signal=NONE", "fail,", "fail=1"})
        EXPECT_FALSE(cli::parse_retry_causes(text)) << text;
}

TEST(policies, retry_delays_grow_up_to_a_bound)
{
    struct row {
        std::string_view text;
        cli::duration delay;
        double factor;
        cli::duration longest;
    };
    const row table[] = {
        {"1s", 1s, 1, 1min},
        {"1s,x2", 1s, 2, 1min},
        {"500ms,x1.5,10s", 500ms, 1.5, 10s},
        {"5m", 5min, 1, 5min},
    };
    for (const row& one : table) {
        cli::retry_policy policy;
        ASSERT_TRUE(cli::parse_retry_delay(one.text, policy)) << one.text;
        EXPECT_EQ(policy.delay, one.delay) << one.text;
        EXPECT_EQ(policy.factor, one.factor) << one.text;
        EXPECT_EQ(policy.longest, one.longest) << one.text;
    }
    cli::retry_policy policy;
    for (const auto* text : {"", "x2", "1s,2", "1s,x0.5", "1s,x2,", "1s,x",
                             "1s,x2,3s,4s", "1s,x2,y"})
        EXPECT_FALSE(cli::parse_retry_delay(text, policy)) << text;
}

TEST(policies, limits_have_names_and_amounts)
{
    const auto limits = cli::parse_resource_limits(
        "mem=1G,cpu=1500ms,nproc=64,fsize=10M,nofile=256");
    const std::vector<std::pair<std::string, std::uint64_t>> meant = {
        {"mem", 1u << 30},
        {"cpu", 2},
        {"nproc", 64},
        {"fsize", 10u << 20},
        {"nofile", 256}};
    ASSERT_TRUE(limits);
    EXPECT_EQ(*limits, meant);
    for (const auto* text : {"", "mem", "mem=", "mem=x", "mem=0", "core=1",
                             "cpu=x", "nproc=1M", "mem=1G,"})
        EXPECT_FALSE(cli::parse_resource_limits(text)) << text;
}

TEST(policies, stop_sequences_are_signals_with_milliseconds_between)
{
    using steps = std::vector<std::pair<int, cli::duration>>;
    const std::pair<std::string_view, steps> table[] = {
        {"TERM,200,TERM,1000,KILL",
         {{SIGTERM, 200ms}, {SIGTERM, 1000ms}, {SIGKILL, 0s}}},
        {"INT", {{SIGINT, 5s}}},
        {"15,0.5,9", {{SIGTERM, 500us}, {SIGKILL, 0s}}},
        {"HUP,1,KILL,25", {{SIGHUP, 1ms}, {SIGKILL, 25ms}}},
    };
    for (const auto& [text, meant] : table) {
        const auto parsed = cli::parse_term_seq(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(*parsed, meant) << text;
    }
    for (const auto* text :
         {"", "200", "TERM,", "TERM,x", "TERM,200,", "NONE,1", "TERM,-1"})
        EXPECT_FALSE(cli::parse_term_seq(text)) << text;
}

}  // namespace
