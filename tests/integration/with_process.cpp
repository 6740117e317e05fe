// with_process.cpp: children that live no longer than a scope.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(detached.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)

#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace {

using namespace brood_test;
using namespace std::chrono_literals;
using brood::piped;
using brood::process;
using brood::stop_sequence;
using brood::task_group;
using brood::with_process;

class scopes : public clean_test {};

TEST_F(scopes, the_child_is_gone_when_the_body_has_returned)
{
    auto main = []() -> awaitable<void> {
        int pid = 0;
        auto body = [&](process& p) -> awaitable<std::string> {
            pid = p.pid();
            co_return co_await p.out().readline();
        };
        EXPECT_EQ(
            co_await with_process(child("ready-then-pause").out(piped), body),
            "ready\n");
        EXPECT_FALSE(process_exists(pid));
    };
    run_bounded(main());
}

TEST_F(scopes, the_child_is_stopped_politely)
{
    const temp_dir dir;
    auto main = [&]() -> awaitable<void> {
        auto body = [&](process& p) -> awaitable<void> {
            co_await p.out().readline();
        };
        co_await with_process(
            brood::shell("trap 'echo bye >bye; exit 0' TERM; echo ready; "
                         "while :; do read line <&3; done")
                .child_fd(3, brood::piped_in)
                .cwd(dir.path())
                .out(piped),
            body);
        EXPECT_EQ(read_file(dir / "bye"), "bye\n");
    };
    run_bounded(main());
}

TEST_F(scopes, the_child_is_gone_when_an_exception_comes_through)
{
    auto main = []() -> awaitable<void> {
        int pid = 0;
        auto body = [&](process& p) -> awaitable<void> {
            pid = p.pid();
            co_await p.out().readline();
            throw std::runtime_error("broken");
        };
        const auto error = co_await thrown_by<std::runtime_error>(
            with_process(child("ignore-term")
                             .out(piped)
                             .stop(stop_sequence().then(SIGTERM, 1ms)),
                         body));
        EXPECT_TRUE(error.has_value());
        EXPECT_FALSE(process_exists(pid));
    };
    run_bounded(main());
}

TEST_F(scopes, the_child_is_gone_however_late_the_cancellation_comes)
{
    auto main = []() -> awaitable<void> {
        for (int count = 0; count != 20; ++count) {
            int pid = 0;
            auto body = [&](process& p) -> awaitable<int> {
                pid = p.pid();
                co_return co_await p.wait();
            };
            const auto code = co_await cancelled_after(
                count,
                with_process(child("ready-then-pause").out(piped), body));
            EXPECT_FALSE(code.has_value());
            EXPECT_TRUE(pid == 0 || !process_exists(pid));
            EXPECT_TRUE(children().empty());
        }
    };
    run_bounded(main());
}

TEST_F(scopes, descendants_go_with_the_scope)
{
    auto main = []() -> awaitable<void> {
        int descendant = 0;
        auto body = [&](process& p) -> awaitable<int> {
            descendant = std::stoi(co_await p.out().readline());
            co_return co_await p.wait();
        };
        EXPECT_EQ(
            co_await with_process(child("fork-and-hold-stdout", "ignore-term")
                                      .out(piped)
                                      .containment(brood::containment::group)
                                      .stop(stop_sequence().then(SIGTERM, 1ms)),
                                  body),
            0);
        EXPECT_FALSE(process_is_alive(descendant));
    };
    run_bounded(main());
}

TEST_F(scopes, a_child_that_cannot_start_never_reaches_the_body)
{
    auto main = []() -> awaitable<void> {
        bool reached = false;
        auto body = [&](process&) -> awaitable<void> {
            reached = true;
            co_return;
        };
        const auto error = co_await thrown_by<brood::spawn_error>(
            with_process(brood::exec("/nonexistent"), body));
        EXPECT_TRUE(error.has_value());
        EXPECT_FALSE(reached);
    };
    run_bounded(main());
}

TEST_F(scopes, a_task_group_ends_when_dropped_children_are_collected)
{
    auto main = []() -> awaitable<void> {
        int pid = 0;
        auto holds_a_child = [&pid]() -> awaitable<void> {
            auto p = co_await create_subprocess(
                child("ready-then-pause").out(piped));
            pid = p.pid();
            co_await p.out().readline();
            throw std::runtime_error("broken");
        };
        auto body = [&](task_group& group) -> awaitable<void> {
            group.create_task(holds_a_child());
            co_await brood::sleep(1h);
        };
        const auto error = co_await thrown_by<std::runtime_error>(
            brood::with_task_group(body));
        EXPECT_TRUE(error.has_value());
        EXPECT_FALSE(process_exists(pid));
    };
    run_bounded(main());
}

// What waits for a child when its loop goes is destroyed, and the child with
// it.
TEST_F(scopes, a_loop_that_goes_takes_runs_and_stops_along)
{
    const auto token = std::make_shared<int>(0);
    {
        asio::io_context io;
        auto runs = [](std::shared_ptr<int>) -> awaitable<void> {
            static_cast<void>(co_await run_process(child("ready-then-pause")));
        };
        auto stops = [](std::shared_ptr<int>) -> awaitable<void> {
            auto p = co_await create_subprocess(
                child("ignore-term").out(piped).process_group());
            co_await p.out().readline();
            co_await p.stop();
        };
        auto scoped = [](std::shared_ptr<int>) -> awaitable<void> {
            auto body = [](process& p) -> awaitable<void> {
                co_await p.wait();
            };
            co_await with_process(child("ready-then-pause").out(piped), body);
        };
        asio::co_spawn(io, runs(token), asio::detached);
        asio::co_spawn(io, stops(token), asio::detached);
        asio::co_spawn(io, scoped(token), asio::detached);
        async_run_process(io.get_executor(), child("ready-then-pause"),
                          [token](brood::error_code, brood::completed_process) {
                              ADD_FAILURE() << "completed without a loop";
                          });
        for (int turn = 0; turn != 60; ++turn)
            io.poll();
        EXPECT_GT(token.use_count(), 4);
    }
    EXPECT_EQ(token.use_count(), 1);
    EXPECT_TRUE(wait_until([] { return children().empty(); }));
}

}  // namespace
