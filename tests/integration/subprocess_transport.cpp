// subprocess_transport.cpp: a child for those who are called.
#include "support/transports.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <chrono>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>

namespace {

using brood::devnull;
using brood::exec;
using brood::piped_in;
using brood::shell;
using brood::subprocess_exec;
using brood::subprocess_shell;
using brood::to_stdout;
using namespace brood_test;

using subprocess_transports = child_test;

// --- what is certain about the order --------------------------------------

TEST_F(subprocess_transports, tell_everything_from_the_start_to_the_end)
{
    const auto told = start(child("both", "3"));
    EXPECT_TRUE(told->events.empty()) << "told within subprocess_exec()";
    run_to_the_end(told);

    EXPECT_EQ(told->events.front(), "made");
    EXPECT_EQ(told->events.back(), "over");
    EXPECT_EQ(told->data[1], "out 0\nout 1\nout 2\n");
    EXPECT_EQ(told->data[2], "err 0\nerr 1\nerr 2\n");
    for (const auto* each : {"made", "lost 0", "lost 1", "lost 2", "exited"})
        EXPECT_EQ(count(told->events, each), 1) << each;
    EXPECT_EQ(told->transport.returncode(), 0);
    EXPECT_EQ(told->transport.status()->code(), 0);
    EXPECT_TRUE(told->transport.usage());
    EXPECT_TRUE(told->transport.is_closing());
    EXPECT_EQ(told->transport.protocol(), nullptr);
    run_out(io());
    EXPECT_EQ(told->events.back(), "over") << "told after the end";
}

TEST_F(subprocess_transports, tell_that_it_is_made_before_all_else)
{
    const auto told = start(child("echo", "hello"));
    const int pid = told->transport.pid();
    // Everything has happened before the loop has its first turn.
    ASSERT_TRUE(wait_until([&] { return process_state(pid) == 'Z'; }));
    run_to_the_end(told);
    EXPECT_EQ(told->events.front(), "made");
    EXPECT_EQ(told->data[1], "hello\n");
}

TEST_F(subprocess_transports, tell_all_bytes_in_order_before_a_pipe_is_lost)
{
    const auto told = start(child("flood-both", "3M"));
    run_to_the_end(told);
    const auto expected = pattern(3 << 20);
    EXPECT_TRUE(told->data[1] == expected);
    EXPECT_TRUE(told->data[2] == expected);
    for (const std::string fd : {"1", "2"}) {
        const auto lost = told->place("lost " + fd);
        for (auto each = lost; each != std::ssize(told->events); ++each)
            EXPECT_NE(told->events[static_cast<std::size_t>(each)],
                      "data " + fd);
    }
}

TEST_F(subprocess_transports, tell_an_exit_though_a_descendant_holds_the_pipes)
{
    const auto told = start(child("fork-and-hold-stdout"));
    ASSERT_TRUE(turns_until(io(), [&] {
        return count(told->events, "exited") == 1 && told->data.count(1) == 1;
    }));
    settle(io());
    EXPECT_EQ(count(told->events, "lost 1"), 0);
    EXPECT_FALSE(told->over);

    // Its end brings the rest.
    ::kill(std::stoi(told->data[1]), SIGKILL);
    run_to_the_end(told);
    EXPECT_LT(told->place("exited"), told->place("lost 1"));
    EXPECT_EQ(told->transport.returncode(), 0);
}

TEST_F(subprocess_transports, come_to_an_end_by_close_though_pipes_are_held)
{
    const auto told = start(child("fork-and-hold-stdout"));
    ASSERT_TRUE(turns_until(io(), [&] {
        return count(told->events, "exited") == 1 && told->data.count(1) == 1;
    }));
    const int holder = std::stoi(told->data[1]);
    told->transport.close();
    EXPECT_FALSE(told->over) << "told within close()";
    run_to_the_end(told);
    EXPECT_EQ(told->events.back(), "over");
    ::kill(holder, SIGKILL);
    ASSERT_TRUE(wait_until([&] { return !process_is_alive(holder); }));
}

TEST_F(subprocess_transports, end_though_nobody_closes_the_input)
{
    const auto told = start(child("exit", "7"));
    run_to_the_end(told);
    EXPECT_EQ(count(told->events, "lost 0"), 1) << "no reason: nothing is lost";
    EXPECT_EQ(told->transport.returncode(), 7);
}

TEST_F(subprocess_transports, pause_and_resume_writing_in_turn)
{
    // Of one size: a pipe that grew would take it all without a pause.
    const auto told = start(child("cat").pipe_size(std::size_t{64} * 1024));
    const std::string much(1 << 20, 'x');
    auto input = told->transport.pipe_writer(0);
    // It takes no more than it can get rid of.
    auto output = told->transport.pipe_reader(1);
    output.pause_reading();
    EXPECT_TRUE(input.write(much));
    EXPECT_TRUE(told->events.empty()) << "told before connection_made()";
    int left = 3;
    told->on = [&](std::string_view event) {
        if (event == "pause 0")
            output.resume_reading();
        if (event != "resume 0")
            return;
        if (left-- == 0)
            return input.close();
        output.pause_reading();
        input.write(much);
    };
    run_to_the_end(told);
    EXPECT_EQ(told->data[1].size(), 4 * much.size());
    std::string turns;
    for (const auto& each : told->events)
        if (each.starts_with("pause") || each.starts_with("resume"))
            turns += each.front();
    EXPECT_EQ(turns, "prprprpr");
    EXPECT_EQ(told->events.front(), "made");
}

// --- the streams ------------------------------------------------------------

TEST_F(subprocess_transports, hold_a_dialogue)
{
    const auto told = start(child("dialogue"));
    auto input = told->transport.pipe_writer(0);
    EXPECT_TRUE(input.write("one\n"));
    ASSERT_TRUE(
        turns_until(io(), [&] { return told->data[1] == "got: one\n"; }));
    EXPECT_TRUE(input.writelines(std::vector<std::string>{"two\n", "three\n"}));
    input.write_eof();
    run_to_the_end(told);
    EXPECT_EQ(told->data[1], "got: one\ngot: two\ngot: three\n");
}

TEST_F(subprocess_transports, run_a_line_of_the_shell)
{
    const auto told = std::make_shared<child_record>();
    auto [transport, protocol] =
        subprocess_shell(io(), made_of(told), shell("echo Python; cat"));
    EXPECT_FALSE(transport.is_closing());
    transport.pipe_writer(0).close();
    run_to_the_end(told);
    EXPECT_EQ(told->data[1], "Python\n");
    EXPECT_EQ(transport.returncode(), 0);
}

TEST_F(subprocess_transports, have_a_pipe_only_where_the_command_has_one)
{
    const auto told =
        start(child("exit", "7").in(devnull).out(devnull).err(devnull));
    for (const int fd : {0, 1, 2, 3, -1}) {
        EXPECT_TRUE(told->transport.pipe_reader(fd).is_closing()) << fd;
        EXPECT_TRUE(told->transport.pipe_writer(fd).is_closing()) << fd;
    }
    run_to_the_end(told);
    EXPECT_EQ(told->events, (event_list{"made", "exited", "over"}));
    EXPECT_EQ(told->transport.returncode(), 7);
}

TEST_F(subprocess_transports, merge_what_goes_to_one_pipe)
{
    const auto told = start(child("both", "2").err(to_stdout));
    EXPECT_TRUE(told->transport.pipe_reader(2).is_closing());
    run_to_the_end(told);
    EXPECT_EQ(told->data[1], "out 0\nerr 0\nout 1\nerr 1\n");
    EXPECT_EQ(told->data.count(2), 0U);
    EXPECT_EQ(count(told->events, "lost 2"), 0);
}

TEST_F(subprocess_transports, serve_the_other_descriptors_of_a_child)
{
    const auto reads = start(child("read-fd", "5").child_fd(5, piped_in));
    auto input = reads->transport.pipe_writer(5);
    EXPECT_TRUE(input.write("by five"));
    input.close();
    run_to_the_end(reads);
    EXPECT_EQ(reads->data[1], "by five");
    EXPECT_EQ(count(reads->events, "lost 5"), 1);
}

TEST_F(subprocess_transports, let_the_child_see_that_its_reader_is_gone)
{
    const auto told = start(child("flood", "100M"));
    told->on = [&](std::string_view event) {
        if (event == "data 1")
            told->transport.pipe_reader(1).close();
    };
    run_to_the_end(told);
    EXPECT_EQ(told->transport.returncode(), -SIGPIPE);
    EXPECT_EQ(count(told->events, "lost 1"), 1);
}

TEST_F(subprocess_transports, tell_what_kept_the_input_from_being_sent)
{
    const auto told = start(child("close-stdin-then-pause"));
    auto input = told->transport.pipe_writer(0);
    input.write(std::string(1 << 20, 'x'));
    ASSERT_TRUE(turns_until(
        io(), [&] { return count(told->events, "lost 0: Broken pipe") == 1; }));
    EXPECT_FALSE(input.write("more"));
    told->transport.close();
    run_to_the_end(told);
}

TEST_F(subprocess_transports, read_nothing_while_paused)
{
    const auto told = start(child("flood", "1M"));
    auto output = told->transport.pipe_reader(1);
    output.pause_reading();
    output.pause_reading();
    EXPECT_FALSE(output.is_reading());
    settle(io());
    EXPECT_EQ(told->data.count(1), 0U);
    // More than a pipe holds: it cannot end.
    EXPECT_EQ(told->transport.returncode(), std::nullopt);

    std::size_t pauses = 0;
    told->on = [&](std::string_view event) {
        if (event != "data 1")
            return;
        EXPECT_TRUE(output.is_reading());
        output.pause_reading();
        ++pauses;
        asio::post(io(), [&] { output.resume_reading(); });
    };
    output.resume_reading();
    output.resume_reading();
    run_to_the_end(told);
    EXPECT_TRUE(told->data[1] == pattern(1 << 20));
    EXPECT_GT(pauses, 1U);
}

TEST_F(subprocess_transports, keep_what_waits_while_paused_past_the_exit)
{
    const auto told = start(child("echo", "late"));
    auto output = told->transport.pipe_reader(1);
    output.pause_reading();
    ASSERT_TRUE(
        turns_until(io(), [&] { return count(told->events, "lost 2") == 1; }));
    // Nothing is left for the loop, and nobody holds the transport.
    told->transport = {};
    run_out(io());
    EXPECT_EQ(count(told->events, "exited"), 1);
    EXPECT_FALSE(told->over);
    output.resume_reading();
    run_to_the_end(told);
    EXPECT_EQ(told->data[1], "late\n");
}

TEST_F(subprocess_transports, serve_a_terminal)
{
    const brood::pty screen = brood::pty().echo(false);
    const auto told =
        start(child("dialogue").in(screen).out(screen).err(screen));
    auto input = told->transport.pipe_writer(0);
    EXPECT_FALSE(input.can_write_eof());
    EXPECT_THROW(input.write_eof(), std::logic_error);
    input.write("hello\n");
    ASSERT_TRUE(
        turns_until(io(), [&] { return told->data[1] == "got: hello\r\n"; }));
    input.write("\x04");
    run_to_the_end(told);
    EXPECT_EQ(told->transport.returncode(), 0);
    EXPECT_EQ(count(told->events, "lost 1"), 1) << "EIO is no reason";
}

// --- signals and close ------------------------------------------------------

TEST_F(subprocess_transports, signal_the_child_as_long_as_it_lives)
{
    const int signals[] = {SIGHUP, SIGTERM, SIGKILL};
    for (const int each : signals) {
        const auto told = start(child("ready-then-pause"));
        ASSERT_TRUE(
            turns_until(io(), [&] { return told->data.count(1) != 0; }));
        if (each == SIGTERM)
            EXPECT_TRUE(told->transport.terminate());
        else if (each == SIGKILL)
            EXPECT_TRUE(told->transport.kill());
        else
            EXPECT_TRUE(told->transport.send_signal(each));
        run_to_the_end(told);
        EXPECT_EQ(told->transport.returncode(), -each);
        EXPECT_FALSE(told->transport.send_signal(each));
        told->transport.close();
    }
}

TEST_F(subprocess_transports, kill_a_running_child_with_close)
{
    const auto told = start(child("ignore-term"));
    ASSERT_TRUE(turns_until(io(), [&] { return told->data.count(1) != 0; }));
    // Unsent input is no reason to wait.
    auto input = told->transport.pipe_writer(0);
    input.write(std::string(1 << 20, 'x'));
    const auto before = told->events.size();
    told->transport.close();
    told->transport.close();
    EXPECT_TRUE(told->transport.is_closing());
    EXPECT_EQ(told->events.size(), before) << "told within close()";
    run_to_the_end(told);
    EXPECT_EQ(told->transport.returncode(), -SIGKILL);
    for (const auto* each : {"lost 0", "lost 1", "lost 2", "exited", "over"})
        EXPECT_EQ(count(told->events, each), 1) << each;
}

TEST_F(subprocess_transports, can_be_closed_before_and_while_they_are_made)
{
    const auto early = start(child("ready-then-pause"));
    early->transport.close();
    const auto late = std::make_shared<child_record>();
    late->on = [&](std::string_view event) {
        if (event != "made")
            return;
        late->transport.pipe_writer(0).write(std::string(1 << 20, 'x'));
        late->transport.close();
    };
    start(child("ready-then-pause"), late);
    for (const auto& told : {early, late}) {
        run_to_the_end(told);
        EXPECT_EQ(told->events.front(), "made");
        EXPECT_EQ(told->events.back(), "over");
        EXPECT_EQ(told->events.size(), 6U);
        EXPECT_EQ(count(told->events, "lost 0"), 1) << "dropped, not lost";
        EXPECT_EQ(told->transport.returncode(), -SIGKILL);
    }
}

TEST_F(subprocess_transports, stop_a_child_and_its_family)
{
    const auto told =
        start(child("fork-and-hold-then-pause", "ignore-term").process_group());
    ASSERT_TRUE(turns_until(io(), [&] { return told->data.count(1) != 0; }));
    told->transport.stop(
        brood::stop_sequence().then(SIGTERM, std::chrono::milliseconds(1)));
    run_to_the_end(told);
    EXPECT_EQ(told->transport.returncode(), -SIGTERM);
    told->transport.stop();
    run_out(io());
}

TEST_F(subprocess_transports, resize_a_terminal)
{
    const auto told =
        start(child("is-tty", "0").in(brood::pty(30, 100)).err(devnull));
    told->transport.resize(31, 101);
    EXPECT_THROW(told->transport.resize(0, 1), std::invalid_argument);
    run_to_the_end(told);
    EXPECT_EQ(told->transport.returncode(), 0);
}

TEST_F(subprocess_transports, tell_of_no_data_after_close)
{
    const auto told = start(child("flood-both", "10M"));
    std::size_t behind = 0;
    told->on = [&](std::string_view event) {
        if (!event.starts_with("data"))
            return;
        if (told->transport.is_closing())
            ++behind;
        told->transport.close();
    };
    run_to_the_end(told);
    EXPECT_EQ(behind, 0U);
    EXPECT_EQ(told->transport.returncode(), -SIGKILL);
}

TEST_F(subprocess_transports, leave_a_detached_child_alone)
{
    const auto told = start(
        child("close-stdout-then-wait-stdin").on_drop(brood::on_drop::detach));
    ASSERT_TRUE(
        turns_until(io(), [&] { return count(told->events, "lost 1") == 1; }));
    told->transport.close();
    run_to_the_end(told);
    EXPECT_EQ(told->transport.returncode(), 5);
}

// --- the start as an operation ----------------------------------------------

TEST_F(subprocess_transports, can_be_awaited)
{
    brood::run([]() -> brood::awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        const auto record = std::make_shared<child_record>();
        auto factory = made_of(record);
        auto [transport, protocol] = co_await brood::async_subprocess_exec(
            io, factory, child("dialogue"));
        EXPECT_EQ(protocol, record);
        EXPECT_EQ(record->events, event_list{"made"});
        transport.pipe_writer(0).write("hello\n");
        transport.pipe_writer(0).close();
        while (!record->over)
            co_await brood::sleep(std::chrono::milliseconds(1));
        EXPECT_EQ(record->data[1], "got: hello\n");

        auto by_shell = made_of<child_record>();
        auto [other, unused] = co_await brood::async_subprocess_shell(
            io, by_shell, shell("exit 3"));
        while (!other.is_closing())
            co_await brood::sleep(std::chrono::milliseconds(1));
        EXPECT_EQ(other.returncode(), 3);
    }());
}

TEST_F(subprocess_transports, complete_a_start_that_fails)
{
    const auto failure_of = [&](brood::command what) {
        std::string said;
        brood::async_subprocess_exec(
            io(), made_of<child_record>(), std::move(what),
            [&](std::exception_ptr failure,
                const brood::subprocess_transport& transport,
                const std::shared_ptr<child_record>& protocol) {
                EXPECT_TRUE(transport.is_closing());
                EXPECT_EQ(protocol, nullptr);
                try {
                    std::rethrow_exception(failure);
                } catch (const brood::spawn_error&) {
                    said = "spawn_error";
                } catch (const std::invalid_argument&) {
                    said = "invalid_argument";
                }
            });
        EXPECT_EQ(said, "") << "within its initiating function";
        run_out(io());
        return said;
    };
    EXPECT_EQ(failure_of(exec("/nowhere/no-such-program")), "spawn_error");
    EXPECT_EQ(failure_of(shell("true")), "invalid_argument");
    EXPECT_EQ(failure_of(exec("true").limit(0)), "invalid_argument");
}

TEST_F(subprocess_transports, leave_nothing_of_a_start_that_is_cancelled)
{
    // As soon as anything can be cancelled: the child is there already.
    asio::cancellation_signal stop;
    const auto told = std::make_shared<child_record>();
    std::optional<bool> failed;
    brood::async_subprocess_exec(
        io(), made_of(told), child("ready-then-pause"),
        asio::bind_cancellation_slot(
            stop.slot(), [&](std::exception_ptr failure,
                             const brood::subprocess_transport& transport,
                             const std::shared_ptr<child_record>& protocol) {
                failed = failure != nullptr;
                EXPECT_TRUE(transport.is_closing());
                EXPECT_EQ(protocol, nullptr);
            }));
    EXPECT_FALSE(children().empty());
    stop.emit(asio::cancellation_type::all);
    ASSERT_TRUE(turns_until(io(), [&] { return failed.has_value(); }));
    EXPECT_TRUE(*failed);
    EXPECT_TRUE(wait_until([] { return children().empty(); }));
    run_out(io());
    EXPECT_TRUE(told->events.empty());
    EXPECT_EQ(told.use_count(), 1);
}

// --- what cannot be started -------------------------------------------------

TEST_F(subprocess_transports, start_nothing_that_cannot_work)
{
    const auto told = std::make_shared<child_record>();
    const auto refusal = [&](brood::command what, bool by_shell) {
        try {
            if (by_shell)
                std::ignore = subprocess_shell(io(), made_of(told), what);
            else
                std::ignore = subprocess_exec(io(), made_of(told), what);
        } catch (const std::invalid_argument& error) {
            return std::string(error.what());
        }
        return std::string("was started");
    };
    EXPECT_EQ(refusal(shell("true"), false),
              "brood: subprocess_exec() is for exec(..); use "
              "subprocess_shell()");
    EXPECT_EQ(refusal(exec("true"), true),
              "brood: subprocess_shell() is for shell(line); use "
              "subprocess_exec()");
    EXPECT_NE(refusal(exec("true").input("x"), false), "was started");
    EXPECT_NE(refusal(exec("true").limit(0), false), "was started");

    EXPECT_THROW(std::ignore = subprocess_exec(
                     io(), made_of(told), exec("/nowhere/no-such-program")),
                 brood::spawn_error);
    EXPECT_TRUE(children().empty());
    run_out(io());
    EXPECT_TRUE(told->events.empty());
    EXPECT_EQ(told.use_count(), 1);
}

TEST_F(subprocess_transports, start_nothing_when_the_factory_fails)
{
    EXPECT_THROW(std::ignore = subprocess_exec(
                     io(),
                     []() -> std::shared_ptr<child_record> {
                         throw std::runtime_error("no protocol today");
                     },
                     child("ready-then-pause")),
                 std::runtime_error);
    EXPECT_THROW(std::ignore = subprocess_exec(
                     io(), [] { return std::unique_ptr<child_record>(); },
                     child("ready-then-pause")),
                 std::invalid_argument);
    EXPECT_TRUE(children().empty());
}

TEST_F(subprocess_transports, say_when_there_is_none)
{
    brood::subprocess_transport none;
    EXPECT_THROW(std::ignore = none.pid(), std::logic_error);
    EXPECT_THROW(none.kill(), std::logic_error);
    EXPECT_TRUE(none.is_closing());
    EXPECT_TRUE(none.pipe_reader(1).is_closing());
    EXPECT_FALSE(none.pipe_writer(0).write("x"));
    none.close();
}

}  // namespace
