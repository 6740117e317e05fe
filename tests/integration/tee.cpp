// tee.cpp: where a captured stream goes besides.
#include "support/in_a_copy.hpp"
#include "support/runs.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)

#include <cerrno>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace {

using namespace brood_test;
using namespace std::chrono_literals;
using brood::file_mode;
using brood::tee;

class tees : public clean_test {};

TEST_F(tees, a_file_gets_everything_whatever_is_kept)
{
    const temp_dir dir;
    write_file(dir / "log", "before\n");
    const auto what = child("lines", "1000").capture(5);
    const auto added = run_now(
        command(what).tee_out(tee::to_file(dir / "log", file_mode::append)));
    EXPECT_EQ(added.out, "0\n1\n2");
    EXPECT_TRUE(added.truncated);
    const auto all = run_now(child("lines", "1000")).out;
    EXPECT_EQ(read_file(dir / "log"), "before\n" + all);
    static_cast<void>(
        run_now(command(what).tee_out(tee::to_file(dir / "log"))));
    EXPECT_EQ(read_file(dir / "log"), all);
}

TEST_F(tees, a_file_that_may_not_grow_ends_neither_run_nor_program)
{
    in_a_copy([] {
        const temp_dir dir;
        rlimit limit{1000, 1000};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        const auto ended =
            run_now(child("flood", "100K").tee_out(tee::to_file(dir / "log")));
        require(ended.out == pattern(100 * 1024), "all was captured");
        require(read_file(dir / "log") == pattern(1000), "as far as it goes");
    });
}

TEST_F(tees, each_stream_has_its_own_and_several)
{
    const temp_dir dir;
    std::string out;
    std::string err;
    const auto ended = run_now(
        child("both", "20")
            .tee_out(tee::to_chunks([&](auto bytes) { out += bytes; }))
            .tee_out(tee::to_file(dir / "out"))
            .tee_err(tee::to_chunks([&](auto bytes) { err += bytes; })));
    EXPECT_EQ(out, ended.out);
    EXPECT_EQ(err, ended.err);
    EXPECT_EQ(read_file(dir / "out"), ended.out);
}

TEST_F(tees, lines_come_whole_and_without_their_newline)
{
    std::vector<std::string> lines;
    const auto ended = run_now(brood::exec("printf", "one\n\nlong line\nlast")
                                   .limit(4)
                                   .tee_out(tee::to_lines([&](auto line) {
                                       lines.emplace_back(line);
                                   })));
    EXPECT_EQ(ended.out, "one\n\nlong line\nlast");
    const std::vector<std::string> wanted{"one",  "",  "long",
                                          " lin", "e", "last"};
    EXPECT_EQ(lines, wanted);
}

TEST_F(tees, lines_may_have_no_limit)
{
    int lines = 0;
    static_cast<void>(run_now(child("lines", "100")
                                  .limit(brood::unlimited_bytes)
                                  .tee_out(tee::to_lines([&](auto line) {
                                      EXPECT_LE(line.size(), 2U);
                                      ++lines;
                                  }))));
    EXPECT_EQ(lines, 100);
}

TEST_F(tees, a_line_of_just_the_limit_is_one_line)
{
    std::vector<std::string> lines;
    static_cast<void>(run_now(brood::exec("printf", "abcd\nxy\nabcdefgh\n")
                                  .limit(4)
                                  .tee_out(tee::to_lines([&](auto line) {
                                      lines.emplace_back(line);
                                  }))));
    const std::vector<std::string> wanted{"abcd", "xy", "abcd", "efgh"};
    EXPECT_EQ(lines, wanted);
}

// Somebody who escaped holds the pipe, so it has no end.
TEST_F(tees, the_last_line_comes_without_an_end_of_the_stream)
{
    std::vector<std::string> lines;
    const auto ended =
        run_now(brood::shell("exec 3>&1; "
                             "escaped=$(setsid sh -c 'echo $$; "
                             "exec sleep 600 >&3 2>/dev/null 3>&-' &); "
                             "echo $escaped >&2; printf 'one\npartial'")
                    .drain(10ms)
                    .tee_out(tee::to_lines(
                        [&](auto line) { lines.emplace_back(line); })));
    EXPECT_FALSE(ended.complete);
    const std::vector<std::string> wanted{"one", "partial"};
    EXPECT_EQ(lines, wanted);
    for (const int escaped : numbers_in(ended.err))
        put_down(escaped);
}

// Counts while the loop turns.
awaitable<void> count(int& ticks)
{
    for (;; ++ticks)
        co_await brood::sleep(1ms);
}

awaitable<void> becomes(const int& ticks, int wanted)
{
    while (ticks < wanted)
        co_await brood::sleep(1ms);
}

// In a copy whose standard output is a pipe that is read late and slowly.
TEST_F(tees, the_parents_own_output_gets_all_and_blocks_nobody)
{
    BROOD_IN_A_COPY([] {
        int ends[2];
        must(::pipe(ends));
        must(::dup2(ends[1], 1));
        must(::close(ends[1]));
        must(::fcntl(ends[0], F_SETFL, O_NONBLOCK));
        const std::string much = pattern(300'000);
        int ticks = 0;
        auto main = [&]() -> awaitable<completed_process> {
            auto beside = co_await brood::create_task(count(ticks));
            auto ready = co_await brood::create_task(becomes(ticks, 20));
            auto running = co_await brood::create_task(run_process(
                child("flood", "300000").tee_out(tee::to_parent())));
            // The pipe is full, and the loop still turns.
            co_await ready.join();
            require(!running.done(), "it did not wait for its reader");
            std::string got;
            char bytes[4096];
            while (got.size() < much.size()) {
                const auto size = ::read(ends[0], bytes, sizeof bytes);
                require(size > 0 || errno == EAGAIN, "the output ended");
                if (size > 0)
                    got.append(bytes, static_cast<std::size_t>(size));
                co_await brood::sleep(std::chrono::microseconds(10));
            }
            require(got == much, "the output is another");
            co_return co_await running.join();
        };
        const auto ended = brood::run(main());
        require(ended.out == much && ended.complete, "the capture");
    });
}

TEST_F(tees, a_destination_that_fails_does_not_end_the_run)
{
    const auto ended =
        run_now(child("lines", "1000").tee_out(tee::to_file("/dev/full")));
    EXPECT_TRUE(ended.ok());
    EXPECT_EQ(ended.out, run_now(child("lines", "1000")).out);
}

TEST_F(tees, a_file_that_cannot_be_opened_starts_nothing)
{
    const temp_dir dir;
    auto main = [&]() -> awaitable<void> {
        const auto error = co_await thrown_by<brood::spawn_error>(
            run_process(brood::exec("touch", dir / "touched")
                            .tee_err(tee::to_file(dir / "no" / "file"))));
        EXPECT_TRUE(error.has_value());
        if (error) {
            EXPECT_EQ(error->step(), brood::spawn_step::open);
            EXPECT_EQ(error->path(), (dir / "no" / "file").string());
        }
    };
    run_bounded(main());
    EXPECT_FALSE(std::filesystem::exists(dir / "touched"));
}

TEST_F(tees, a_function_that_throws_ends_the_run_with_its_exception)
{
    witness all;
    int calls = 0;
    auto main = [&]() -> awaitable<void> {
        auto throws = [&](std::string_view) {
            ++calls;
            throw std::runtime_error("enough");
        };
        const auto what = all.watching(
            child("line-then-hold", "x").tee_out(tee::to_lines(throws)));
        const auto error =
            co_await thrown_by<std::runtime_error>(run_process(what));
        EXPECT_TRUE(error.has_value());
        EXPECT_STREQ(error ? error->what() : "", "enough");
    };
    run_bounded(main());
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(all.nobody_is_left());
}

// What the sinks of a run get that lets the loop turn, and cancels the run, as
// the piece comes that ends with `last`.
std::string pieces_until(std::string_view last, command what,
                         tee (*as)(std::function<void(std::string_view)>))
{
    asio::io_context io;
    asio::cancellation_signal cancel;
    std::string pieces;
    async_result result;
    auto take = [&](std::string_view piece) {
        pieces += "<" + std::string(piece) + ">";
        if (!piece.ends_with(last))
            return;
        cancel.emit(asio::cancellation_type::terminal);
        // Long enough for the run to be over, if it could be.
        for (int turn = 0; turn != 50 && result.calls == 0; ++turn)
            io.run_one_for(1ms);
    };
    brood::async_run_process(
        io, std::move(what.tee_out(as(take))),
        asio::bind_cancellation_slot(cancel.slot(), result.callback()));
    io.run();
    EXPECT_EQ(result.calls, 1);
    for (const int escaped : numbers_in(result.ended->err))
        put_down(escaped);
    return pieces;
}

TEST_F(tees, a_function_that_ends_the_run_gets_no_piece_twice)
{
    const auto one_and_a_half =
        brood::exec("printf", "one\npartial").drain(1ms);
    for (const auto* const last : {"one", "partial"})
        EXPECT_EQ(pieces_until(last, one_and_a_half, tee::to_lines),
                  "<one><partial>");
    EXPECT_EQ(pieces_until("partial", one_and_a_half, tee::to_chunks),
              "<one\npartial>");
    // Without an end of the stream the last piece comes with the run's end.
    EXPECT_EQ(pieces_until("partial",
                           brood::shell("setsid sleep 600 2>/dev/null & "
                                        "echo $! >&2; printf 'one\npartial'")
                               .drain(10ms),
                           tee::to_lines),
              "<one><partial>");
}

}  // namespace
