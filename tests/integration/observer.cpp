// observer.cpp: what an observer is told, and of which child.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <csignal>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace {

using namespace brood_test;
using namespace std::chrono_literals;
using brood::completed_process;
using brood::exec;
using brood::piped;
using brood::process_event;
using brood::redacted;
using brood::stop_reason;

using strings = std::vector<std::string>;

// Keeps what it is told, each as one line, and the events.
class witness : public brood::observer {
public:
    strings told;
    std::vector<process_event> events;
    std::string out;
    std::string err;

    void spawned(const process_event& event) noexcept override
    {
        add("spawned", event);
    }
    void output(const process_event&, brood::output_stream which,
                std::string_view bytes) noexcept override
    {
        (which == brood::output_stream::out ? out : err) += bytes;
    }
    void exited(const process_event& event,
                const brood::exit_status& status) noexcept override
    {
        add(to_string(status), event);
    }
    void stopped(const process_event& event, stop_reason why,
                 int signal) noexcept override
    {
        add("stopped " + std::to_string(static_cast<int>(why)) + " " +
                std::to_string(signal),
            event);
    }
    void start_failed(const process_event& event,
                      const brood::spawn_error& error) noexcept override
    {
        add("failed: " + std::string(error.what()), event);
    }
    void dropped_running(const process_event& event) noexcept override
    {
        add("dropped", event);
    }

private:
    void add(std::string line, const process_event& event)
    {
        told.push_back(std::move(line));
        events.push_back(event);
    }
};

class observers : public clean_test {
protected:
    std::shared_ptr<witness> seen = std::make_shared<witness>();
};

// Whether the place is in this file, at this line.
void expect_here(const std::source_location& where, unsigned line)
{
    EXPECT_STREQ(where.file_name(), __FILE__);
    EXPECT_EQ(where.line(), line);
}

TEST_F(observers, are_told_of_a_child_from_start_to_end)
{
    auto main = [&]() -> awaitable<void> {
        auto p = co_await create_subprocess(child("exit", "3").observe(seen));
        EXPECT_EQ(seen->told, strings{"spawned"});
        EXPECT_EQ(seen->events.at(0).pid(), p.pid());
        co_await p.wait();
        EXPECT_EQ(seen->events.at(1).pid(), p.pid());
    };
    run_bounded(main());
    EXPECT_EQ(seen->told, (strings{"spawned", "exited with code 3"}));
}

TEST_F(observers, are_told_of_the_end_that_a_poll_finds)
{
    asio::io_context io;
    auto p = brood::spawn_process(io, child("exit", "3").observe(seen));
    EXPECT_TRUE(wait_until([&] { return p.poll().has_value(); }));
    p.poll();
    EXPECT_EQ(seen->told, (strings{"spawned", "exited with code 3"}));
}

TEST_F(observers, know_where_a_child_was_created)
{
    std::optional<unsigned> created;
    std::optional<unsigned> run;
    auto main = [&]() -> awaitable<void> {
        created = __LINE__ + 1;
        auto p = co_await create_subprocess(child("exit", "0").observe(seen));
        expect_here(p.created_at(), *created);
        co_await p.wait();
        run = __LINE__ + 1;
        co_await run_process(child("exit", "0").observe(seen));
        co_await check_output(child("exit", "0").observe(seen));
    };
    run_bounded(main());
    expect_here(seen->events.at(0).where(), created.value());
    expect_here(seen->events.at(2).where(), run.value());
    expect_here(seen->events.at(4).where(), run.value() + 1);
}

TEST_F(observers, know_where_a_child_was_created_without_a_coroutine)
{
    asio::io_context io;
    const auto line = __LINE__ + 1;
    auto p = brood::spawn_process(io, child("exit", "0"));
    expect_here(p.created_at(), line);
    const auto on_executor = __LINE__ + 1;
    p = brood::spawn_process(io.get_executor(), child("exit", "0"));
    expect_here(p.created_at(), on_executor);
    const auto run = __LINE__ + 1;
    brood::async_run_process(io.get_executor(),
                             child("exit", "0").observe(seen),
                             [](brood::error_code, completed_process) {});
    io.run();
    ASSERT_EQ(seen->events.size(), 2u);
    EXPECT_STREQ(seen->events.front().where().file_name(), __FILE__);
    EXPECT_GE(seen->events.front().where().line(), unsigned(run));
    EXPECT_LE(seen->events.front().where().line(), unsigned(run) + 2);
}

TEST_F(observers, know_where_a_scope_and_a_pipeline_were_created)
{
    std::optional<unsigned> scope;
    std::optional<unsigned> piping;
    auto main = [&]() -> awaitable<void> {
        auto body = [](brood::process& p) -> awaitable<int> {
            co_return co_await p.wait();
        };
        auto first = child("exit", "0").observe(seen);
        scope = __LINE__ + 1;
        co_await with_process(first, body);
        piping = __LINE__ + 1;
        co_await run_process(first | child("cat").observe(seen));
    };
    run_bounded(main());
    ASSERT_EQ(seen->events.size(), 6u);
    expect_here(seen->events.at(0).where(), scope.value());
    expect_here(seen->events.at(2).where(), piping.value());
    expect_here(seen->events.at(3).where(), piping.value());
}

TEST_F(observers, are_told_what_a_run_reads)
{
    auto main = [&]() -> awaitable<void> {
        const auto ended =
            co_await run_process(child("both", "3").observe(seen));
        EXPECT_EQ(seen->out, ended.out);
        EXPECT_EQ(seen->err, ended.err);
        EXPECT_EQ(seen->out, "out 0\nout 1\nout 2\n");
    };
    run_bounded(main());
}

TEST_F(observers, are_told_what_is_not_kept)
{
    auto main = [&]() -> awaitable<void> {
        const auto ended = co_await run_process(
            child("flood", "100K").capture(10).observe(seen));
        EXPECT_EQ(ended.out.size(), 10u);
        EXPECT_EQ(seen->out.size(), 100u * 1024);
    };
    run_bounded(main());
}

TEST_F(observers, are_told_why_and_how_a_run_is_stopped)
{
    auto main = [&]() -> awaitable<void> {
        co_await run_process(
            child("ready-then-pause").output_limit(1).observe(seen));
    };
    run_bounded(main());
    const auto limit =
        std::to_string(static_cast<int>(stop_reason::output_limit));
    EXPECT_EQ(
        seen->told,
        (strings{"spawned", "stopped " + limit + " " + std::to_string(SIGTERM),
                 "killed by SIGTERM (15)"}));
}

TEST_F(observers, are_told_of_each_signal_of_a_stop)
{
    auto main = [&]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            child("ignore-term")
                .out(piped)
                .stop(brood::stop_sequence().then(SIGTERM, 1ms))
                .observe(seen));
        co_await p.out().readline();
        co_await p.stop();
    };
    run_bounded(main());
    EXPECT_EQ(seen->told, (strings{"spawned", "stopped 0 15", "stopped 0 9",
                                   "killed by SIGKILL (9)"}));
}

TEST_F(observers, are_told_of_no_stop_where_there_was_none)
{
    auto main = [&]() -> awaitable<void> {
        co_await run_process(child("exit", "0").observe(seen));
    };
    run_bounded(main());
    EXPECT_EQ(seen->told, (strings{"spawned", "exited with code 0"}));
}

TEST_F(observers, are_told_why_a_child_could_not_be_started)
{
    auto main = [&]() -> awaitable<void> {
        const auto error =
            co_await thrown_by<brood::spawn_error>(create_subprocess(
                exec("/no/such/program", redacted("x")).observe(seen)));
        EXPECT_TRUE(error.has_value());
        EXPECT_EQ(seen->told, strings{"failed: " + std::string(error->what())});
    };
    run_bounded(main());
    EXPECT_EQ(seen->events.at(0).pid(), -1);
    EXPECT_EQ(to_string(seen->events.at(0).what()), "/no/such/program ***");
}

TEST_F(observers, are_told_once_where_a_start_may_have_to_wait)
{
    auto main = [&]() -> awaitable<void> {
        // A limited gather makes starts patient.
        std::vector<awaitable<completed_process>> runs;
        const auto line = __LINE__ + 1;
        runs.push_back(run_process(child("exit", "4").observe(seen)));
        co_await brood::gather(std::move(runs), brood::in_flight(1));
        expect_here(seen->events.at(0).where(), line);
        std::vector<awaitable<completed_process>> failing;
        failing.push_back(run_process(exec("/no/such/one").observe(seen)));
        const auto error = co_await thrown_by<brood::spawn_error>(
            brood::gather(std::move(failing), brood::in_flight(1)));
        EXPECT_EQ(seen->told,
                  (strings{"spawned", "exited with code 4",
                           "failed: " + std::string(error.value().what())}));
    };
    run_bounded(main());
}

TEST_F(observers, are_told_of_a_running_child_whose_handle_is_dropped)
{
    const auto reads = child("cat").in(piped).observe(seen);
    const auto line = __LINE__ + 4;
    int pid = 0;
    {
        asio::io_context io;
        const auto p = brood::spawn_process(io, reads);
        pid = p.pid();
    }
    EXPECT_EQ(seen->told, (strings{"spawned", "dropped"}));
    EXPECT_EQ(seen->events.at(1).pid(), pid);
    expect_here(seen->events.at(1).where(), line);
}

TEST_F(observers, are_told_of_a_running_child_that_another_handle_replaces)
{
    asio::io_context io;
    auto p = brood::spawn_process(io, child("cat").in(piped).observe(seen));
    p = brood::spawn_process(io, child("exit", "0"));
    EXPECT_EQ(seen->told, (strings{"spawned", "dropped"}));
}

TEST_F(observers, are_told_of_a_child_that_is_lost_with_its_loop)
{
    std::optional<brood::process> p;
    {
        asio::io_context io;
        p.emplace(
            brood::spawn_process(io, child("cat").in(piped).observe(seen)));
    }
    EXPECT_EQ(seen->told, (strings{"spawned", "dropped"}));
    p.reset();
    EXPECT_EQ(seen->told, (strings{"spawned", "dropped"}));
}

TEST_F(observers, are_not_told_of_a_dropped_handle_where_that_is_meant)
{
    asio::io_context io;
    {
        auto p = brood::spawn_process(io, child("cat").in(piped).observe(seen));
        p.detach();
    }
    {
        const auto p =
            brood::spawn_process(io, child("cat")
                                         .in(piped)
                                         .on_drop(brood::on_drop::detach)
                                         .observe(seen));
    }
    EXPECT_EQ(seen->told, (strings{"spawned", "spawned"}));
}

TEST_F(observers, are_not_told_of_a_dropped_handle_of_an_ended_child)
{
    asio::io_context io;
    {
        const auto p =
            brood::spawn_process(io, child("exit", "0").observe(seen));
        // Ended, though nobody asked brood.
        EXPECT_TRUE(wait_until([&] { return process_state(p.pid()) == 'Z'; }));
    }
    EXPECT_EQ(seen->told, strings{"spawned"});
}

TEST_F(observers, see_the_command_as_it_was_given)
{
    auto main = [&]() -> awaitable<void> {
        co_await run_process(child("exit", "0").observe(seen));
    };
    run_bounded(main());
    EXPECT_EQ(to_string(seen->events.at(0).what()),
              to_string(child("exit", "0")));
}

TEST_F(observers, are_not_kept_by_the_events_that_they_keep)
{
    auto main = [&]() -> awaitable<void> {
        co_await run_process(child("exit", "0").observe(seen));
    };
    run_bounded(main());
    EXPECT_EQ(seen->events.size(), 2u);
    EXPECT_EQ(seen.use_count(), 1);
}

TEST_F(observers, of_a_context_are_told_of_all_its_children)
{
    asio::io_context io;
    brood::use_observer(io, seen);
    auto p = brood::spawn_process(io, child("exit", "0"));
    EXPECT_THROW(
        static_cast<void>(brood::spawn_process(io, exec("/no/such/program"))),
        brood::spawn_error);
    EXPECT_EQ(seen->told.size(), 2u);
    EXPECT_EQ(seen->told.at(0), "spawned");
    EXPECT_EQ(seen->told.at(1).substr(0, 7), "failed:");

    brood::use_observer(io, nullptr);
    p = brood::spawn_process(io, child("exit", "0"));
    asio::io_context another;
    p = brood::spawn_process(another, child("exit", "0"));
    EXPECT_EQ(seen->told.at(0), "spawned");
    for (std::size_t i = 2; i < seen->told.size(); ++i)
        EXPECT_EQ(seen->told[i], "dropped");  // of the first child
}

TEST_F(observers, of_a_context_and_of_a_command_are_both_told)
{
    const auto of_command = std::make_shared<witness>();
    auto main = [&]() -> awaitable<void> {
        brood::use_observer(co_await asio::this_coro::executor, seen);
        co_await run_process(child("exit", "0").observe(of_command));
        co_await run_process(child("exit", "4").observe(seen));
    };
    run_bounded(main());
    EXPECT_EQ(of_command->told, (strings{"spawned", "exited with code 0"}));
    // Once for each, also where it is both.
    EXPECT_EQ(seen->told, (strings{"spawned", "exited with code 0", "spawned",
                                   "exited with code 4"}));
}

TEST_F(observers, go_with_their_context)
{
    {
        asio::io_context io;
        brood::use_observer(io, seen);
        EXPECT_GT(seen.use_count(), 1);
    }
    EXPECT_EQ(seen.use_count(), 1);
}

}  // namespace
