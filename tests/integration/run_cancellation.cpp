// run_cancellation.cpp: runs that are cancelled at each of their points.
#include "support/runs.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(post.hpp)
#include BROOD_ASIO_HEADER(use_future.hpp)

#include <csignal>
#include <memory>
#include <string>

#include <unistd.h>

#include <gtest/gtest.h>

namespace {

using namespace brood_test;
using namespace std::chrono_literals;

class cancelled_runs : public clean_test {};

// Cancels `what` after 0, 1, 2 ... handlers, until it is too late, or there
// are no more points. Whether it was, at each of them nobody is left.
void cut_at_each_point(const command& what, const std::string& whole)
{
    constexpr int most_points = 60;
    int cancelled = 0;
    bool was_late = false;
    for (int count = 0; count != most_points && !was_late; ++count) {
        witness all;
        asio::io_context io;
        const auto ended =
            cancelled_between(io, count, run_process(all.watching(what)));
        EXPECT_TRUE(all.nobody_is_left()) << count;
        EXPECT_TRUE(children().empty()) << count;
        was_late = ended.has_value();
        if (ended)
            EXPECT_EQ(ended->out, whole) << count;
        else
            ++cancelled;
    }
    EXPECT_GT(cancelled, 3);
}

TEST_F(cancelled_runs, leave_nobody_wherever_they_are_cut)
{
    cut_at_each_point(child("echo", "x"), "x\n");
    const std::string much(200'000, 'x');
    cut_at_each_point(child("cat").input(much), much);
    cut_at_each_point(child("fork-and-hold-stdout", "ignore-term")
                          .stop(stop_sequence().then(SIGTERM, 1ms)),
                      "");
    cut_at_each_point(child("ignore-term")
                          .out(brood::devnull)
                          .timeout(0ms)
                          .stop(stop_sequence().then(SIGTERM, 1ms)),
                      "");
}

// The partial result comes with the cancellation.
TEST_F(cancelled_runs, deliver_what_they_have_to_a_handler)
{
    asio::io_context io;
    asio::cancellation_signal signal;
    async_result result;
    async_run_process(
        io,
        child("line-then-hold", "so far")
            .tee_out(brood::tee::to_lines([&](std::string_view) {
                // Not from here: a tee is called within the run.
                asio::post(io, [&] {
                    signal.emit(asio::cancellation_type::terminal);
                });
            })),
        asio::bind_cancellation_slot(signal.slot(), result.callback()));
    io.run();
    EXPECT_EQ(result.calls, 1);
    EXPECT_EQ(result.ec, asio::error::operation_aborted);
    ASSERT_TRUE(result.ended.has_value());
    EXPECT_EQ(result.ended->out, "so far\n");
    EXPECT_EQ(result.ended->stopped, stop_reason::cancelled);
    EXPECT_FALSE(result.ended->timed_out);
    EXPECT_TRUE(children().empty());
}

TEST_F(cancelled_runs, a_handler_is_told_why_nothing_was_started)
{
    asio::io_context io;
    async_result result;
    async_run_process(io, brood::exec("/nonexistent"), result.callback());
    EXPECT_EQ(result.calls, 0);
    io.run();
    EXPECT_EQ(result.calls, 1);
    EXPECT_EQ(result.ec.value(), ENOENT);
    ASSERT_TRUE(result.ended.has_value());
    EXPECT_THROW(std::rethrow_exception(result.ended->failure),
                 brood::spawn_error);
}

// The child is in a group of its own: what ends it is the run.
TEST_F(cancelled_runs, end_with_ctrl_c_and_leave_nobody)
{
    BROOD_IN_A_COPY([] {
        must(::setpgid(0, 0));
        ::signal(SIGINT, SIG_DFL);
        witness all;
        auto main = [&]() -> awaitable<void> {
            const auto what = all.watching(
                child("line-then-hold", "x")
                    .tee_out(brood::tee::to_lines(
                        [](std::string_view) { must(::kill(0, SIGINT)); })));
            co_await run_process(what);
        };
        bool interrupted = false;
        try {
            brood::run(main());
        } catch (const brood::keyboard_interrupt&) {
            interrupted = true;
        }
        require(interrupted);
        require(all.nobody_is_left());
    });
}

TEST_F(cancelled_runs, give_a_future_as_well)
{
    asio::io_context io;
    auto ended = async_run_process(io, child("echo", "x"), asio::use_future);
    io.run();
    EXPECT_EQ(ended.get().out, "x\n");
}

}  // namespace
