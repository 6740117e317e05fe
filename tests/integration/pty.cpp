// pty.cpp: children with a terminal of their own.
#include "support/async_test.hpp"
#include "support/descriptors.hpp"
#include "support/in_a_copy.hpp"
#include "support/outcome.hpp"
#include "support/refused_calls.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

using brood::awaitable;
using brood::create_subprocess;
using brood::devnull;
using brood::exec;
using brood::from_fd;
using brood::piped;
using brood::shell;
using namespace brood_test;

using terminal = clean_test;

// All three streams on one terminal.
brood::command on(const brood::pty& screen, brood::command what)
{
    what.in(screen).out(screen).err(screen);
    return what;
}

// A child that never sees the end of its input must not stop the tests.
outcome bounded_outcome(brood::command what, std::string input = {})
{
    return brood::run(
        brood::wait_for(run_to_the_end(std::move(what), std::move(input)),
                        std::chrono::minutes(1)));
}

const brood::pty screen(24, 80);
const brood::pty quiet = brood::pty().echo(false);
const brood::pty raw = brood::pty().raw();

// --- what the child has ---------------------------------------------------

TEST_F(terminal, is_one_for_the_child_of_the_size_asked_for)
{
    for (const char* const number : {"0", "1", "2"})
        EXPECT_EQ(
            bounded_outcome(on(brood::pty(25, 132), child("is-tty", number)))
                .out,
            "yes 25 132 controlling\r\n");
    EXPECT_EQ(bounded_outcome(on(brood::pty(), child("is-tty", "0"))).out,
              "yes 24 80 controlling\r\n");
    EXPECT_EQ(
        bounded_outcome(on(brood::pty(65535, 1), child("is-tty", "0"))).out,
        "yes 65535 1 controlling\r\n");
    // The same device at each, and nothing besides.
    EXPECT_EQ(bounded_outcome(on(screen, child("print-fds"))).out,
              "0 tty\r\n1 tty\r\n2 tty\r\n");
    EXPECT_EQ(
        bounded_outcome(on(screen, shell("test /dev/fd/0 -ef /dev/fd/1 && "
                                         "test /dev/fd/0 -ef /dev/fd/2")))
            .code,
        0);
}

TEST_F(terminal, comes_with_a_session_of_its_own)
{
    run_bounded([]() -> awaitable<void> {
        auto p = co_await create_subprocess(on(screen, child("print-session")));
        const auto number = std::to_string(p.pid());
        const auto text = co_await p.out().read();
        EXPECT_NE(text.find("pgid " + number + "\r\n"), text.npos) << text;
        EXPECT_NE(text.find("sid " + number + "\r\n"), text.npos) << text;
        co_await p.wait();
    }());
}

TEST_F(terminal, serves_the_streams_it_is_given_for_and_no_other)
{
    run_bounded([]() -> awaitable<void> {
        // In alone: what the child writes stays apart.
        auto asked = co_await create_subprocess(
            shell("test -t 0 && test ! -t 1 && read x && echo \"<$x>\"")
                .in(screen)
                .out(piped));
        asked.in().write("word\n");
        EXPECT_EQ(co_await asked.out().read(), "<word>\n");
        EXPECT_EQ(co_await asked.wait(), 0);

        // Out alone.
        auto shown = co_await create_subprocess(
            shell("echo out; echo err >&2; test ! -t 0")
                .in(devnull)
                .out(screen)
                .err(piped));
        EXPECT_FALSE(shown.has_in());
        EXPECT_EQ(co_await shown.out().read(), "out\r\n");
        EXPECT_EQ(co_await shown.err().read(), "err\n");
        EXPECT_EQ(co_await shown.wait(), 0);

        // Err alone, read there.
        auto noted = co_await create_subprocess(
            shell("echo out; echo err >&2").in(devnull).out(piped).err(screen));
        EXPECT_EQ(co_await noted.err().read(), "err\r\n");
        EXPECT_EQ(co_await noted.out().read(), "out\n");
        co_await noted.wait();

        // Both outputs are one.
        auto both = co_await create_subprocess(shell("echo out; echo err >&2")
                                                   .in(devnull)
                                                   .out(screen)
                                                   .err(brood::to_stdout));
        EXPECT_FALSE(both.has_err());
        EXPECT_EQ(co_await both.out().read(), "out\r\nerr\r\n");
        co_await both.wait();
    }());
}

TEST_F(terminal, is_close_on_exec_on_our_side)
{
    asio::io_context io;
    const auto before = open_descriptors();
    const auto p = brood::spawn_process(io, on(screen, child("cat")));
    int masters = 0;
    for (const auto& [number, target] : open_descriptors()) {
        if (before.contains(number))
            continue;
        EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0) << target;
        EXPECT_EQ(target.find("/dev/pts/"), target.npos)
            << "the child's side is still open";
        masters += target.find("ptmx") != target.npos;
    }
    EXPECT_EQ(masters, 3);
}

// --- what passes through --------------------------------------------------

TEST_F(terminal, shows_what_is_typed_unless_told_not_to)
{
    run_bounded([]() -> awaitable<void> {
        auto p = co_await create_subprocess(on(screen, child("dialogue")));
        p.in().write("hello\n");
        EXPECT_EQ(co_await p.out().readline(), "hello\r\n");
        EXPECT_EQ(co_await p.out().readline(), "got: hello\r\n");
        p.in().write("\x04");
        co_await p.out().read();
        EXPECT_EQ(co_await p.wait(), 0);

        auto silent = co_await create_subprocess(on(quiet, child("dialogue")));
        silent.in().write("hello\n");
        EXPECT_EQ(co_await silent.out().readline(), "got: hello\r\n");
        silent.in().write("\x04");
        EXPECT_EQ(co_await silent.out().read(), "");
        EXPECT_EQ(co_await silent.wait(), 0);
    }());
}

TEST_F(terminal, passes_every_byte_as_it_is_when_raw)
{
    run_bounded([]() -> awaitable<void> {
        auto p = co_await create_subprocess(on(raw, child("cat")));
        std::string bytes;
        for (int each = 0; each != 256; ++each)
            bytes += static_cast<char>(each);
        p.in().write(bytes);
        EXPECT_EQ(co_await p.out().readexactly(bytes.size()), bytes);
        EXPECT_FALSE(p.poll().has_value());
    }());
}

TEST_F(terminal, types_control_characters)
{
    run_bounded([]() -> awaitable<void> {
        auto p =
            co_await create_subprocess(on(screen, child("ready-then-pause")));
        EXPECT_EQ(co_await p.out().readline(), "ready\r\n");
        p.in().write("\x03");
        EXPECT_EQ(co_await p.wait(), -SIGINT);
    }());
}

// The kernel reports the end as EIO, behind what was written before.
TEST_F(terminal, loses_nothing_at_its_end)
{
    for (const std::size_t size : {0u, 1u, 4095u, 4096u, 100'000u}) {
        for (int again = 0; again != 10; ++again) {
            const auto ended = bounded_outcome(
                on(raw, child("flood", std::to_string(size), "3")));
            EXPECT_EQ(ended.code, 3);
            EXPECT_TRUE(ended.out == pattern(size))
                << ended.out.size() << " of " << size;
        }
    }
    run_bounded([]() -> awaitable<void> {
        auto p = co_await create_subprocess(on(raw, child("flood", "100000")));
        // Gone before anybody reads: what there is was written in time.
        auto first = co_await p.out().readexactly(1);
        first += co_await p.out().read();
        EXPECT_TRUE(first == pattern(100'000)) << first.size();
        EXPECT_TRUE(p.out().at_eof());
        EXPECT_EQ(co_await p.out().read(), "");
        EXPECT_EQ(co_await p.wait(), 0);
        auto q = co_await create_subprocess(on(raw, child("flood", "1000")));
        EXPECT_EQ(co_await q.wait(), 0);
        EXPECT_TRUE(co_await q.out().read() == pattern(1000));
    }());
}

// --- size -----------------------------------------------------------------

TEST_F(terminal, tells_the_child_of_a_new_size)
{
    run_bounded([]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            on(quiet, child("on-signal", std::to_string(SIGWINCH), "9")));
        EXPECT_EQ(co_await p.out().readline(), "ready\r\n");
        p.resize(24, 80);  // it has that: nobody is told
        p.resize(50, 200);
        EXPECT_EQ(co_await p.wait(), 9);

        auto q = co_await create_subprocess(
            on(quiet, shell("while read x; do stty size; done")));
        q.in().write("\n");
        EXPECT_EQ(co_await q.out().readline(), "24 80\r\n");
        q.resize(1, 65535);
        q.in().write("\n");
        EXPECT_EQ(co_await q.out().readline(), "1 65535\r\n");
        q.in().write("\x04");
        co_await q.wait();
        q.resize(5, 5);  // nobody there; no harm
    }());
}

TEST_F(terminal, refuses_a_size_that_is_none)
{
    asio::io_context io;
    const auto refusal = [](auto call) {
        try {
            call();
        } catch (const std::logic_error& error) {
            return std::string(error.what());
        }
        return std::string("it was taken");
    };
    auto p = brood::spawn_process(io, on(screen, child("cat")));
    EXPECT_EQ(refusal([&] { p.resize(0, 80); }),
              "brood: resize(0, 80): rows and columns are from 1 to 65535");
    EXPECT_EQ(refusal([&] { p.resize(24, 65536); }),
              "brood: resize(24, 65536): rows and columns are from 1 to "
              "65535");
    auto without = brood::spawn_process(io, child("cat").in(piped));
    EXPECT_EQ(refusal([&] { without.resize(24, 80); }),
              "brood: this child has no terminal of ours; ask for a pty on "
              "the command");
}

// --- the end of the input ---------------------------------------------------

TEST_F(terminal, has_no_half_close)
{
    run_bounded([]() -> awaitable<void> {
        auto p = co_await create_subprocess(on(quiet, child("dialogue")));
        EXPECT_FALSE(p.in().can_write_eof());
        std::string refusal;
        try {
            p.in().write_eof();
        } catch (const std::logic_error& error) {
            refusal = error.what();
        }
        EXPECT_NE(refusal.find("no half close"), refusal.npos) << refusal;
        EXPECT_NE(refusal.find("\\x04"), refusal.npos) << refusal;
        // It was not closed by that.
        p.in().write("still\n");
        EXPECT_EQ(co_await p.out().readline(), "got: still\r\n");
        // And closing it ends neither the child nor what it shows.
        p.in().write("last\n");
        p.in().close();
        co_await p.in().wait_closed();
        EXPECT_EQ(co_await p.out().readline(), "got: last\r\n");
        p.resize(30, 90);
        EXPECT_FALSE(p.poll().has_value());

        auto with_pipe = co_await create_subprocess(child("cat").in(piped));
        EXPECT_TRUE(with_pipe.in().can_write_eof());
        with_pipe.in().write_eof();
        EXPECT_EQ(co_await with_pipe.wait(), 0);
    }());
}

TEST_F(terminal, nobody_has_open_any_more_is_a_broken_pipe)
{
    run_bounded([]() -> awaitable<void> {
        auto p = co_await create_subprocess(on(quiet, child("exit", "4")));
        EXPECT_EQ(co_await p.out().read(), "");
        EXPECT_EQ(co_await p.wait(), 4);
        EXPECT_FALSE(p.in().write("too late"));
        EXPECT_EQ(co_await error_of(p.in().drain()), asio::error::broken_pipe);

        // Also for one that waits for room: what is raw and not read fills
        // the terminal.
        auto deaf =
            co_await create_subprocess(on(raw, child("ready-then-pause")));
        EXPECT_EQ(co_await deaf.out().readline(), "ready\n");
        deaf.in().write(std::string(1 << 20, 'x'));
        auto drained = co_await brood::create_task(as_value(deaf.in().drain()));
        co_await settle();
        deaf.kill();
        EXPECT_EQ(co_await error_of(drained.join()), asio::error::broken_pipe);
        EXPECT_EQ(co_await deaf.wait(), -SIGKILL);
    }());
}

// --- communicate ------------------------------------------------------------

TEST_F(terminal, can_be_communicated_with)
{
    EXPECT_EQ(bounded_outcome(on(quiet, child("cat")), "a\nb\n").out,
              "a\r\nb\r\n");
    // A line that is not ended takes two to end the input.
    EXPECT_EQ(bounded_outcome(on(quiet, child("cat")), "a\nb").out, "a\r\nb");
    EXPECT_EQ(bounded_outcome(on(quiet, child("cat"))).out, "");
    // What is typed is shown, but for the character that ends it.
    EXPECT_EQ(bounded_outcome(on(screen, child("count-stdin")), "abc\n").out,
              "abc\r\n4\r\n");
    // More than a terminal takes at once, either way.
    std::string lines;
    for (int i = 0; i != 20'000; ++i)
        lines += "line " + std::to_string(i) + "\n";
    const auto ended = bounded_outcome(on(quiet, child("count-stdin")), lines);
    EXPECT_EQ(ended.out, std::to_string(lines.size()) + "\r\n");
    EXPECT_EQ(ended.code, 0);
}

TEST_F(terminal, can_be_run_from_start_to_finish)
{
    const auto out_of = [](brood::command what) {
        const auto done =
            brood::run(brood::run_process(std::move(what.timeout(patience))));
        EXPECT_FALSE(done.timed_out);
        EXPECT_EQ(done.returncode, 0);
        return done.out;
    };
    EXPECT_EQ(out_of(on(quiet, child("cat")).input("a\nb")), "a\r\nb");
    // Without input it is at its end at once.
    EXPECT_EQ(out_of(on(quiet, child("count-stdin"))), "0\r\n");
    EXPECT_EQ(out_of(child("is-tty", "1").out(screen)), "yes 24 80 "
                                                        "controlling\r\n");
}

TEST_F(terminal, input_that_the_child_does_not_want_is_no_error)
{
    const auto ended =
        bounded_outcome(on(raw, child("exit", "2")), std::string(1 << 20, 'x'));
    EXPECT_EQ(ended.code, 2);
}

// With the leader of the session, which is the child, the kernel sends SIGHUP
// to the group in the foreground, which is normally the child's.
TEST_F(terminal, is_left_by_descendants_that_heed_the_hang_up)
{
    run_bounded([]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            on(quiet, child("fork-and-hold-stdout")));
        const auto written = co_await p.communicate();
        EXPECT_TRUE(written.complete());
        EXPECT_EQ(co_await p.wait(), 0);
        const int descendant = std::stoi(written.out);
        EXPECT_TRUE(
            wait_until([descendant] { return !process_is_alive(descendant); }));
    }());
}

TEST_F(terminal, can_be_kept_by_a_descendant_of_another_session)
{
    run_bounded([]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            on(quiet, child("fork-and-hold-stdout", "setsid"))
                .drain(std::chrono::nanoseconds(0)));
        const auto written = co_await p.communicate();
        EXPECT_FALSE(written.complete());
        EXPECT_EQ(co_await p.wait(), 0);
        const int descendant = std::stoi(written.out);
        EXPECT_TRUE(process_is_alive(descendant));
        ::kill(descendant, SIGKILL);
        // Now nobody has it open.
        EXPECT_EQ(co_await p.out().read(), "");
    }());
}

// --- its end --------------------------------------------------------------

TEST_F(terminal, is_hung_up_with_the_handle)
{
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const test_fd read_end(ends[0]);
    test_fd write_end(ends[1]);
    run_bounded([](int held) -> awaitable<void> {
        auto p = co_await create_subprocess(
            on(quiet, child("ready-then-pause")).child_fd(5, from_fd(held)));
        EXPECT_EQ(co_await p.out().readline(), "ready\r\n");
        p.in().close();
        p.detach();
    }(write_end));
    write_end.close();
    // Nobody has killed it: SIGHUP has.
    pollfd asked{read_end, POLLIN, 0};
    EXPECT_EQ(::poll(&asked, 1, static_cast<int>(patience.count())), 1);
    char byte;
    EXPECT_EQ(::read(read_end, &byte, 1), 0);
}

// --- errors -----------------------------------------------------------------

TEST_F(terminal, is_also_had_where_the_kernel_is_older)
{
    BROOD_IN_A_COPY([] {
        // TIOCGPTPEER is 0x5441, and the only call of ours with this bit.
        refuse({{SYS_ioctl, ENOTTY, 1, 0x40}});
        require_equal(
            outcome_of(on(brood::pty(7, 8), exec(child_path(), "is-tty", "0")))
                .out,
            "yes 7 8 controlling\r\n");
    });
}

TEST_F(terminal, that_cannot_be_had_is_a_precise_error)
{
    BROOD_IN_A_COPY([] {
        // TIOCSPTLCK is 0x40045431: no other call has these.
        refuse({{SYS_ioctl, EIO, 1, 0x01}});
        const leak_check before;
        const auto failed = spawn_failure_of(on(screen, child("cat")));
        require(failed.has_value(), "it was started");
        require(failed->step() == brood::spawn_step::open);
        require_equal(failed->code(), system_error_code(EIO));
        require_equal(failed->path(), "/dev/ptmx");
        const std::string text = failed->what();
        require(text.find("open /dev/ptmx") != text.npos, text);
        require_clean(before);
    });
}

}  // namespace
