// recording.cpp: runs that are recorded and replayed, and base64.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include "testing/base64.hpp"

#include <brood/brood.hpp>
#include <brood/testing/testing.hpp>

#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace {

using namespace brood_test;
using namespace std::string_literals;
using brood::completed_process;
using brood::exec;
using brood::redacted;
using brood::shell;
using brood::spawn_error;
using brood::system_launcher;
using brood::testing::from_base64;
using brood::testing::recording_error;
using brood::testing::recording_launcher;
using brood::testing::replaying_launcher;
using brood::testing::replies;
using brood::testing::scripted_launcher;
using brood::testing::to_base64;

class recordings : public clean_test {
protected:
    temp_dir dir;
    std::filesystem::path file = dir / "runs.json";

    void record(std::vector<brood::command> commands)
    {
        recording_launcher recorder(system_launcher(), file);
        auto main = [&]() -> awaitable<void> {
            for (auto& each : commands)
                co_await recorder.run_process(each);
        };
        run_bounded(main());
    }

    // What a replay says to this command.
    std::string refusal_of(brood::command what, int after = 0)
    {
        std::string text = "it was not refused";
        auto main = [&]() -> awaitable<void> {
            replaying_launcher replay(file);
            for (; after > 0; --after)
                co_await replay.run_process(child("exit", "0"));
            const auto error =
                co_await thrown_by<recording_error>(replay.run_process(what));
            if (error)
                text = error->what();
        };
        run_bounded(main());
        return text;
    }

    std::string refusal_of_file(std::string_view bytes)
    {
        write_file(file, bytes);
        try {
            const replaying_launcher replay(file);
        } catch (const recording_error& error) {
            return error.what();
        }
        return "it was not refused";
    }
};

TEST_F(recordings, a_replay_gives_the_results_and_starts_nothing)
{
    // What it writes is for the record of what it used.
    const auto fails =
        shell("echo to-out; echo to-err >&2; "
              "head -c 100000 /dev/zero >" +
              brood::shlex::quote(file.string() + ".big") + "; exit 3")
            .input("in");
    const auto killed = child("kill-self", "KILL");
    std::optional<completed_process> first;
    {
        recording_launcher recorder(system_launcher(), file);
        auto main = [&]() -> awaitable<void> {
            first.emplace(co_await recorder.run_process(fails));
            co_await recorder.run_process(killed);
            co_await recorder.run_process(child("echo", "x") | child("cat"));
        };
        run_bounded(main());
    }
    auto main = [&]() -> awaitable<void> {
        replaying_launcher replay(file);
        const auto before = children().size();
        EXPECT_EQ(replay.left(), 3u);
        const auto again = co_await replay.run_process(fails);
        EXPECT_EQ(again.out, "to-out\n");
        EXPECT_EQ(again.err, "to-err\n");
        EXPECT_EQ(again.returncode, 3);
        EXPECT_EQ(again.status, first->status);
        EXPECT_EQ(again.elapsed, first->elapsed);
        EXPECT_EQ(again.usage.max_resident_bytes,
                  first->usage.max_resident_bytes);
        EXPECT_EQ(again.usage.blocks_read, first->usage.blocks_read);
        EXPECT_EQ(again.usage.blocks_written, first->usage.blocks_written);
        EXPECT_EQ(to_string(again.args), to_string(fails));
        const auto dead = co_await replay.run_process(killed);
        EXPECT_EQ(dead.status, brood::exit_status::signaled(SIGKILL, false));
        EXPECT_EQ(replay.left(), 1u);
        EXPECT_EQ(
            co_await replay.check_output(child("echo", "x") | child("cat")),
            "x\n");
        EXPECT_EQ(replay.left(), 0u);
        EXPECT_EQ(children().size(), before);
    };
    run_bounded(main());
}

TEST_F(recordings, every_byte_survives)
{
    std::string every;
    for (int byte = 255; byte >= 0; --byte)
        every += static_cast<char>(byte);
    const auto copies = child("cat").input(every);
    const auto text = child("cat").input("h\xc3\xa9llo \"\\\n");
    record({copies, text});
    auto main = [&]() -> awaitable<void> {
        replaying_launcher replay(file);
        EXPECT_EQ(co_await replay.check_output(copies), every);
        EXPECT_EQ(co_await replay.check_output(text), "h\xc3\xa9llo \"\\\n");
    };
    run_bounded(main());
    // What is text can be read in the file.
    EXPECT_NE(read_file(file).find("h\xc3\xa9llo"), std::string::npos);
}

TEST_F(recordings, how_a_run_was_cut_short_survives)
{
    const auto limited = child("flood", "100K").capture(10);
    const auto stopped = child("ready-then-pause").output_limit(1);
    record({limited, stopped});
    auto main = [&]() -> awaitable<void> {
        replaying_launcher replay(file);
        const auto one = co_await replay.run_process(limited);
        EXPECT_TRUE(one.truncated);
        EXPECT_EQ(one.out_left_out, 100u * 1024 - 10);
        const auto two = co_await replay.run_process(stopped);
        EXPECT_EQ(two.stopped, brood::stop_reason::output_limit);
    };
    run_bounded(main());
}

TEST_F(recordings, a_start_that_failed_fails_again)
{
    const auto missing = exec("/no/such/program");
    std::string recorded = "none";
    auto main = [&]() -> awaitable<void> {
        recording_launcher recorder(system_launcher(), file);
        const auto error =
            co_await thrown_by<spawn_error>(recorder.run_process(missing));
        recorded = error.value().what();
        replaying_launcher replay(file);
        const auto again =
            co_await thrown_by<spawn_error>(replay.run_process(missing));
        EXPECT_EQ(again.value().what(), recorded);
        EXPECT_EQ(again.value().code(), std::errc::no_such_file_or_directory);
        EXPECT_EQ(again.value().step(), brood::spawn_step::exec);
        EXPECT_EQ(again.value().path(), "/no/such/program");
    };
    run_bounded(main());
}

TEST_F(recordings, something_else_than_was_recorded_is_an_error)
{
    record({child("exit", "0"), exec("echo", "a b")});
    EXPECT_EQ(refusal_of(exec("echo", "c").cwd("/tmp"), 1),
              "brood: run 2 of " + file.string() +
                  ": asked for is\n  cd /tmp && echo c\n"
                  "recorded is\n  echo 'a b'");
    EXPECT_EQ(refusal_of(exec("echo", "a b").input("xyz"), 1),
              "brood: run 2 of " + file.string() +
                  ": the input of\n  echo 'a b'\n"
                  "is not what was recorded: 3 bytes instead of 0");
}

TEST_F(recordings, another_value_of_a_variable_is_something_else)
{
    record({exec("true").env("LANG", "C")});
    EXPECT_EQ(refusal_of(exec("true").env("LANG", "de")),
              "brood: run 1 of " + file.string() +
                  ": asked for is\n  env LANG=de true\n"
                  "recorded is\n  env LANG=C true");
}

TEST_F(recordings, more_than_was_recorded_is_an_error)
{
    record({child("exit", "0")});
    EXPECT_EQ(refusal_of(exec("echo", "c"), 1),
              "brood: run 2 of " + file.string() +
                  ": the recording ends here; asked for is\n  echo c");
}

TEST_F(recordings, a_wrong_question_does_not_use_up_the_answer)
{
    record({child("exit", "0")});
    auto main = [&]() -> awaitable<void> {
        replaying_launcher replay(file);
        const auto error =
            co_await thrown_by<recording_error>(replay.run_process(exec("a")));
        EXPECT_TRUE(error.has_value());
        EXPECT_EQ(replay.left(), 1u);
        const auto ended = co_await replay.run_process(child("exit", "0"));
        EXPECT_TRUE(ended.ok());
    };
    run_bounded(main());
}

TEST_F(recordings, what_is_redacted_is_not_written)
{
    const auto login = [](std::string secret) {
        return child("exit", "0", redacted(secret))
            .env("KEY", redacted(secret + "-2"));
    };
    record({login("first")});
    EXPECT_EQ(read_file(file).find("first"), std::string::npos);
    auto main = [&]() -> awaitable<void> {
        replaying_launcher replay(file);
        // Another machine has another secret.
        const auto ended = co_await replay.run_process(login("second"));
        EXPECT_EQ(ended.args.arguments().back(), "second");
    };
    run_bounded(main());
}

TEST_F(recordings, runs_are_kept_in_the_order_in_which_they_began)
{
    const auto fifo = dir / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const auto waits = exec("cat", fifo);
    const auto lets_go = exec("cp", "/dev/stdin", fifo).input("1");
    auto main = [&]() -> awaitable<void> {
        recording_launcher recorder(system_launcher(), file);
        auto first = co_await brood::create_task(recorder.run_process(waits));
        co_await settle();
        co_await recorder.run_process(child("echo", "2"));
        co_await recorder.run_process(lets_go);
        co_await first.join();
        replaying_launcher replay(file);
        EXPECT_EQ(co_await replay.check_output(waits), "1");
        EXPECT_EQ(co_await replay.check_output(child("echo", "2")), "2\n");
        EXPECT_EQ(replay.left(), 1u);
    };
    run_bounded(main());
}

TEST_F(recordings, a_cancelled_run_is_left_out)
{
    auto main = [&]() -> awaitable<void> {
        recording_launcher recorder(system_launcher(), file);
        const auto none = co_await cancelled_after(
            20, recorder.run_process(child("ready-then-pause")));
        EXPECT_FALSE(none.has_value());
        co_await recorder.run_process(child("exit", "0"));
        replaying_launcher replay(file);
        EXPECT_EQ(replay.left(), 1u);
        const auto ended = co_await replay.run_process(child("exit", "0"));
        EXPECT_TRUE(ended.ok());
    };
    run_bounded(main());
}

TEST_F(recordings, a_process_is_not_recorded_and_not_replayed)
{
    record({child("exit", "0")});
    replaying_launcher replay(file);
    recording_launcher recorder(system_launcher(), file);
    EXPECT_THROW(static_cast<void>(replay.create_subprocess(exec("a"))),
                 std::logic_error);
    EXPECT_THROW(static_cast<void>(recorder.create_subprocess(exec("a"))),
                 std::logic_error);
}

TEST_F(recordings, a_file_that_is_none_is_refused)
{
    EXPECT_EQ(refusal_of_file("{\"brood_recording\": 2, \"runs\": []}"),
              "brood: cannot read the recording " + file.string() +
                  ": it is of version 2, this brood knows 1");
    EXPECT_NE(refusal_of_file("{\"brood_rec").find("parse error"),
              std::string::npos);
    EXPECT_NE(refusal_of_file("{}").find("brood_recording"), std::string::npos);
    file = dir / "none.json";
    try {
        const replaying_launcher replay(file);
        FAIL() << "it was read";
    } catch (const recording_error& error) {
        EXPECT_EQ(error.what(),
                  "brood: cannot read the recording " + file.string() +
                      ": there is no such file, or it cannot be opened");
    }
}

TEST_F(recordings, a_file_that_cannot_be_written_is_an_error)
{
    recording_launcher recorder(system_launcher(),
                                dir / "no-directory/runs.json");
    auto main = [&]() -> awaitable<void> {
        const auto error = co_await thrown_by<recording_error>(
            recorder.run_process(child("exit", "0")));
        EXPECT_NE(std::string(error.value().what()).find("cannot write"),
                  std::string::npos);
    };
    run_bounded(main());
}

TEST_F(recordings, another_launcher_can_be_recorded)
{
    scripted_launcher fake;
    fake.on(brood::testing::any_command(), replies().out("x").timed_out());
    auto main = [&]() -> awaitable<void> {
        recording_launcher recorder(fake, file);
        co_await recorder.run_process(exec("a"));
        replaying_launcher replay(file);
        const auto ended = co_await replay.run_process(exec("a"));
        EXPECT_TRUE(ended.timed_out);
        EXPECT_EQ(ended.out, "x");
    };
    run_bounded(main());
}

// RFC 4648, section 10.
TEST(base64, is_what_the_standard_says)
{
    const std::pair<std::string, std::string> table[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\xfd"s, "//79"}};
    for (const auto& [bytes, text] : table) {
        EXPECT_EQ(to_base64(bytes), text);
        EXPECT_EQ(from_base64(text), bytes);
    }
}

TEST(base64, refuses_what_is_none)
{
    for (const auto* const text :
         {"Z", "Zg", "Zg=", "Zg==Zg==", "Zh==", "Zm9v!", "Z===", "===="})
        EXPECT_EQ(from_base64(text), std::nullopt) << text;
}

}  // namespace
