// verb_tokens.cpp: the verbs that take a completion token, beside the
// awaitable of the same name: async_readline, async_stop and so on.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(bind_executor.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(buffer.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(use_future.hpp)

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <exception>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

namespace {

using namespace brood;
using namespace brood_test;
using namespace std::string_literals;

using verb_tokens = clean_test;

// What came of one operation.
template <class T>
struct noted {
    int calls = 0;
    error_code ec;
    std::optional<T> value;

    // A callback that notes it.
    auto here()
    {
        return [this](error_code result, auto... got) {
            ++calls;
            ec = result;
            value.emplace(std::move(got)...);
        };
    }
};

// A child that reads nothing and goes on until it is ended.
command pauses()
{
    return child("ready-then-pause").out(devnull);
}

// As many turns as there are.
void run_again(asio::io_context& io)
{
    io.restart();
    io.run();
}

// Runs what is ready; what waits for the child goes on waiting.
void poll_again(asio::io_context& io)
{
    io.restart();
    io.poll();
}

// Each operation in turn: called once, and not inside its call.
template <class T, class Start>
noted<T> called_back(asio::io_context& io, Start start)
{
    noted<T> made;
    start(made.here());
    EXPECT_EQ(made.calls, 0) << "it was completed inside its call";
    run_again(io);
    EXPECT_EQ(made.calls, 1);
    return made;
}

template <class Start>
auto future_of(asio::io_context& io, Start start)
{
    auto future = start(asio::use_future);
    run_again(io);
    return future.get();
}

// What is cancelled by its slot, once it has begun.
template <class T, class Start>
noted<T> cancelled_by_slot(asio::io_context& io, Start start)
{
    noted<T> made;
    asio::cancellation_signal signal;
    start(asio::bind_cancellation_slot(signal.slot(), made.here()));
    poll_again(io);
    EXPECT_EQ(made.calls, 0) << "it did not wait";
    signal.emit(asio::cancellation_type::total);
    EXPECT_EQ(made.calls, 0) << "it was completed inside emit()";
    run_again(io);
    EXPECT_EQ(made.calls, 1);
    EXPECT_EQ(made.ec, asio::error::operation_aborted);
    return made;
}

TEST_F(verb_tokens, a_line_comes_whether_it_is_there_or_not)
{
    asio::io_context io;
    fed_reader fed(io.get_executor());
    const auto start = [&](auto token) {
        return fed->async_readline(std::move(token));
    };
    fed.feed("one\ntwo\nth");
    EXPECT_EQ(called_back<std::string>(io, start).value, "one\n");
    // This one is in the buffer already.
    EXPECT_EQ(future_of(io, start), "two\n");

    noted<std::string> third;
    start(third.here());
    poll_again(io);
    EXPECT_EQ(third.calls, 0);
    fed.feed("ree\nrest");
    run_again(io);
    EXPECT_EQ(third.value, "three\n");

    fed.finish();
    const auto rest = called_back<std::string>(io, start);
    EXPECT_FALSE(rest.ec);
    EXPECT_EQ(rest.value, "rest");
    const auto end = called_back<std::string>(io, start);
    EXPECT_FALSE(end.ec);
    EXPECT_EQ(end.value, "");
}

TEST_F(verb_tokens, a_line_over_the_limit_is_left_where_it_is)
{
    asio::io_context io;
    fed_reader fed(io.get_executor(), 4);
    fed.feed("too long\nab\n");
    const auto start = [&](auto token) {
        return fed->async_readline(std::move(token));
    };
    const auto overrun = called_back<std::string>(io, start);
    EXPECT_EQ(overrun.ec, errc::limit_overrun);
    EXPECT_EQ(overrun.value, "");
    std::string line(9, '\0');
    const auto read = called_back<std::size_t>(io, [&](auto token) {
        fed->async_read_some(asio::buffer(line), std::move(token));
    });
    EXPECT_EQ(read.value, line.size());
    EXPECT_EQ(line, "too long\n");
    EXPECT_EQ(future_of(io, start), "ab\n");
}

TEST_F(verb_tokens, readuntil_gives_the_rest_with_an_error_at_the_end)
{
    asio::io_context io;
    fed_reader fed(io.get_executor());
    const auto until = [&](std::string separator) {
        return [&fed, separator](auto token) {
            return fed->async_readuntil(separator, std::move(token));
        };
    };
    fed.feed("a--b-c");
    EXPECT_EQ(future_of(io, until("--")), "a--");
    EXPECT_EQ(called_back<std::string>(io, until("")).ec,
              asio::error::invalid_argument);
    fed.finish();
    const auto rest = called_back<std::string>(io, until("--"));
    EXPECT_EQ(rest.ec, errc::incomplete_read);
    EXPECT_EQ(rest.value, "b-c");
}

TEST_F(verb_tokens, a_cancelled_line_loses_nothing)
{
    asio::io_context io;
    fed_reader fed(io.get_executor());
    fed.feed("half a ");
    cancelled_by_slot<std::string>(
        io, [&](auto token) { fed->async_readline(std::move(token)); });
    fed.feed("line\n");
    EXPECT_EQ(future_of(io,
                        [&](auto token) {
                            return fed->async_readline(std::move(token));
                        }),
              "half a line\n");
}

TEST_F(verb_tokens, a_second_line_is_refused_while_one_waits)
{
    asio::io_context io;
    fed_reader fed(io.get_executor());
    noted<std::string> first;
    noted<std::string> second;
    fed->async_readline(first.here());
    fed->async_readline(second.here());
    poll_again(io);
    EXPECT_EQ(first.calls, 0);
    EXPECT_EQ(second.ec, errc::already_reading);
    fed.feed("line\n");
    run_again(io);
    EXPECT_EQ(first.value, "line\n");
}

// A child that reads nothing, with more written to it than a pipe takes.
process deaf_child(asio::io_context& io)
{
    auto p = spawn_process(io, pauses().in(piped));
    EXPECT_TRUE(p.in().write(std::string(std::size_t{4} << 20, 'x')));
    return p;
}

TEST_F(verb_tokens, drain_and_wait_closed_wait_and_can_be_cancelled)
{
    asio::io_context io;
    auto p = deaf_child(io);
    p.in().close();
    const auto drain = [&](auto token) {
        return p.in().async_drain(std::move(token));
    };
    const auto closed = [&](auto token) {
        return p.in().async_wait_closed(std::move(token));
    };
    noted<bool> of_drain;
    noted<bool> of_close;
    asio::cancellation_signal no_drain;
    asio::cancellation_signal no_close;
    drain(asio::bind_cancellation_slot(no_drain.slot(), of_drain.here()));
    closed(asio::bind_cancellation_slot(no_close.slot(), of_close.here()));
    poll_again(io);
    EXPECT_EQ(of_drain.calls + of_close.calls, 0);
    no_drain.emit(asio::cancellation_type::total);
    no_close.emit(asio::cancellation_type::total);
    poll_again(io);
    EXPECT_EQ(of_drain.ec, asio::error::operation_aborted);
    EXPECT_EQ(of_close.ec, asio::error::operation_aborted);

    // Nobody will ever read it.
    p.kill();
    const auto failed = called_back<bool>(io, closed);
    EXPECT_EQ(failed.ec, asio::error::broken_pipe);
    EXPECT_EQ(called_back<bool>(io, drain).ec, asio::error::broken_pipe);
}

TEST_F(verb_tokens, drain_and_wait_closed_end_when_all_is_sent)
{
    asio::io_context io;
    auto p = spawn_process(io, child("cat").in(piped).out(devnull));
    p.in().write(std::string(std::size_t{4} << 20, 'x'));
    auto drained = p.in().async_drain(asio::use_future);
    p.in().close();
    auto closed = p.in().async_wait_closed(asio::use_future);
    auto code = p.async_wait(asio::use_future);
    run_again(io);
    drained.get();
    closed.get();
    EXPECT_EQ(code.get(), 0);
}

TEST_F(verb_tokens, stop_gives_the_returncode)
{
    asio::io_context io;
    auto polite = spawn_process(io, pauses());
    const auto stopped = called_back<int>(
        io, [&](auto token) { polite.async_stop(std::move(token)); });
    EXPECT_FALSE(stopped.ec);
    EXPECT_EQ(stopped.value, -SIGTERM);
    // A second time there is nothing to do.
    EXPECT_EQ(future_of(io,
                        [&](auto token) {
                            return polite.async_stop(std::move(token));
                        }),
              -SIGTERM);

    auto other = spawn_process(io, pauses());
    const auto by_hangup = stop_sequence().then(SIGHUP, std::chrono::hours(1));
    EXPECT_EQ(future_of(io,
                        [&](auto token) {
                            return other.async_stop(by_hangup,
                                                    std::move(token));
                        }),
              -SIGHUP);
}

TEST_F(verb_tokens, a_cancelled_stop_kills)
{
    asio::io_context io;
    auto p = spawn_process(
        io, child("ignore-term")
                .out(piped)
                .stop(stop_sequence().then(SIGTERM, std::chrono::hours(1))));
    // It says so when it ignores the signal.
    EXPECT_EQ(future_of(io,
                        [&](auto token) {
                            return p.out().async_readline(std::move(token));
                        }),
              "ready\n");
    const auto cancelled = cancelled_by_slot<int>(
        io, [&](auto token) { p.async_stop(std::move(token)); });
    EXPECT_EQ(cancelled.value, -SIGKILL);
    EXPECT_EQ(p.returncode(), -SIGKILL);
}

TEST_F(verb_tokens, communicate_gives_the_output)
{
    asio::io_context io;
    auto p = spawn_process(io, child("cat").in(piped).out(piped));
    const auto done = called_back<output>(io, [&](auto token) {
        p.async_communicate("hello", std::move(token));
    });
    EXPECT_FALSE(done.ec);
    ASSERT_TRUE(done.value);
    EXPECT_EQ(done.value->out, "hello");
    EXPECT_TRUE(done.value->complete());
    EXPECT_EQ(p.returncode(), 0);
}

TEST_F(verb_tokens, a_cancelled_communicate_goes_on_when_called_again)
{
    asio::io_context io;
    auto p = spawn_process(io, pauses().in(piped).out(piped));
    EXPECT_EQ(future_of(io,
                        [&](auto token) {
                            return p.out().async_readline(std::move(token));
                        }),
              "ready\n");
    const auto start = [&](auto token) {
        return p.async_communicate("", std::move(token));
    };
    cancelled_by_slot<output>(io, start);
    EXPECT_FALSE(p.returncode());
    p.kill();
    EXPECT_EQ(future_of(io, start).out, "");
    EXPECT_EQ(p.returncode(), -SIGKILL);
}

TEST_F(verb_tokens, what_communicate_would_throw_is_an_invalid_argument)
{
    asio::io_context io;
    auto p = spawn_process(io, pauses().out(piped));
    EXPECT_EQ(called_back<output>(io,
                                  [&](auto token) {
                                      p.async_communicate("nobody reads this",
                                                          std::move(token));
                                  })
                  .ec,
              asio::error::invalid_argument);
    p.kill();
    EXPECT_TRUE(future_of(io, [&](auto token) {
                    return p.async_communicate("", std::move(token));
                }).complete());
}

TEST_F(verb_tokens, a_pipeline_gives_the_result_of_each_command)
{
    asio::io_context io;
    const auto done = called_back<completed_pipeline>(io, [&](auto token) {
        async_run_process(io, shell("echo one; exit 3") | exec("cat"),
                          std::move(token));
    });
    EXPECT_FALSE(done.ec);
    ASSERT_EQ(done.value->stages.size(), 2U);
    EXPECT_EQ(done.value->stages[0].returncode, 3);
    EXPECT_EQ(done.value->stages[1].out, "one\n");
}

TEST_F(verb_tokens, a_pipeline_tells_what_kept_it_from_starting)
{
    asio::io_context io;
    const auto missing = called_back<completed_pipeline>(io, [&](auto token) {
        async_run_process(io, exec("echo") | exec("/no/such/program"),
                          std::move(token));
    });
    EXPECT_EQ(missing.ec, std::errc::no_such_file_or_directory);
    EXPECT_TRUE(missing.value->stages[0].failure);
    const auto wrong = called_back<completed_pipeline>(io, [&](auto token) {
        async_run_process(
            io, exec("echo").timeout(std::chrono::hours(1)) | exec("cat"),
            std::move(token));
    });
    EXPECT_EQ(wrong.ec, asio::error::invalid_argument);
    EXPECT_THROW(std::rethrow_exception(wrong.value->stages[0].failure),
                 std::invalid_argument);
}

TEST_F(verb_tokens, a_cancelled_pipeline_is_stopped_and_gives_what_it_has)
{
    asio::io_context io;
    const auto made =
        cancelled_by_slot<completed_pipeline>(io, [&](auto token) {
            async_run_process(io, child("ready-then-pause") | exec("cat"),
                              std::move(token));
        });
    EXPECT_EQ(made.value->stopped(), stop_reason::cancelled);
}

TEST_F(verb_tokens, without_a_token_they_are_awaitables)
{
    auto main = []() -> awaitable<void> {
        auto p = co_await create_subprocess(child("cat").in(piped).out(piped));
        p.in().write("a line\nto here;and on");
        co_await p.in().async_drain();
        EXPECT_EQ(co_await p.out().async_readline(), "a line\n");
        EXPECT_EQ(co_await p.out().async_readuntil(";"), "to here;");
        p.in().close();
        co_await p.in().async_wait_closed();
        const auto rest = co_await p.async_communicate("");
        EXPECT_EQ(rest.out, "and on");
        EXPECT_EQ(co_await p.async_stop(), 0);
    };
    run_bounded(main());
}

TEST_F(verb_tokens, a_stop_after_the_loop_has_gone_is_aborted)
{
    std::optional<process> p;
    {
        asio::io_context io;
        p = spawn_process(io, pauses());
    }
    asio::io_context other;
    noted<int> made;
    p->async_stop(asio::bind_executor(other.get_executor(), made.here()));
    other.run();
    EXPECT_EQ(made.ec, asio::error::operation_aborted);
    EXPECT_EQ(run(error_of(p->stop())), asio::error::operation_aborted);
}

}  // namespace
