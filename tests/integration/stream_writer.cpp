// stream_writer.cpp: writing what a child reads, and what becomes of it when
// the child does not.
#include "support/async_test.hpp"
#include "support/fixture.hpp"
#include "support/taken_writer.hpp"

#include "async/writer_core.hpp"
#include "os/pipe.hpp"
#include "os/posix/system_call.hpp"

#include BROOD_ASIO_HEADER(buffer.hpp)
#include BROOD_ASIO_HEADER(read_until.hpp)
#include BROOD_ASIO_HEADER(write.hpp)

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <pthread.h>
#include <time.h>
#include <unistd.h>

namespace {

using namespace brood;
using namespace brood_test;
using namespace std::chrono_literals;

using streams = clean_test;

const error_code broken_pipe(EPIPE, asio::error::get_system_category());

// 'cat' into the void, stopped: it reads nothing before it is continued.
class stopped_cat {
public:
    static awaitable<stopped_cat> start(redirection out)
    {
        auto cat = co_await create_subprocess(
            child("cat").in(piped).out(std::move(out)));
        cat.send_signal(SIGSTOP);
        const bool stopped = co_await becomes_true(
            [pid = cat.pid()] { return process_state(pid) == 'T'; });
        EXPECT_TRUE(stopped);
        co_return stopped_cat(std::move(cat));
    }

    process* operator->() noexcept { return &cat_; }
    void go_on() { cat_.send_signal(SIGCONT); }

private:
    explicit stopped_cat(process cat) noexcept : cat_(std::move(cat)) {}

    process cat_;
};

constexpr std::size_t megabyte = 1 << 20;

}  // namespace

TEST_F(streams, a_dialogue_goes_back_and_forth)
{
    auto main = []() -> awaitable<void> {
        auto other =
            co_await create_subprocess(child("dialogue").in(piped).out(piped));
        for (int i = 0; i < 100; ++i) {
            const auto line = "line " + std::to_string(i) + "\n";
            EXPECT_TRUE(other.in().write(line));
            co_await other.in().drain();
            EXPECT_EQ(co_await other.out().readline(), "got: " + line);
        }
        other.in().close();
        EXPECT_EQ(co_await other.out().readline(), "");
        EXPECT_TRUE(other.out().at_eof());
        EXPECT_EQ(co_await other.wait(), 0);
    };
    run_bounded(main());
}

TEST_F(streams, drain_waits_for_room)
{
    auto main = []() -> awaitable<void> {
        auto cat = co_await stopped_cat::start(devnull);
        auto& in = cat->in();
        // Up to the pipe and 64 KiB, nobody has to wait.
        co_await in.drain();
        in.write(pattern(64 * 1024));
        in.write(pattern(64 * 1024));
        co_await in.drain();
        in.write(pattern(megabyte));
        std::vector<task<void>> drains;
        for (int i = 0; i < 10; ++i)
            drains.push_back(co_await create_task(in.drain()));
        co_await settle();
        for (const auto& each : drains)
            EXPECT_FALSE(each.done());
        cat.go_on();
        for (auto& each : drains)
            co_await each.join();
        in.close();
        EXPECT_EQ(co_await cat->wait(), 0);
    };
    run_bounded(main());
}

TEST_F(streams, drain_waits_until_little_is_left)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        auto ends = os::make_pipe(0);
        const auto all = os::pipe_capacity(ends.write_end.number());
        stream_writer writer(std::make_shared<detail::writer_core>(
            io, std::move(ends.write_end)));
        std::string taken(all, '\0');
        const auto take = [&] {
            return os::read_some(ends.read_end.number(), taken.data(), all);
        };
        // The pipe holds the first part; the rest is more than 64 KiB, then
        // 17 KiB, which is still more than 16.
        writer.write(pattern(all + all + 17 * 1024));
        auto draining = co_await create_task(writer.drain());
        EXPECT_EQ(take(), static_cast<long>(all));
        co_await settle();
        EXPECT_FALSE(draining.done());
        EXPECT_EQ(take(), static_cast<long>(all));
        co_await draining.join();
        EXPECT_EQ(take(), 17 * 1024);
        writer.close();
        co_await writer.wait_closed();
        EXPECT_EQ(take(), 0);
    };
    run_bounded(main());
}

TEST_F(streams, a_cancelled_drain_loses_nothing)
{
    auto main = []() -> awaitable<void> {
        for (int turn = 0; turn < 5; ++turn) {
            auto cat = co_await stopped_cat::start(piped);
            cat->in().write(pattern(300'000));
            auto other = co_await create_task(cat->in().drain());
            EXPECT_FALSE(
                co_await cancelled_after(turn, as_value(cat->in().drain())));
            EXPECT_TRUE(co_await thrown_by<timeout_error>(
                wait_for(cat->in().drain(), 0s)));
            EXPECT_FALSE(other.done());
            cat.go_on();
            auto reading = co_await create_task(cat->out().read());
            co_await other.join();
            co_await cat->in().drain();
            cat->in().close();
            EXPECT_TRUE(co_await reading.join() == pattern(300'000));
            EXPECT_EQ(co_await cat->wait(), 0);
        }
    };
    run_bounded(main());
}

TEST_F(streams, drains_cancelled_between_any_two_handlers_lose_nothing)
{
    const auto sent = pattern(300'001);
    for (int count = 0; count < 10; ++count) {
        asio::io_context io;
        auto ends = os::make_pipe(0);
        EXPECT_EQ(os::set_nonblocking(ends.read_end.number()), 0);
        stream_writer writer(std::make_shared<detail::writer_core>(
            io.get_executor(), std::move(ends.write_end)));
        writer.write(sent);
        std::string got;
        std::string room(7001, '\0');
        while (got.size() != sent.size()) {
            const auto drained =
                cancelled_between(io, count, as_value(writer.drain()));
            const auto left = sent.size() - got.size();
            // The pipe and 64 KiB hold the rest, or somebody has to read.
            EXPECT_TRUE(!drained || left <= 2 * 64 * 1024);
            const long taken =
                os::read_some(ends.read_end.number(), room.data(), room.size());
            if (taken > 0)
                got.append(room, 0, static_cast<std::size_t>(taken));
            io.restart();
            io.poll();
        }
        EXPECT_TRUE(got == sent);
    }
}

TEST_F(streams, writes_of_any_size_arrive_in_order)
{
    auto main = []() -> awaitable<void> {
        const auto sent = pattern(megabyte);
        auto cat =
            co_await create_subprocess(child("cat").in(piped).out(piped));
        auto reading = co_await create_task(cat.out().read());
        const std::string_view all(sent);
        std::size_t done = 0;
        for (std::size_t size = 1; done < all.size(); size = size * 3 + 1) {
            const auto piece = all.substr(done, size);
            // Written at once, as pieces, and as one stream among others.
            if (size % 2 == 0) {
                const std::vector<std::string_view> pieces{
                    piece.substr(0, piece.size() / 3), std::string_view(),
                    piece.substr(piece.size() / 3)};
                EXPECT_TRUE(cat.in().writelines(pieces));
            } else {
                EXPECT_TRUE(cat.in().write(piece));
            }
            if (size % 5 == 0)
                co_await cat.in().drain();
            done += piece.size();
        }
        cat.in().close();
        EXPECT_TRUE(co_await reading.join() == sent);
        EXPECT_EQ(co_await cat.wait(), 0);
    };
    run_bounded(main());
}

TEST_F(streams, a_write_of_nothing_asks_the_kernel_nothing)
{
    auto main = []() -> awaitable<void> {
        auto cat =
            co_await create_subprocess(child("cat").in(piped).out(devnull));
        constexpr long many = 1'000'000;
        os::fault_injection::arm(many, EIO);
        EXPECT_TRUE(cat.in().write(""));
        EXPECT_TRUE(cat.in().writelines(std::vector<std::string>()));
        const long left = os::fault_injection::remaining;
        os::fault_injection::disarm();
        EXPECT_EQ(left, many);
        cat.in().close();
        EXPECT_EQ(co_await cat.wait(), 0);
    };
    run_bounded(main());
}

// -------------------------------------------------------- a broken pipe

namespace {

sigset_t only_sigpipe()
{
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGPIPE);
    return set;
}

bool sigpipe_is_pending()
{
    sigset_t pending;
    ::sigpending(&pending);
    return ::sigismember(&pending, SIGPIPE) == 1;
}

bool take_pending_sigpipe()
{
    const auto set = only_sigpipe();
    const timespec no_time{0, 0};
    return ::sigtimedwait(&set, nullptr, &no_time) == SIGPIPE;
}

// Every way of writing, to a child that is gone.
awaitable<void> write_to_the_dead()
{
    // With nothing pending: the write itself finds out.
    auto early =
        co_await create_subprocess(child("close-stdin-exit", "3").in(piped));
    EXPECT_EQ(co_await early.wait(), 3);
    EXPECT_FALSE(early.in().write("x"));
    EXPECT_TRUE(early.in().is_closing());
    EXPECT_FALSE(early.in().write("y"));
    EXPECT_EQ(co_await error_of(early.in().drain()), broken_pipe);
    EXPECT_EQ(co_await error_of(early.in().drain()), broken_pipe);
    EXPECT_EQ(co_await error_of(early.in().wait_closed()), broken_pipe);
    EXPECT_EQ(
        co_await error_of(early.in().async_write_some(asio::buffer("z", 1))),
        broken_pipe);
    early.in().close();

    // With more pending than the pipe takes.
    auto late = co_await stopped_cat::start(devnull);
    late->in().write(pattern(megabyte));
    auto draining = co_await create_task(late->in().drain());
    auto closing = co_await create_task(late->in().wait_closed());
    late->kill();
    EXPECT_EQ(co_await error_of(draining.join()), broken_pipe);
    EXPECT_EQ(co_await error_of(closing.join()), broken_pipe);
    EXPECT_EQ(co_await late->wait(), -SIGKILL);

    // With a direct write that waits.
    auto direct = co_await stopped_cat::start(devnull);
    const auto much = pattern(megabyte);
    auto writing = co_await create_task(
        asio::async_write(direct->in(), asio::buffer(much), use_awaitable));
    co_await settle();
    EXPECT_FALSE(writing.done());
    direct->kill();
    EXPECT_EQ(co_await error_of(writing.join()), broken_pipe);
    EXPECT_EQ(co_await direct->wait(), -SIGKILL);
}

void (*sigpipe_action())(int)
{
    struct sigaction now{};
    ::sigaction(SIGPIPE, nullptr, &now);
    return now.sa_handler;
}

int sigpipes_seen = 0;

extern "C" void brood_test_on_sigpipe(int)
{
    ++sigpipes_seen;
}

}  // namespace

TEST_F(streams, a_broken_pipe_is_an_error_and_not_a_signal)
{
    // Whoever ran us may have chosen otherwise; put back at the end.
    struct sigaction before{};
    ::sigaction(SIGPIPE, nullptr, &before);
    for (const auto action : {SIG_DFL, SIG_IGN, &brood_test_on_sigpipe}) {
        std::signal(SIGPIPE, action);
        // By its default action, a signal would end this program here.
        run_bounded(write_to_the_dead());
        EXPECT_TRUE(sigpipe_action() == action);
        EXPECT_FALSE(sigpipe_is_pending());
    }
    EXPECT_EQ(sigpipes_seen, 0);

    std::signal(SIGPIPE, SIG_DFL);
    const auto set = only_sigpipe();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    run_bounded(write_to_the_dead());
    EXPECT_FALSE(sigpipe_is_pending());

    // One that was pending before stays, and stays one.
    ::pthread_kill(::pthread_self(), SIGPIPE);
    run_bounded(write_to_the_dead());
    EXPECT_TRUE(take_pending_sigpipe());
    EXPECT_FALSE(take_pending_sigpipe());
    // So does one that is the whole process's.
    ::kill(::getpid(), SIGPIPE);
    run_bounded(write_to_the_dead());
    EXPECT_TRUE(take_pending_sigpipe());
    while (take_pending_sigpipe()) {
    }
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    ::sigaction(SIGPIPE, &before, nullptr);
}

TEST_F(streams, a_child_that_closes_its_input_is_noticed)
{
    auto main = []() -> awaitable<void> {
        auto other = co_await create_subprocess(
            shell("echo ready; read line; exec <&-; echo closed; "
                  "exec sleep 600")
                .in(piped)
                .out(piped));
        EXPECT_EQ(co_await other.out().readline(), "ready\n");
        other.in().write("\n" + pattern(megabyte));
        auto draining = co_await create_task(other.in().drain());
        EXPECT_EQ(co_await error_of(draining.join()), broken_pipe);
        EXPECT_EQ(co_await other.out().readline(), "closed\n");
        EXPECT_TRUE(other.in().is_closing());
        EXPECT_EQ(other.poll(), std::nullopt);

        // With nothing to send, the next write tells.
        auto quiet = co_await create_subprocess(
            child("close-stdin-then-pause").in(piped).out(piped));
        EXPECT_EQ(co_await quiet.out().readline(), "ready\n");
        EXPECT_FALSE(quiet.in().write("x"));
        EXPECT_TRUE(quiet.in().is_closing());
        EXPECT_EQ(co_await error_of(quiet.in().drain()), broken_pipe);
        EXPECT_EQ(quiet.poll(), std::nullopt);
    };
    run_bounded(main());
}

// ---------------------------------------------------------------- close

TEST_F(streams, close_sends_what_was_written_first)
{
    auto main = []() -> awaitable<void> {
        for (const bool by_eof : {false, true}) {
            auto counting = co_await create_subprocess(
                child("count-stdin").in(piped).out(piped).err(piped));
            auto& in = counting.in();
            EXPECT_TRUE(in.can_write_eof());
            EXPECT_FALSE(in.is_closing());
            in.write(pattern(megabyte));
            in.write("x");
            for (int again = 0; again < 2; ++again)
                by_eof ? in.write_eof() : in.close();
            EXPECT_TRUE(in.is_closing());
            co_await in.wait_closed();
            co_await in.wait_closed();
            EXPECT_EQ(co_await counting.out().read(), "1048577\n");
            EXPECT_EQ(co_await counting.wait(), 0);
        }

        // Whatever there is to read on the other pipes.
        auto flood = co_await create_subprocess(
            shell("head -c 50000 /dev/zero; exec cat >/dev/null")
                .in(piped)
                .out(piped));
        flood.in().write(pattern(200'000));
        flood.in().close();
        co_await flood.in().wait_closed();
        EXPECT_EQ(co_await flood.wait(), 0);
        EXPECT_EQ((co_await flood.out().read()).size(), 50'000U);
    };
    run_bounded(main());
}

TEST_F(streams, wait_closed_waits_for_the_last_byte)
{
    auto main = []() -> awaitable<void> {
        auto cat = co_await stopped_cat::start(devnull);
        cat->in().write(pattern(megabyte));
        cat->in().close();
        EXPECT_FALSE(
            co_await cancelled_after(5, as_value(cat->in().wait_closed())));
        auto closing = co_await create_task(cat->in().wait_closed());
        co_await settle();
        EXPECT_FALSE(closing.done());
        cat.go_on();
        co_await closing.join();
        EXPECT_EQ(co_await cat->wait(), 0);
    };
    run_bounded(main());
}

TEST_F(streams, wait_closed_ends_when_the_child_is_dropped)
{
    auto main = []() -> awaitable<void> {
        for (const bool detached : {false, true}) {
            std::optional<task<void>> closing;
            {
                auto cat = co_await create_subprocess(
                    child("cat").in(piped).out(devnull));
                closing = co_await create_task(cat.in().wait_closed());
                co_await settle();
                EXPECT_FALSE(closing->done());
                if (detached)
                    cat.detach();
            }
            co_await settle();
            EXPECT_TRUE(closing->done());
            co_await closing->join();  // nothing was unsent
        }
    };
    run_bounded(main());
}

TEST_F(streams, wait_closed_of_a_dropped_child_waits_for_the_last_byte)
{
    auto main = []() -> awaitable<void> {
        taken_writer to(co_await asio::this_coro::executor);
        const auto sent = pattern(200'000);
        to->write(sent);
        auto closing = co_await create_task(to->wait_closed());
        co_await settle();
        to.drop();
        co_await settle();
        EXPECT_FALSE(closing.done());
        std::string got;
        while (got.size() < sent.size()) {
            got += to.take();
            co_await turns(1);
        }
        co_await settle();
        EXPECT_TRUE(closing.done());
        co_await closing.join();
        EXPECT_TRUE(got + to.take() == sent);
        EXPECT_TRUE(to.at_end());
    };
    run_bounded(main());
}

TEST_F(streams, wait_closed_of_a_dropped_child_ends_behind_a_write)
{
    auto main = []() -> awaitable<void> {
        taken_writer to(co_await asio::this_coro::executor);
        const auto sent = pattern(200'000);
        to->write(sent);
        std::size_t written = 0;
        to->async_write_some(
            asio::buffer("more", 4),
            [&written](error_code, std::size_t size) { written = size; });
        auto closing = co_await create_task(to->wait_closed());
        co_await settle();
        to.drop_for_good();
        std::string got;
        while (written == 0 || got.size() < sent.size() + written) {
            got += to.take();
            co_await turns(1);
        }
        // Nobody has it any more who could write on.
        co_await settle();
        EXPECT_TRUE(closing.done());
        EXPECT_TRUE(got == sent + std::string("more").substr(0, written));
        EXPECT_TRUE(to.at_end());
        co_await closing.join();
    };
    run_bounded(main());
}

TEST_F(streams, a_write_after_the_loop_has_gone_is_dropped)
{
    auto io = std::make_unique<asio::io_context>();
    auto slow =
        spawn_process(*io, child("ready-then-pause").in(piped).out(devnull));
    slow.in().write(pattern(200'000));
    bool called = false;
    slow.in().async_wait_closed([&called](error_code) { called = true; });
    io->poll();
    io.reset();
    EXPECT_FALSE(called);
    // Nobody has closed it, so this is no mistake.
    EXPECT_FALSE(slow.in().write("x"));
}

TEST_F(streams, a_write_after_close_is_an_error)
{
    auto main = []() -> awaitable<void> {
        auto cat =
            co_await create_subprocess(child("cat").in(piped).out(piped));
        auto& in = cat.in();
        in.write("before");
        in.close();
        EXPECT_THROW(in.write("after"), std::logic_error);
        EXPECT_THROW(in.write(""), std::logic_error);
        EXPECT_THROW(in.writelines(std::vector<std::string>{"after"}),
                     std::logic_error);
        EXPECT_EQ(
            co_await error_of(in.async_write_some(asio::buffer("after", 5))),
            errc::stream_closed);
        // Nothing is left to be sent, so there is nothing to fail.
        EXPECT_EQ(co_await error_of(in.drain()), error_code());
        EXPECT_EQ(co_await cat.out().read(), "before");
        EXPECT_EQ(co_await cat.wait(), 0);
    };
    run_bounded(main());
}

// --------------------------------------------------------- Asio streams

TEST_F(streams, are_asio_streams)
{
    auto main = []() -> awaitable<void> {
        auto other =
            co_await create_subprocess(child("dialogue").in(piped).out(piped));
        std::string line;
        for (int i = 0; i < 10; ++i) {
            const auto question = std::string(1000, 'q') + "\n";
            const auto written = co_await asio::async_write(
                other.in(), asio::buffer(question), use_awaitable);
            EXPECT_EQ(written, question.size());
            const auto size = co_await asio::async_read_until(
                other.out(), asio::dynamic_buffer(line), '\n', use_awaitable);
            EXPECT_EQ(line.substr(0, size), "got: " + question);
            line.erase(0, size);
        }
        // The same stream, in asyncio's words again.
        other.in().write("last\n");
        EXPECT_EQ(co_await other.out().readline(), "got: last\n");
        other.in().close();
        EXPECT_EQ(co_await other.wait(), 0);
    };
    run_bounded(main());
}

TEST_F(streams, close_does_not_wait_for_a_write_that_is_cancelled)
{
    auto main = []() -> awaitable<void> {
        auto cat = co_await stopped_cat::start(devnull);
        const auto much = pattern(megabyte);
        auto direct = co_await create_task(
            asio::async_write(cat->in(), asio::buffer(much), use_awaitable));
        co_await settle();
        cat->in().close();
        EXPECT_FALSE(direct.done());
        auto closing = co_await create_task(cat->in().wait_closed());
        direct.cancel();
        EXPECT_EQ(co_await error_of(direct.join()),
                  asio::error::operation_aborted);
        co_await closing.join();
        cat.go_on();
        EXPECT_EQ(co_await cat->wait(), 0);
    };
    run_bounded(main());
}

TEST_F(streams, a_direct_write_takes_its_turn)
{
    auto main = []() -> awaitable<void> {
        const auto first = pattern(300'000);
        const std::string second(200'000, '2');
        const std::string third(100'000, '3');
        for (int turn = 0; turn < 5; ++turn) {
            auto cat = co_await stopped_cat::start(piped);
            auto& in = cat->in();
            in.write(first);
            // Nothing of a cancelled one is written.
            EXPECT_FALSE(co_await cancelled_after(
                turn, in.async_write_some(asio::buffer("never", 5))));
            auto direct = co_await create_task(
                asio::async_write(in, asio::buffer(second), use_awaitable));
            co_await settle();
            EXPECT_EQ(
                co_await error_of(in.async_write_some(asio::buffer("x", 1))),
                errc::already_writing);
            cat.go_on();
            auto reading = co_await create_task(cat->out().read());
            EXPECT_EQ(co_await direct.join(), second.size());
            in.write(third);
            in.close();
            EXPECT_TRUE(co_await reading.join() == first + second + third);
            EXPECT_EQ(co_await cat->wait(), 0);
        }

        // What is written while it waits comes after it.
        auto cat = co_await stopped_cat::start(piped);
        cat->in().write(first);
        auto direct = co_await create_task(
            cat->in().async_write_some(asio::buffer(second, 10)));
        cat->in().write(third);
        cat->in().close();
        co_await settle();
        EXPECT_FALSE(direct.done());
        cat.go_on();
        EXPECT_TRUE(co_await cat->out().read() ==
                    first + second.substr(0, 10) + third);
        EXPECT_EQ(co_await direct.join(), 10U);
        EXPECT_EQ(co_await cat->wait(), 0);
    };
    run_bounded(main());
}
