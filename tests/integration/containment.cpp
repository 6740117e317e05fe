// containment.cpp: who is stopped with a child, and who escapes.
//
// Each level is tried by descendants that leave: into a group of their own, a
// session of their own, and, by forking twice, from their parents as well.
#include "support/outcome.hpp"
#include "support/runs.hpp"

#include <brood/brood.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

namespace {

using namespace brood_test;
using namespace std::chrono_literals;
using brood::containment;
using brood::piped;
using brood::spawn_step;

// The mount point of the cgroup2 hierarchy, where this process may make a
// group there; else empty.
std::string writable_cgroups()
{
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        if (line.find(" - cgroup2 ") == line.npos)
            continue;
        std::istringstream fields(line);
        std::string skipped, point;
        fields >> skipped >> skipped >> skipped >> skipped >> point;
        const auto probe =
            point + "/brood-test-probe-" + std::to_string(::getpid());
        std::error_code ec;
        if (std::filesystem::create_directory(probe, ec)) {
            const bool can_kill =
                std::filesystem::exists(probe + "/cgroup.kill");
            std::filesystem::remove(probe, ec);
            return can_kill ? point : std::string();
        }
    }
    return {};
}

// Those of this process: the same tests may run beside us.
std::set<std::string> groups_below(const std::string& parent)
{
    const auto own = "brood-" + std::to_string(::getpid()) + "-";
    std::set<std::string> names;
    for (const auto& each : std::filesystem::directory_iterator(parent))
        if (each.path().filename().string().starts_with(own))
            names.insert(each.path().filename());
    return names;
}

class levels : public clean_test {
protected:
    // Runs a child at `level` whose descendant leaves as `how` says and holds
    // the pipes. True if the descendant was gone at the end of the run; if
    // not, it is put down.
    bool holds(containment level, const std::vector<std::string>& how)
    {
        std::vector<std::string> line{child_path(), "fork-and-hold-then-pause",
                                      "ignore-term"};
        line.insert(line.end(), how.begin(), how.end());
        const auto ended = run_until("\n", [&](auto time) {
            auto what = brood::exec(line)
                            .containment(level)
                            .timeout(time)
                            .drain(10ms)
                            .stop(stop_sequence().then(SIGTERM, 10ms));
            if (level == containment::cgroup)
                what.cgroup_parent(cgroups_);
            return run_now(std::move(what));
        });
        EXPECT_TRUE(ended.timed_out);
        const auto descendants = numbers_in(ended.out);
        EXPECT_EQ(descendants.size(), 1U);
        const bool escaped =
            !descendants.empty() && put_down(descendants.front());
        EXPECT_EQ(ended.complete, !escaped);
        return !escaped;
    }

    const std::string cgroups_ = writable_cgroups();
};

TEST_F(levels, process_holds_the_child_alone)
{
    EXPECT_FALSE(holds(containment::process, {}));
}

TEST_F(levels, group_holds_who_makes_no_group)
{
    EXPECT_TRUE(holds(containment::group, {}));
    EXPECT_TRUE(holds(containment::group, {"orphan"}));
    EXPECT_FALSE(holds(containment::group, {"own-group"}));
    EXPECT_FALSE(holds(containment::group, {"setsid"}));
}

TEST_F(levels, session_holds_all_but_a_daemon_that_forked_twice)
{
    EXPECT_TRUE(holds(containment::session, {}));
    EXPECT_TRUE(holds(containment::session, {"own-group"}));
    EXPECT_TRUE(holds(containment::session, {"orphan"}));
    EXPECT_TRUE(holds(containment::session, {"own-group", "orphan"}));
    EXPECT_TRUE(holds(containment::session, {"setsid"}));
    EXPECT_FALSE(holds(containment::session, {"setsid", "orphan"}));
}

TEST_F(levels, cgroup_holds_everybody)
{
    if (cgroups_.empty())
        GTEST_SKIP() << "no cgroup2 hierarchy that we may write to";
    const auto before = groups_below(cgroups_);
    EXPECT_TRUE(holds(containment::cgroup, {}));
    EXPECT_TRUE(holds(containment::cgroup, {"own-group"}));
    EXPECT_TRUE(holds(containment::cgroup, {"setsid"}));
    EXPECT_TRUE(holds(containment::cgroup, {"setsid", "orphan"}));
    EXPECT_EQ(groups_below(cgroups_), before);
}

// The whole family goes with the handle, and so does its cgroup.
TEST_F(levels, dropping_a_handle_kills_whom_its_level_holds)
{
    std::vector<containment> tried{containment::group, containment::session};
    if (!cgroups_.empty())
        tried.push_back(containment::cgroup);
    for (const auto level : tried) {
        const auto before =
            cgroups_.empty() ? std::set<std::string>() : groups_below(cgroups_);
        int descendant = 0;
        auto main = [&]() -> awaitable<void> {
            auto what = child("fork-and-hold-then-pause", "ignore-term")
                            .containment(level)
                            .out(piped);
            if (level == containment::cgroup)
                what.cgroup_parent(cgroups_);
            auto p = co_await create_subprocess(what);
            descendant = std::stoi(co_await p.out().readline());
        };
        run_bounded(main());
        EXPECT_TRUE(wait_until([&] { return !process_is_alive(descendant); }));
        if (!cgroups_.empty()) {
            EXPECT_TRUE(
                wait_until([&] { return groups_below(cgroups_) == before; }));
        }
    }
}

// A leader that has ended is no excuse: who outlives it goes with the handle,
// where the command names a level.
TEST_F(levels, dropping_a_handle_kills_who_outlived_the_child)
{
    int descendant = 0;
    auto main = [&]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            child("fork-and-hold-stdout", "ignore-term")
                .containment(containment::group)
                .out(piped));
        descendant = std::stoi(co_await p.out().readline());
        EXPECT_EQ(co_await p.wait(), 0);
        EXPECT_TRUE(process_is_alive(descendant));
    };
    run_bounded(main());
    EXPECT_TRUE(wait_until([&] { return !process_is_alive(descendant); }));
}

// Without a level, a group that outlives its leader is left alone.
TEST_F(levels, a_group_that_was_only_asked_for_outlives_the_handle)
{
    int descendant = 0;
    auto main = [&]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            child("fork-and-hold-stdout").process_group().out(piped));
        descendant = std::stoi(co_await p.out().readline());
        EXPECT_EQ(co_await p.wait(), 0);
    };
    run_bounded(main());
    EXPECT_TRUE(put_down(descendant));
}

TEST_F(levels, a_cgroup_that_cannot_be_made_is_a_clear_error)
{
    const temp_dir dir;
    const auto what = child("exit", "0").containment(containment::cgroup);
    const auto absent =
        spawn_failure_of(command(what).cgroup_parent("/nonexistent"));
    ASSERT_TRUE(absent.has_value());
    EXPECT_EQ(absent->step(), spawn_step::cgroup);
    EXPECT_EQ(absent->code().value(), ENOENT);
    EXPECT_TRUE(absent->path().starts_with("/nonexistent/brood-"));
    // A directory like any other is no cgroup, and nothing is left in it.
    const auto wrong =
        spawn_failure_of(command(what).cgroup_parent(dir.path()));
    ASSERT_TRUE(wrong.has_value());
    EXPECT_EQ(wrong->step(), spawn_step::cgroup);
    EXPECT_NE(std::string(wrong->what()).find("no cgroup2 hierarchy"),
              std::string::npos);
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST_F(levels, a_child_is_born_in_its_cgroup)
{
    if (cgroups_.empty())
        GTEST_SKIP() << "no cgroup2 hierarchy that we may write to";
    const auto shown = output_of(brood::exec("cat", "/proc/self/cgroup")
                                     .containment(containment::cgroup)
                                     .cgroup_parent(cgroups_)
                                     .out(piped));
    EXPECT_NE(shown.find("/brood-"), std::string::npos) << shown;
}

// A program that manages cgroups makes some in its own.
TEST_F(levels, cgroups_within_a_cgroup_are_stopped_and_removed)
{
    if (cgroups_.empty())
        GTEST_SKIP() << "no cgroup2 hierarchy that we may write to";
    const auto before = groups_below(cgroups_);
    witness all;
    const auto ended = run_now(
        all.watching(brood::shell("own=" + cgroups_ +
                                  "$(sed -n 's/^0:://p' /proc/self/cgroup); "
                                  "mkdir $own/inner && "
                                  "sh -c 'echo 0 >$1/inner/cgroup.procs && "
                                  "exec sleep 600' sh $own & sleep 600"))
            .containment(containment::cgroup)
            .cgroup_parent(cgroups_)
            .timeout(200ms)
            .stop(stop_sequence().then(SIGTERM, 5s)));
    EXPECT_TRUE(ended.timed_out);
    EXPECT_EQ(ended.err, "");
    EXPECT_TRUE(all.nobody_is_left());
    EXPECT_TRUE(wait_until([&] { return groups_below(cgroups_) == before; }));
}

TEST_F(levels, what_contradicts_a_level_is_refused)
{
    const auto why = [](command what) {
        try {
            static_cast<void>(outcome_of(std::move(what)));
        } catch (const std::invalid_argument& error) {
            return std::string(error.what());
        }
        return std::string("not refused");
    };
    EXPECT_NE(why(child("exit", "0")
                      .process_group(::getpgrp())
                      .containment(containment::group))
                  .find("needs a group that the child leads"),
              std::string::npos);
    EXPECT_NE(why(child("exit", "0")
                      .process_group()
                      .containment(containment::session))
                  .find("leave process_group() out"),
              std::string::npos);
    EXPECT_NE(why(child("exit", "0").cgroup_parent("/x"))
                  .find("cgroup_parent() is for"),
              std::string::npos);
}

}  // namespace
