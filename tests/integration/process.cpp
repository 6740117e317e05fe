// process.cpp: the handle on a child: its exit, its codes, signals to it.
#include "support/outcome.hpp"
#include "support/process_test.hpp"
#include "support/refused_calls.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <chrono>
#include <csignal>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/utsname.h>

namespace {

using brood::awaitable;
using brood::create_subprocess;
using brood::create_task;
using brood::exit_status;
using brood::piped;
using brood::shell;
using brood::sleep;
using brood::spawn_process;
using brood::wait_for;
using namespace std::chrono_literals;
using namespace brood_test;

// The fixture has the name of the suite; the class under test is always
// brood::process here.
using process = process_test;

bool watcher_has_no_pidfds()
{
    const char* const named = std::getenv("BROOD_CHILD_WATCHER");
    return named && (std::string(named) == "threaded" ||
                     std::string(named) == "sigchld");
}

bool kernel_is_at_least(int major, int minor)
{
    utsname about{};
    ::uname(&about);
    int has_major = 0;
    int has_minor = 0;
    if (std::sscanf(about.release, "%d.%d", &has_major, &has_minor) != 2)
        return false;
    return std::pair(has_major, has_minor) >= std::pair(major, minor);
}

TEST_F(process, wait_returns_the_exit_code)
{
    for (const int code : {0, 1, 7, 47, 255}) {
        run_test([code]() -> awaitable<void> {
            auto p =
                co_await create_subprocess(child("exit", std::to_string(code)));
            EXPECT_EQ(co_await p.wait(), code);
            EXPECT_EQ(co_await p.wait(), code);
            EXPECT_EQ(p.returncode(), code);
            EXPECT_EQ(p.status(), exit_status::exited(code));
        });
    }
    EXPECT_EQ(outcome_of(shell("exit 7")).code, 7);
    // Only the low 8 bits of an exit code reach the parent: exit(3).
    EXPECT_EQ(outcome_of(child("exit", "300")).code, 44);
}

TEST_F(process, has_no_code_before_its_exit)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(ends_when_told());
        EXPECT_EQ(p.returncode(), std::nullopt);
        EXPECT_EQ(p.status(), std::nullopt);
        p.in().close();
        EXPECT_EQ(co_await p.wait(), 5);
        EXPECT_EQ(p.returncode(), 5);
    });
}

TEST_F(process, a_signalled_child_has_minus_the_signal)
{
    const auto dies_of = [](int signal, auto send) -> awaitable<void> {
        auto p =
            co_await create_subprocess(child("ready-then-pause").out(piped));
        EXPECT_EQ(co_await p.out().readline(), "ready\n");
        EXPECT_TRUE(send(p));
        EXPECT_EQ(co_await p.wait(), -signal);
        EXPECT_EQ(p.status(), exit_status::signaled(signal, false));
    };
    brood::run(dies_of(SIGKILL, [](auto& p) { return p.kill(); }));
    brood::run(dies_of(SIGTERM, [](auto& p) { return p.terminate(); }));
    for (const int signal : {SIGHUP, SIGINT, 40})
        brood::run(dies_of(
            signal, [signal](auto& p) { return p.send_signal(signal); }));
    EXPECT_EQ(outcome_of(child("crash")).code, -SIGABRT);
}

TEST_F(process, killing_a_shell_ends_wait_at_once)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            shell(child_path() + " ready-then-pause; sleep 100")
                .out(piped)
                .process_group());
        // The shell's own child says so: it runs, and lives on.
        EXPECT_EQ(co_await p.out().readline(), "ready\n");
        EXPECT_TRUE(p.kill());
        EXPECT_EQ(co_await p.wait(), -SIGKILL);

        EXPECT_EQ(::kill(-p.pid(), SIGKILL), 0);
        EXPECT_EQ(co_await p.out().read(), "");
    });
}

TEST_F(process, wait_does_not_wait_for_open_pipes)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            child("fork-and-hold-stdout").out(piped));
        const int grandchild = std::stoi(co_await p.out().readline());
        EXPECT_EQ(co_await p.wait(), 0);

        // The end of the child is not the end of the stream.
        auto rest = co_await create_task(p.out().read());
        for (int turn = 0; turn != 20; ++turn)
            co_await sleep(1ms);
        EXPECT_FALSE(rest.done());
        EXPECT_EQ(::kill(grandchild, SIGKILL), 0);
        EXPECT_EQ(co_await rest.join(), "");
        EXPECT_TRUE(p.out().at_eof());
    });
}

TEST_F(process, wait_does_not_wait_for_output_to_be_read)
{
    run_test([]() -> awaitable<void> {
        auto p =
            co_await create_subprocess(child("flood", "4K", "3").out(piped));
        EXPECT_EQ(co_await p.wait(), 3);
        EXPECT_EQ(co_await p.out().read(), pattern(4096));
    });
}

TEST_F(process, many_waits_complete_with_the_same_code)
{
    asio::io_context io;
    auto p = spawn_process(io, ends_when_told());
    std::vector<int> codes;
    const auto note = [&codes](brood::error_code ec, int code) {
        codes.push_back(ec ? -1000 : code);
    };
    for (int i = 0; i != 10; ++i)
        p.async_wait(note);
    EXPECT_EQ(io.poll(), 0u);
    p.in().close();
    io.restart();
    io.run();
    EXPECT_EQ(codes, std::vector<int>(10, 5));

    // Afterwards one turn of the loop is enough, for any number.
    for (int i = 0; i != 10; ++i)
        p.async_wait(note);
    EXPECT_EQ(codes.size(), 10u);
    io.restart();
    EXPECT_EQ(io.poll(), 10u);
    EXPECT_EQ(codes, std::vector<int>(20, 5));
}

TEST_F(process, a_wait_can_be_cancelled_alone)
{
    run_test([]() -> awaitable<void> {
        auto p =
            co_await create_subprocess(child("ready-then-pause").out(piped));
        auto undisturbed = co_await create_task(p.wait());
        for (int i = 0; i != 2; ++i) {
            auto cancelled = co_await create_task(p.wait());
            cancelled.cancel();
            try {
                co_await cancelled.join();
                ADD_FAILURE() << "the wait went on";
            } catch (const brood::system_error& error) {
                EXPECT_EQ(error.code(), asio::error::operation_aborted);
            }
        }
        EXPECT_EQ(co_await p.out().readline(), "ready\n");
        EXPECT_EQ(p.returncode(), std::nullopt);
        EXPECT_FALSE(undisturbed.done());
        EXPECT_TRUE(p.kill());
        EXPECT_EQ(co_await undisturbed.join(), -SIGKILL);
        EXPECT_EQ(co_await p.wait(), -SIGKILL);
    });
}

TEST_F(process, can_be_waited_for_again_after_the_only_wait_was_cancelled)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(ends_when_told());
        for (int i = 0; i != 3; ++i) {
            auto cancelled = co_await create_task(p.wait());
            cancelled.cancel();
            while (!cancelled.done())
                co_await sleep(0ms);
        }
        p.in().close();
        EXPECT_EQ(co_await p.wait(), 5);
    });
}

TEST_F(process, a_timeout_on_wait_leaves_the_child_alone)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(ends_when_told());
        for (const auto limit : {-1000ms, -1ms, 0ms, 1ms, 50ms}) {
            bool timed_out = false;
            try {
                co_await wait_for(p.wait(), limit);
            } catch (const brood::timeout_error&) {
                timed_out = true;
            }
            EXPECT_TRUE(timed_out);
            EXPECT_EQ(p.returncode(), std::nullopt);
        }
        p.in().close();
        EXPECT_EQ(co_await wait_for(p.wait(), std::chrono::years(300)), 5);
        EXPECT_EQ(co_await wait_for(p.wait(), patience), 5);
    });
}

void refuses_every_signal(brood::process& p)
{
    require(!p.send_signal(SIGTERM), "SIGTERM was sent");
    require(!p.send_signal(0), "signal 0 says that it runs");
    require(!p.terminate(), "terminate() claims to have ended it");
    require(!p.kill(), "kill() claims to have ended it");
}

TEST_F(process, signals_after_exit_are_refused_quietly)
{
    for (const bool with_pipes : {false, true}) {
        auto what = child("exit", "3");
        if (with_pipes)
            what.in(piped).out(piped).err(piped);
        asio::io_context io;
        auto p = spawn_process(io, what);
        // The loop does not run, so nobody has noticed the end.
        ASSERT_TRUE(wait_until([&] { return process_state(p.pid()) == 'Z'; }));
        EXPECT_NO_THROW(refuses_every_signal(p));
        EXPECT_EQ(process_state(p.pid()), 'Z') << "collected in passing";
        EXPECT_EQ(wait_on(io, p), 3);
        EXPECT_NO_THROW(refuses_every_signal(p));
        EXPECT_FALSE(process_exists(p.pid()));
    }
}

TEST_F(process, a_collected_pid_is_never_signalled)
{
    BROOD_IN_A_COPY([] {
        asio::io_context io;
        auto p = spawn_process(io, child("exit", "3").process_group());
        auto q = spawn_process(io, child("exit", "4"));
        require_equal(wait_on(io, p), 3);
        // Collected by poll() instead of the loop.
        require(wait_until([&q] { return q.poll().has_value(); }));
        refuse({{SYS_kill, deadly},
                {SYS_tkill, deadly},
                {SYS_tgkill, deadly},
                {SYS_pidfd_send_signal, deadly}});
        refuses_every_signal(p);
        refuses_every_signal(q);
        require(!p.send_signal(SIGTERM, brood::signal_target::group));
    });
}

TEST_F(process, refuses_what_is_no_signal)
{
    asio::io_context io;
    auto p = spawn_process(io, ends_when_told());
    for (const auto end : {false, true}) {
        for (const int number : {-1, 65, 1000})
            EXPECT_THROW(p.send_signal(number), std::invalid_argument);
        // It leads no group, so there is none that could be meant.
        EXPECT_THROW(p.send_signal(SIGTERM, brood::signal_target::group),
                     std::invalid_argument);
        if (end)
            break;
        EXPECT_TRUE(p.send_signal(0));
        p.in().close();
        EXPECT_EQ(wait_on(io, p), 5);
    }
}

TEST_F(process, a_signal_reaches_the_whole_group)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            child("fork-and-hold-then-pause").process_group().out(piped));
        const int grandchild = std::stoi(co_await p.out().readline());
        EXPECT_TRUE(process_is_alive(grandchild));
        EXPECT_TRUE(p.send_signal(SIGTERM, brood::signal_target::group));
        EXPECT_EQ(co_await p.out().read(), "");
        EXPECT_EQ(co_await p.wait(), -SIGTERM);
        EXPECT_TRUE(wait_until([&] { return !process_is_alive(grandchild); }));
    });
}

TEST_F(process, a_signal_racing_the_exit_never_spoils_the_code)
{
    asio::io_context io;
    std::map<int, int> seen;
    for (int i = 0; i != 200; ++i) {
        auto p = spawn_process(io, child("exit", "0"));
        if (i % 2)
            p.async_wait([](brood::error_code, int) {});
        p.send_signal(SIGTERM);
        ++seen[wait_on(io, p)];
        EXPECT_NE(p.status(), exit_status());
    }
    EXPECT_EQ(seen[0] + seen[-SIGTERM], 200);
}

TEST_F(process, poll_tells_the_state_without_blocking)
{
    asio::io_context io;
    auto p = spawn_process(io, ends_when_told());
    EXPECT_EQ(p.poll(), std::nullopt);
    p.in().close();
    EXPECT_TRUE(wait_until([&p] { return p.poll().has_value(); }));
    EXPECT_EQ(p.poll(), 5);
    EXPECT_EQ(p.status(), exit_status::exited(5));
    EXPECT_FALSE(process_exists(p.pid()));
    EXPECT_EQ(wait_on(io, p), 5);

    auto q = spawn_process(io, child("exit", "7"));
    EXPECT_EQ(wait_on(io, q), 7);
    EXPECT_EQ(q.poll(), 7);
}

TEST_F(process, poll_completes_the_waits_that_are_under_way)
{
    asio::io_context io;
    auto p = spawn_process(io, ends_when_told());
    std::vector<int> codes;
    p.async_wait([&codes](brood::error_code ec, int code) {
        codes.push_back(ec ? -1000 : code);
    });
    io.poll();
    p.in().close();
    EXPECT_TRUE(wait_until([&p] { return p.poll().has_value(); }));
    EXPECT_TRUE(codes.empty()) << "completed inside poll()";
    io.restart();
    io.run();
    EXPECT_EQ(codes, std::vector<int>(1, 5));
}

TEST_F(process, a_stopped_child_has_not_exited)
{
    run_test([]() -> awaitable<void> {
        for (const bool killed : {false, true}) {
            auto p = co_await create_subprocess(child("stop-self").out(piped));
            auto waiting = co_await create_task(p.wait());
            EXPECT_EQ(co_await p.out().readline(), "ready\n");
            EXPECT_TRUE(
                wait_until([&p] { return process_state(p.pid()) == 'T'; }));
            for (int turn = 0; turn != 10; ++turn)
                co_await sleep(1ms);
            EXPECT_FALSE(waiting.done());
            EXPECT_EQ(p.returncode(), std::nullopt);
            EXPECT_EQ(p.status(), std::nullopt);
            EXPECT_TRUE(p.send_signal(killed ? SIGKILL : SIGCONT));
            EXPECT_EQ(co_await waiting.join(), killed ? -SIGKILL : 3);
        }
    });
}

// What may be said of a child that ended with `code` and was collected by
// somebody else: a pidfd can still know, and from Linux 6.15 on it does.
// `for_sure`: the child was alive when its pidfd was opened.
void expect_code_or_unknown(brood::process& p, int returncode, int code,
                            bool for_sure = true)
{
    const bool known = p.status() == exit_status::exited(code);
    require_equal(returncode, known ? code : 255);
    require(known || p.status() == exit_status(), "another status");
    if (kernel_is_at_least(6, 15) && !watcher_has_no_pidfds() && for_sure)
        require(known, "the kernel knows the code");
    if (watcher_has_no_pidfds())
        require(!known, "without a pidfd nobody can know the code");
}

TEST_F(process, a_foreign_reap_gives_an_unknown_status)
{
    for (const bool noticed_by_poll : {false, true}) {
        asio::io_context io;
        auto p = spawn_process(io, ends_when_told());
        p.in().close();
        int status = 0;
        ASSERT_EQ(::waitpid(p.pid(), &status, 0), p.pid());
        EXPECT_NO_THROW(refuses_every_signal(p));
        if (noticed_by_poll) {
            EXPECT_TRUE(p.poll().has_value());
        }
        const int returncode = wait_on(io, p);
        EXPECT_NO_THROW(expect_code_or_unknown(p, returncode, 5));
        EXPECT_EQ(p.usage().has_value(), false);
        EXPECT_NO_THROW(refuses_every_signal(p));
    }
}

TEST_F(process, a_foreign_reap_ends_a_wait_that_is_under_way)
{
    asio::io_context io;
    auto p = spawn_process(io, ends_when_told());
    std::optional<int> code;
    p.async_wait([&code](brood::error_code, int got) { code = got; });
    io.poll();
    p.in().close();
    EXPECT_EQ(::waitpid(p.pid(), nullptr, 0), p.pid());
    io.restart();
    io.run();
    ASSERT_TRUE(code.has_value());
    EXPECT_NO_THROW(expect_code_or_unknown(p, *code, 5));
}

TEST_F(process, an_ignored_sigchld_does_not_hang_wait)
{
    for (const bool by_flag : {false, true}) {
        BROOD_IN_A_COPY([by_flag] {
            struct ::sigaction ignored{};
            ignored.sa_handler = by_flag ? SIG_DFL : SIG_IGN;
            ignored.sa_flags = by_flag ? SA_NOCLDWAIT : 0;
            must(::sigaction(SIGCHLD, &ignored, nullptr));
            const leak_check before;
            {
                asio::io_context io;
                auto p = spawn_process(io, ends_when_told());
                p.in().close();
                expect_code_or_unknown(p, wait_on(io, p), 5);
                // The child has gone before anybody waits.
                auto q = spawn_process(io, child("exit", "6"));
                require(wait_until([&] { return !process_exists(q.pid()); }));
                require(!q.kill(), "nobody is there to be killed");
                expect_code_or_unknown(q, wait_on(io, q), 6, false);
                // Not output_of: where there is no pidfd its code is unknown.
                const auto signals =
                    outcome_of(child("print-signals").out(piped)).out;
                require(signals.find("SigIgn:\t0000000000000000") !=
                            std::string::npos,
                        signals);
                require(spawn_failure_of(brood::exec("/none")).has_value());
                // Dropped while it runs: there is no zombie to collect.
                static_cast<void>(
                    spawn_process(io, child("ready-then-pause").out(piped)));
            }
            require_clean(before);
        });
    }
}

TEST_F(process, moves_while_it_is_waited_for)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(child("cat").in(piped).out(piped));
        auto& in = p.in();
        auto& out = p.out();
        auto waiting = p.wait();
        auto reading = out.readline();
        auto q = std::move(p);
        EXPECT_TRUE(in.write("through\n"));
        EXPECT_EQ(co_await std::move(reading), "through\n");
        brood::process r = co_await create_subprocess(child("exit", "0"));
        r = std::move(q);
        EXPECT_EQ(&r.in(), &in);
        in.close();
        EXPECT_EQ(co_await std::move(waiting), 0);
        EXPECT_EQ(r.returncode(), 0);
        EXPECT_THROW(p.pid(), std::logic_error);
    });
}

// What is said about a handle on nothing.
std::string complaint_about(const brood::process& p)
{
    try {
        static_cast<void>(p.pid());
    } catch (const std::logic_error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST_F(process, an_empty_handle_says_how_it_became_one)
{
    const std::string wanted = "brood: this process handle is empty: it was "
                               "moved from, or made without a process";
    EXPECT_EQ(complaint_about(brood::process()), wanted);
    asio::io_context io;
    auto p = spawn_process(io, child("exit", "0"));
    auto q = std::move(p);
    EXPECT_EQ(complaint_about(p), wanted);
    EXPECT_EQ(wait_on(io, q), 0);
}

TEST_F(process, a_wait_under_way_outlives_the_handle)
{
    run_test([]() -> awaitable<void> {
        auto p =
            std::make_optional(co_await create_subprocess(ends_when_told()));
        auto started = co_await create_task(p->wait());
        auto late = p->wait();
        p.reset();
        EXPECT_EQ(co_await started.join(), -SIGKILL);
        EXPECT_EQ(co_await std::move(late), -SIGKILL);
    });
}

TEST_F(process, has_a_pid_and_no_streams_it_did_not_ask_for)
{
    asio::io_context io;
    auto p = spawn_process(io, child("exit", "0"));
    EXPECT_FALSE(p.has_in() || p.has_out() || p.has_err());
    EXPECT_THROW(p.in(), std::logic_error);
    EXPECT_THROW(p.out(), std::logic_error);
    EXPECT_THROW(p.err(), std::logic_error);
    EXPECT_THROW(p.reader(3), std::logic_error);
    EXPECT_THROW(p.writer(3), std::logic_error);
    EXPECT_EQ(wait_on(io, p), 0);

    run_test([]() -> awaitable<void> {
        auto q = co_await create_subprocess(child("print-session").out(piped));
        EXPECT_FALSE(q.has_in() || q.has_err());
        EXPECT_TRUE(q.has_out());
        EXPECT_THROW(q.writer(1), std::logic_error);
        EXPECT_GT(q.pid(), 0);
        EXPECT_EQ(co_await q.out().readline(),
                  "pid " + std::to_string(q.pid()) + "\n");
        EXPECT_EQ(co_await q.wait(), 0);
    });
}

TEST_F(process, usage_is_known_after_exit)
{
    asio::io_context io;
    auto p = spawn_process(
        io, shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; cat")
                .in(piped));
    EXPECT_FALSE(p.usage().has_value());
    p.in().close();
    EXPECT_EQ(wait_on(io, p), 0);
    const auto used = p.usage();
    ASSERT_TRUE(used.has_value());
    EXPECT_GT((used->user_time + used->system_time).count(), 0);
    EXPECT_GT(used->max_resident_bytes, 100'000u);
    EXPECT_GT(used->minor_faults, 0u);
}

// The kernel adds what each child used to what all have used.
TEST_F(process, usage_has_what_the_kernel_counted)
{
    temp_dir dir;
    asio::io_context io;
    // It adds before it reports, and a dead child's last switch, to another
    // process, may come in between: seldom, so another child shows it.
    bool same_switches = false;
    std::uint64_t blocks_written = 0;
    for (int tries = 0; tries != 10 && !same_switches; ++tries) {
        rusage before{};
        ASSERT_EQ(::getrusage(RUSAGE_CHILDREN, &before), 0);
        auto p = spawn_process(
            io, brood::exec("sh", "-c", "head -c 1000000 /dev/zero >\"$0\"",
                            (dir / "f").string()));
        EXPECT_EQ(wait_on(io, p), 0);
        rusage after{};
        ASSERT_EQ(::getrusage(RUSAGE_CHILDREN, &after), 0);
        const auto used = p.usage();
        ASSERT_TRUE(used.has_value());
        const auto counted = [&](long rusage::* which) {
            return static_cast<std::uint64_t>(after.*which - before.*which);
        };
        EXPECT_EQ(used->minor_faults, counted(&rusage::ru_minflt));
        EXPECT_EQ(used->major_faults, counted(&rusage::ru_majflt));
        EXPECT_EQ(used->blocks_read, counted(&rusage::ru_inblock));
        EXPECT_EQ(used->blocks_written, counted(&rusage::ru_oublock));
        same_switches =
            used->voluntary_switches == counted(&rusage::ru_nvcsw) &&
            used->involuntary_switches == counted(&rusage::ru_nivcsw);
        blocks_written = used->blocks_written;
    }
    EXPECT_TRUE(same_switches);
    if (blocks_written == 0)
        GTEST_SKIP() << "what is written to " << dir.path()
                     << " goes to no device";
}

}  // namespace
