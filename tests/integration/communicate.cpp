// communicate.cpp: feeding a child, reading it to the end, waiting for it.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include <brood/shlex.hpp>

#include BROOD_ASIO_HEADER(use_future.hpp)

#include <gtest/gtest.h>

#include <csignal>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/time.h>

namespace {

using namespace brood;
using namespace brood_test;
using namespace std::chrono_literals;
using namespace std::string_literals;

using communicate = clean_test;

constexpr std::size_t megabyte = 1 << 20;

// A command of a shell line that is brood-child in one of its modes.
std::string child_in_shell(const std::string& mode)
{
    return shlex::quote(child_path()) + " " + mode;
}

awaitable<bool> stops(int pid)
{
    return becomes_true([pid] { return process_state(pid) == 'T'; });
}

// A 'cat' that does nothing before it is continued.
awaitable<process> stopped_cat()
{
    auto cat = co_await create_subprocess(child("cat").in(piped).out(piped));
    cat.send_signal(SIGSTOP);
    const bool stopped = co_await stops(cat.pid());
    EXPECT_TRUE(stopped);
    co_return cat;
}

}  // namespace

TEST_F(communicate, feeds_and_reads_at_once)
{
    auto main = []() -> awaitable<void> {
        auto cat = co_await create_subprocess(
            child("cat").in(piped).out(piped).err(piped));
        const auto sent = pattern(8 * megabyte);
        const auto copied = co_await cat.communicate(sent);
        EXPECT_TRUE(copied.out == sent);
        EXPECT_EQ(copied.err, "");
        EXPECT_TRUE(copied.complete());
        EXPECT_EQ(cat.status(), exit_status::exited(0));

        auto flood = co_await create_subprocess(
            child("flood-both", "1M").out(piped).err(piped));
        auto [out, err] = co_await flood.communicate();
        EXPECT_TRUE(out == pattern(megabyte));
        EXPECT_TRUE(err == pattern(megabyte));
        EXPECT_EQ(flood.returncode(), 0);

        // One that writes before it reads, both more than a pipe holds.
        auto first_writes = co_await create_subprocess(
            shell(child_in_shell("flood 300000") + "; " +
                  child_in_shell("count-stdin"))
                .in(piped)
                .out(piped));
        const auto answer = co_await first_writes.communicate(pattern(300'000));
        EXPECT_TRUE(answer.out == pattern(300'000) + "300000\n");
    };
    run_bounded(main());
}

TEST_F(communicate, gives_what_each_pipe_had)
{
    auto main = []() -> awaitable<void> {
        for (int pipes = 0; pipes < 8; ++pipes) {
            const bool in = pipes & 1;
            const bool out = pipes & 2;
            const bool err = pipes & 4;
            auto what = shell("cat; echo error >&2; exit 5");
            what.in(devnull).out(devnull).err(devnull);
            if (in)
                what.in(piped);
            if (out)
                what.out(piped);
            if (err)
                what.err(piped);
            auto p = co_await create_subprocess(what);
            const std::string given = in ? "given" : "";
            if (!in) {
                EXPECT_TRUE(co_await thrown_by<std::logic_error>(
                    p.communicate("nowhere to go")));
            }
            const auto got = co_await p.communicate(given);
            EXPECT_EQ(got.out, out ? given : "");
            EXPECT_EQ(got.err, err ? "error\n" : "");
            EXPECT_TRUE(got.complete());
            EXPECT_EQ(p.returncode(), 5);
        }
    };
    run_bounded(main());
}

TEST_F(communicate, closes_the_input)
{
    auto main = []() -> awaitable<void> {
        auto counting = co_await create_subprocess(
            child("count-stdin").in(piped).out(piped));
        EXPECT_EQ((co_await counting.communicate()).out, "0\n");
        auto cat =
            co_await create_subprocess(child("cat").in(piped).out(piped));
        EXPECT_EQ((co_await cat.communicate("")).out, "");
        EXPECT_EQ(cat.returncode(), 0);
    };
    run_bounded(main());
}

TEST_F(communicate, bytes_pass_unchanged)
{
    auto main = []() -> awaitable<void> {
        std::string bytes;
        for (int i = 0; i < 256; ++i)
            bytes += static_cast<char>(i);
        bytes += "\r\n\n\r\0\0end"s + bytes;
        const std::string_view view(bytes);
        const std::span<const char> span(bytes);
        const std::string inputs[]{bytes, std::string(view),
                                   std::string(span.begin(), span.end())};
        for (const auto& input : inputs) {
            auto cat =
                co_await create_subprocess(child("cat").in(piped).out(piped));
            EXPECT_EQ((co_await cat.communicate(input)).out, bytes);
        }
    };
    run_bounded(main());
}

TEST_F(communicate, ignores_a_broken_pipe)
{
    auto main = []() -> awaitable<void> {
        auto quick =
            co_await create_subprocess(child("exit", "0").in(piped).out(piped));
        EXPECT_EQ((co_await quick.communicate(pattern(megabyte))).out, "");
        EXPECT_EQ(quick.returncode(), 0);

        auto deaf = co_await create_subprocess(
            shell("exec <&-; echo out; echo err >&2; exit 3")
                .in(piped)
                .out(piped)
                .err(piped));
        auto [out, err] = co_await deaf.communicate(pattern(megabyte));
        EXPECT_EQ(out, "out\n");
        EXPECT_EQ(err, "err\n");
        EXPECT_EQ(deaf.returncode(), 3);

        auto only_in = co_await create_subprocess(
            child("close-stdin-exit", "3").in(piped));
        EXPECT_TRUE(
            (co_await only_in.communicate(pattern(megabyte))).complete());
        EXPECT_EQ(only_in.returncode(), 3);

        // Broken before it begins, and with a time limit.
        auto paused = co_await create_subprocess(
            child("close-stdin-then-pause").in(piped).out(piped));
        EXPECT_EQ(co_await paused.out().readline(), "ready\n");
        EXPECT_FALSE(paused.in().write("lost"));
        EXPECT_TRUE(co_await thrown_by<timeout_error>(
            wait_for(paused.communicate(pattern(megabyte)), 1ms)));
        EXPECT_EQ(paused.poll(), std::nullopt);
        paused.kill();
        EXPECT_EQ((co_await paused.communicate()).out, "");
        EXPECT_EQ(paused.returncode(), -SIGKILL);
    };
    run_bounded(main());
}

TEST_F(communicate, comes_after_earlier_writes)
{
    auto main = []() -> awaitable<void> {
        auto cat =
            co_await create_subprocess(child("cat").in(piped).out(piped));
        cat.in().write("banana");
        EXPECT_EQ((co_await cat.communicate("split")).out, "bananasplit");

        // The earlier ones are still waiting to be sent.
        auto slow = co_await stopped_cat();
        slow.in().write(pattern(300'000));
        auto talking = co_await create_task(slow.communicate("split"));
        co_await settle();
        slow.send_signal(SIGCONT);
        auto done = co_await talking.join();
        EXPECT_TRUE(done.out == pattern(300'000) + "split");

        auto drained =
            co_await create_subprocess(child("cat").in(piped).out(piped));
        drained.in().write("banana\n");
        co_await drained.in().drain();
        EXPECT_EQ(co_await drained.out().readexactly(3), "ban");
        EXPECT_EQ((co_await drained.communicate("split")).out, "ana\nsplit");
    };
    run_bounded(main());
}

TEST_F(communicate, works_when_the_input_was_closed_before)
{
    auto main = []() -> awaitable<void> {
        auto cat =
            co_await create_subprocess(child("cat").in(piped).out(piped));
        cat.in().write("before");
        cat.in().close();
        EXPECT_TRUE(
            co_await thrown_by<std::logic_error>(cat.communicate("after")));
        EXPECT_EQ((co_await cat.communicate()).out, "before");
        EXPECT_EQ(cat.returncode(), 0);
    };
    run_bounded(main());
}

TEST_F(communicate, waits_for_the_exit_after_the_pipes)
{
    auto main = []() -> awaitable<void> {
        auto p = co_await create_subprocess(
            child("close-stdout-then-wait-stdin").in(piped).out(piped));
        EXPECT_EQ(co_await p.out().read(), "");
        EXPECT_EQ(p.poll(), std::nullopt);
        EXPECT_EQ((co_await p.communicate()).out, "");
        EXPECT_EQ(p.returncode(), 5);

        auto stopped = co_await create_subprocess(
            shell("echo x; exec >&-; kill -STOP $$; exit 6").out(piped));
        EXPECT_TRUE(co_await stops(stopped.pid()));
        auto talking = co_await create_task(stopped.communicate());
        co_await settle();
        EXPECT_FALSE(talking.done());
        stopped.send_signal(SIGCONT);
        EXPECT_EQ((co_await talking.join()).out, "x\n");
        EXPECT_EQ(stopped.returncode(), 6);
    };
    run_bounded(main());
}

TEST_F(communicate, a_second_call_has_nothing_more)
{
    auto main = []() -> awaitable<void> {
        auto cat =
            co_await create_subprocess(child("cat").in(piped).out(piped));
        EXPECT_EQ((co_await cat.communicate("once")).out, "once");
        const auto again = co_await cat.communicate();
        EXPECT_EQ(again.out, "");
        EXPECT_TRUE(again.complete());
        EXPECT_TRUE(
            co_await thrown_by<std::logic_error>(cat.communicate("twice")));
    };
    run_bounded(main());
}

TEST_F(communicate, refuses_what_would_disturb_it)
{
    auto main = []() -> awaitable<void> {
        auto cat = co_await stopped_cat();
        {
            auto reading = co_await create_task(cat.out().readline());
            EXPECT_TRUE(
                co_await thrown_by<std::logic_error>(cat.communicate("x")));
        }
        const auto much = pattern(megabyte);
        {
            cat.in().write(much);
            auto writing = co_await create_task(
                cat.in().async_write_some(asio::buffer("never", 5)));
            EXPECT_TRUE(
                co_await thrown_by<std::logic_error>(cat.communicate("x")));
        }
        co_await settle();
        auto first = co_await create_task(cat.communicate("input"));
        EXPECT_TRUE(
            co_await thrown_by<std::logic_error>(cat.communicate("input")));
        EXPECT_TRUE(co_await thrown_by<std::logic_error>(cat.communicate()));
        EXPECT_TRUE(co_await thrown_by<std::logic_error>(cat.out().readline()));
        EXPECT_EQ(
            co_await error_of(cat.in().async_write_some(asio::buffer("x", 1))),
            errc::already_writing);
        cat.send_signal(SIGCONT);
        EXPECT_TRUE((co_await first.join()).out == much + "input");
    };
    run_bounded(main());
}

TEST_F(communicate, ends_when_its_process_was_dropped)
{
    auto main = []() -> awaitable<void> {
        auto p = std::make_unique<process>(
            co_await create_subprocess(child("cat").in(piped).out(piped)));
        auto later = p->communicate("x");
        auto talking = co_await create_task(std::move(later));
        auto never_begun = p->communicate();
        p.reset();
        // One under way learns of the end that the drop brought about.
        EXPECT_EQ((co_await talking.join()).err, "");
        EXPECT_EQ((co_await std::move(never_begun)).out, "");

        auto dropped =
            co_await create_subprocess(child("cat").in(piped).out(piped));
        auto too_late = dropped.communicate("x");
        {
            const auto gone = std::move(dropped);
        }
        EXPECT_EQ(co_await error_of(std::move(too_late)),
                  asio::error::operation_aborted);
    };
    run_bounded(main());
}

// --------------------------------------------------------- cancellation

TEST_F(communicate, loses_no_byte_when_cancelled_and_called_again)
{
    auto main = []() -> awaitable<void> {
        // In the middle of the input.
        const auto sent = pattern(megabyte);
        auto cat = co_await stopped_cat();
        for (int turn : {0, 0, 1, 2, 3, 5, 8, 20}) {
            EXPECT_FALSE(co_await cancelled_after(turn, cat.communicate(sent)));
            EXPECT_FALSE(co_await cancelled_after(turn, cat.communicate()));
            EXPECT_EQ(cat.poll(), std::nullopt);
        }
        // The time limit holds although nobody reads.
        EXPECT_TRUE(co_await thrown_by<timeout_error>(
            wait_for(cat.communicate(), 1ms)));
        EXPECT_TRUE(co_await thrown_by<timeout_error>(
            wait_for(cat.communicate(), 0ms)));
        cat.send_signal(SIGCONT);
        EXPECT_TRUE((co_await cat.communicate()).out == sent);
        EXPECT_EQ(cat.returncode(), 0);

        // After some output, after much, and after the end of it.
        auto stopping = co_await create_subprocess(
            shell("echo one; " + child_in_shell("flood 256K") +
                  "; echo two >&2; exec >&- 2>&-; kill -STOP $$; exit 4")
                .in(piped)
                .out(piped)
                .err(piped));
        int cancelled = 0;
        while (process_state(stopping.pid()) != 'T' || cancelled < 10) {
            EXPECT_FALSE(co_await cancelled_after(cancelled % 10,
                                                  stopping.communicate()));
            EXPECT_EQ(stopping.poll(), std::nullopt);
            ++cancelled;
        }
        stopping.send_signal(SIGCONT);
        const auto all = co_await stopping.communicate();
        EXPECT_TRUE(all.out == "one\n" + pattern(256 * 1024));
        EXPECT_EQ(all.err, "two\n");
        EXPECT_TRUE(all.complete());
        EXPECT_EQ(stopping.returncode(), 4);
    };
    run_bounded(main());
}

TEST_F(communicate, cancelled_at_every_point_gives_each_byte_once)
{
    auto main = []() -> awaitable<void> {
        const auto sent = pattern(400'001);
        for (int step = 1; step <= 25; ++step) {
            auto cat = co_await create_subprocess(
                child("cat").in(piped).out(piped).err(piped));
            std::optional<output> got;
            for (int turn = 0; !got; turn += step) {
                // The same input again, or none: both go on.
                std::string input;
                if (turn == 0 || step % 2 == 0)
                    input = sent;
                got = co_await cancelled_after(turn, cat.communicate(input));
            }
            EXPECT_EQ(got->out.size(), sent.size());
            EXPECT_TRUE(got->out == sent);
            EXPECT_TRUE(got->complete());
            EXPECT_EQ(cat.returncode(), 0);
        }
    };
    run_bounded(main());
}

TEST_F(communicate, cancelled_between_any_two_handlers_loses_nothing)
{
    const auto sent = pattern(200'001);
    for (int count = 0; count < 30; ++count) {
        asio::io_context io;
        auto cat =
            spawn_process(io, child("cat").in(piped).out(piped).err(piped));
        std::optional<output> got;
        for (int again = 0; !got && again < 20; ++again)
            got = cancelled_between(io, count, cat.communicate(sent));
        if (!got) {
            // Cancelled before it began, none of them has seen the input.
            auto rest =
                asio::co_spawn(io, cat.communicate(sent), asio::use_future);
            io.restart();
            io.run();
            got = rest.get();
        }
        EXPECT_EQ(got->out.size(), sent.size());
        EXPECT_TRUE(got->out == sent);
        EXPECT_EQ(cat.returncode(), 0);
    }
}

TEST_F(communicate, a_cancellation_holds_while_the_child_floods)
{
    auto main = []() -> awaitable<void> {
        auto flood = co_await create_subprocess(
            child("flood", "256M").out(piped).err(piped));
        EXPECT_TRUE(co_await thrown_by<timeout_error>(
            wait_for(flood.communicate(), 1ms)));
        // Not because it had ended.
        EXPECT_EQ(flood.poll(), std::nullopt);
        EXPECT_FALSE(co_await cancelled_after(0, flood.communicate()));
        EXPECT_FALSE(co_await cancelled_after(100, flood.communicate()));
        EXPECT_EQ(flood.poll(), std::nullopt);
        EXPECT_EQ(co_await flood.out().readexactly(10), pattern(10));
    };
    run_bounded(main());
}

TEST_F(communicate, a_different_second_input_is_refused)
{
    auto main = []() -> awaitable<void> {
        auto cat = co_await stopped_cat();
        const auto sent = pattern(300'000);
        EXPECT_FALSE(co_await cancelled_after(5, cat.communicate(sent)));
        EXPECT_TRUE(
            co_await thrown_by<std::logic_error>(cat.communicate("other")));
        EXPECT_TRUE(
            co_await thrown_by<std::logic_error>(cat.communicate(sent + "x")));
        EXPECT_FALSE(co_await cancelled_after(5, cat.communicate(sent)));
        cat.send_signal(SIGCONT);
        EXPECT_TRUE((co_await cat.communicate(sent)).out == sent);
    };
    run_bounded(main());
}

// ----------------------------------------------- many, and interruptions

TEST_F(communicate, leaves_no_descriptor_open)
{
    auto main = []() -> awaitable<void> {
        const auto before = open_descriptors();
        for (int pipes = 0; pipes < 8; ++pipes) {
            auto what = child("cat").in(devnull).out(devnull).err(devnull);
            if (pipes & 1)
                what.in(piped);
            if (pipes & 2)
                what.out(piped);
            if (pipes & 4)
                what.err(piped);
            auto p = co_await create_subprocess(what);
            if (pipes != 0) {
                EXPECT_NE(open_descriptors(), before);
            }
            static_cast<void>(co_await p.communicate());
            // The handle still lives.
            EXPECT_EQ(open_descriptors(), before);
        }
    };
    run_bounded(main());
}

namespace {

awaitable<std::string> reply(std::string text)
{
    auto cat = co_await create_subprocess(child("cat").in(piped).out(piped));
    auto done = co_await cat.communicate(std::move(text));
    co_return done.out;
}

}  // namespace

TEST_F(communicate, many_children_are_not_mixed)
{
    auto main = []() -> awaitable<void> {
        for (const int count : {10, 100}) {
            std::vector<std::string> texts;
            std::vector<awaitable<std::string>> work;
            for (int i = 0; i < count; ++i) {
                texts.push_back("child " + std::to_string(i) + " " +
                                pattern(static_cast<std::size_t>(i) * 997));
                work.push_back(reply(texts.back()));
            }
            const auto replies = co_await gather(std::move(work));
            EXPECT_TRUE(replies == texts);
        }
    };
    run_bounded(main());
}

namespace {

volatile std::sig_atomic_t alarms = 0;

extern "C" void brood_test_on_alarm(int)
{
    alarms = alarms + 1;
}

// Interrupts this process every millisecond, also in its system calls.
class interruptions {
public:
    interruptions()
    {
        struct sigaction action{};
        action.sa_handler = brood_test_on_alarm;
        ::sigaction(SIGALRM, &action, &before_);
        const itimerval each{{0, 1000}, {0, 1000}};
        ::setitimer(ITIMER_REAL, &each, nullptr);
    }
    ~interruptions()
    {
        const itimerval none{};
        ::setitimer(ITIMER_REAL, &none, nullptr);
        ::sigaction(SIGALRM, &before_, nullptr);
    }
    interruptions(const interruptions&) = delete;
    interruptions& operator=(const interruptions&) = delete;

private:
    struct sigaction before_{};
};

}  // namespace

TEST_F(communicate, survives_interrupted_calls)
{
    auto main = []() -> awaitable<void> {
        const interruptions every_millisecond;
        const auto sent = pattern(megabyte);
        alarms = 0;
        // Until some have arrived, however quick this machine is.
        do {
            auto cat = co_await create_subprocess(
                child("cat").in(piped).out(piped).err(piped));
            EXPECT_TRUE((co_await cat.communicate(sent)).out == sent);
            EXPECT_EQ(cat.returncode(), 0);
        } while (alarms < 20);
    };
    run_bounded(main());
}

// ------------------------------------------------- a pipe that stays open

TEST_F(communicate, stops_reading_drain_after_the_exit)
{
    auto main = []() -> awaitable<void> {
        const auto hold = child_in_shell("fork-and-hold-stdout");
        const auto much = child_in_shell("flood 60K");
        for (const auto drain : {0ms, 100ms}) {
            auto p = co_await create_subprocess(
                shell(much + "; " + much + " >&2; exec " + hold)
                    .out(piped)
                    .err(piped)
                    .drain(drain));
            const auto got = co_await p.communicate();
            EXPECT_FALSE(got.complete());
            EXPECT_EQ(p.returncode(), 0);
            // All that the child itself wrote is there.
            const auto bytes = pattern(60 * 1024);
            EXPECT_TRUE(got.out.starts_with(bytes));
            EXPECT_TRUE(got.err == bytes);
            const int holder = std::stoi(got.out.substr(bytes.size()));
            EXPECT_TRUE(process_is_alive(holder));
            // What is still written can still be read.
            ::kill(holder, SIGKILL);
            EXPECT_EQ(co_await p.out().read(), "");
            EXPECT_TRUE((co_await p.communicate()).complete());
        }
    };
    run_bounded(main());
}

TEST_F(communicate, waits_for_a_descendant_unless_told_otherwise)
{
    auto main = []() -> awaitable<void> {
        auto p = co_await create_subprocess(
            child("fork-and-hold-stdout").out(piped));
        const int holder = std::stoi(co_await p.out().readline());
        auto talking = co_await create_task(p.communicate());
        EXPECT_EQ(co_await p.wait(), 0);
        co_await settle();
        EXPECT_FALSE(talking.done());
        ::kill(holder, SIGKILL);
        EXPECT_TRUE((co_await talking.join()).complete());
    };
    run_bounded(main());
}

TEST_F(communicate, stops_reading_a_descendant_that_floods)
{
    auto main = []() -> awaitable<void> {
        // More than can be read while the shell comes to its end.
        constexpr std::size_t all = 2048 * megabyte;
        auto p = co_await create_subprocess(
            shell(child_in_shell("flood 2G") + " & echo started >&2")
                .out(piped)
                .err(piped)
                .drain(0ms));
        const auto got = co_await p.communicate();
        EXPECT_FALSE(got.complete());
        EXPECT_LT(got.out.size(), all);
        EXPECT_EQ(got.err, "started\n");
        EXPECT_EQ(p.returncode(), 0);
    };
    run_bounded(main());
}

TEST_F(communicate, is_complete_without_time_to_drain)
{
    auto main = []() -> awaitable<void> {
        for (int i = 0; i < 50; ++i) {
            // The last write fills the pipe to the brim.
            auto p = co_await create_subprocess(
                child("flood", "64K").out(piped).err(piped).drain(0ms));
            const auto got = co_await p.communicate();
            EXPECT_TRUE(got.complete());
            EXPECT_TRUE(got.out == pattern(64 * 1024));
        }
    };
    run_bounded(main());
}
