// adoption.cpp: processes that somebody else has started.
#include "support/async_test.hpp"
#include "support/descriptors.hpp"
#include "support/process_test.hpp"
#include "support/refused_calls.hpp"
#include "support/tracer.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace brood;
using namespace brood_test;
using namespace std::chrono_literals;

using adoption = process_test;

// A brood-child that the test starts without brood, and does not collect. It
// ends with code 5 when told to finish.
class foreigner {
public:
    foreigner()
    {
        int ends[2];
        must(::pipe2(ends, O_CLOEXEC));
        const test_fd read_end(ends[0]);
        input_.emplace(ends[1]);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, read_end, 0);
        auto program = child_path();
        std::string mode = "close-stdout-then-wait-stdin";
        std::array<char*, 3> argv{program.data(), mode.data(), nullptr};
        const int error = ::posix_spawn(&pid_, program.c_str(), &actions,
                                        nullptr, argv.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        require_equal(error, 0);
    }

    int pid() const { return pid_; }
    void finish() { input_.reset(); }

private:
    pid_t pid_ = -1;
    std::optional<test_fd> input_;
};

int forked(int code)
{
    const pid_t pid = must(::fork());
    if (pid == 0)
        ::_exit(code);
    return pid;
}

test_fd pidfd_of(int pid)
{
    return test_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

// Whether the system still knows the end of a process that somebody else has
// collected.
bool kernel_remembers()
{
    utsname about{};
    ::uname(&about);
    int major = 0;
    int minor = 0;
    std::sscanf(about.release, "%d.%d", &major, &minor);
    return major > 6 || (major == 6 && minor >= 15);
}

bool has_pidfds()
{
    const long fd = ::syscall(SYS_pidfd_open, ::getpid(), 0);
    if (fd >= 0)
        ::close(static_cast<int>(fd));
    return fd >= 0;
}

// A child of ours with a child of its own, which is a brood-child in `mode`
// and reads what the writer of descriptor 3 sends. The parent collects it and
// ends in the same way, or never does.
class family {
public:
    family(asio::io_context& io, bool is_collected, const std::string& mode)
        : parent_(spawn_process(
              io, exec("/bin/sh", "-c",
                       "\"$0\" \"$1\" <&3 >/dev/null & echo $!; exec 3<&-; " +
                           std::string(is_collected
                                           ? "wait $!; exit $?"
                                           : "exec \"$0\" ready-then-pause"),
                       child_path(), mode)
                      .out(piped)
                      .child_fd(3, piped_in)))
    {
        grandchild_ = std::stoi(line_of(io, parent_));
        // From then on it is no shell, which might collect its jobs.
        if (!is_collected)
            require_equal(line_of(io, parent_), "ready\n");
    }

    explicit family(asio::io_context& io)
        : family(io, false, "close-stdout-then-wait-stdin")
    {
    }

    int grandchild() const { return grandchild_; }
    process& parent() { return parent_; }
    void finish() { parent_.writer(3).close(); }

private:
    process parent_;
    int grandchild_ = -1;
};

std::string refusal(const std::function<void()>& adopt)
{
    try {
        adopt();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "it was not refused";
}

described_error failure(const std::function<void()>& adopt)
{
    try {
        adopt();
    } catch (const described_error& error) {
        return error;
    }
    return described_error(error_code(), "it did not fail");
}

TEST_F(adoption, collects_a_child_of_ours_with_its_full_status)
{
    asio::io_context io;
    foreigner started;
    auto p = adopt_process(io, started.pid());
    EXPECT_EQ(p.pid(), started.pid());
    EXPECT_EQ(p.poll(), std::nullopt);
    EXPECT_FALSE(p.has_in() || p.has_out() || p.has_err());
    EXPECT_THROW(p.out(), std::logic_error);
    started.finish();
    EXPECT_EQ(wait_on(io, p), 5);
    EXPECT_EQ(p.status(), exit_status::exited(5));
    EXPECT_TRUE(p.usage());
    EXPECT_FALSE(process_exists(started.pid()));
    EXPECT_FALSE(p.kill());
}

TEST_F(adoption, collects_a_child_that_has_ended_before)
{
    asio::io_context io;
    const int pid = forked(7);
    // Not by its state: a sanitizer's thread may end after the main one.
    siginfo_t ended;
    ASSERT_EQ(
        ::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT), 0);
    auto p = adopt_process(io, pid);
    EXPECT_EQ(p.poll(), 7);
    EXPECT_EQ(wait_on(io, p), 7);
    EXPECT_FALSE(process_exists(pid));
}

TEST_F(adoption, signals_a_child_of_ours)
{
    asio::io_context io;
    const foreigner started;
    auto p = adopt_process(io, started.pid());
    EXPECT_THROW(p.send_signal(SIGTERM, signal_target::group),
                 std::invalid_argument);
    EXPECT_TRUE(p.terminate());
    EXPECT_EQ(wait_on(io, p), -SIGTERM);
    EXPECT_EQ(p.status(), exit_status::signaled(SIGTERM, false));
    EXPECT_FALSE(p.terminate());
}

TEST_F(adoption, takes_a_pidfd_and_leaves_it_to_the_caller)
{
    if (!has_pidfds())
        GTEST_SKIP() << "no pidfds here";
    asio::io_context io;
    foreigner started;
    const auto fd = pidfd_of(started.pid());
    {
        auto p = adopt_process(io, pidfd(fd));
        EXPECT_EQ(p.pid(), started.pid());
        started.finish();
        EXPECT_EQ(wait_on(io, p), 5);
        EXPECT_TRUE(p.usage());
    }
    EXPECT_GE(::fcntl(fd, F_GETFD), 0);
    // It was collected; what the pidfd remembers is still to be had.
    auto again = adopt_process(io, pidfd(fd));
    EXPECT_EQ(again.pid(), -1);
    EXPECT_FALSE(again.kill());
    EXPECT_EQ(wait_on(io, again), kernel_remembers() ? 5 : 255);
    EXPECT_FALSE(again.usage());
}

TEST_F(adoption, dropping_kills_nothing_and_leaves_no_zombie)
{
    foreigner started;
    {
        asio::io_context io;
        const auto p = adopt_process(io, started.pid());
    }
    EXPECT_TRUE(process_is_alive(started.pid()));
    started.finish();
    EXPECT_TRUE(wait_until([&] { return !process_exists(started.pid()); }));
}

TEST_F(adoption, a_handle_that_outlives_its_loop_kills_nothing)
{
    foreigner started;
    std::optional<asio::io_context> io(std::in_place);
    auto p = adopt_process(*io, started.pid());
    io.reset();
    EXPECT_TRUE(process_is_alive(started.pid()));
    started.finish();
    EXPECT_TRUE(wait_until([&] { return !process_exists(started.pid()); }));
}

TEST_F(adoption, waits_for_a_grandchild_and_never_collects_it)
{
    if (!has_pidfds())
        GTEST_SKIP() << "no pidfds here";
    asio::io_context io;
    family kin(io);
    auto p = adopt_process(io, kin.grandchild());
    EXPECT_EQ(p.pid(), kin.grandchild());
    EXPECT_EQ(p.poll(), std::nullopt);
    EXPECT_EQ(p.status(), std::nullopt);
    EXPECT_TRUE(p.send_signal(0));
    EXPECT_TRUE(p.kill());
    EXPECT_EQ(wait_on(io, p), -SIGKILL);
    EXPECT_EQ(p.status(), exit_status::signaled(SIGKILL, false));
    EXPECT_FALSE(p.usage());
    EXPECT_FALSE(p.kill());
    // Its parent pauses, and has not collected it.
    EXPECT_EQ(process_state(kin.grandchild()), 'Z');
}

TEST_F(adoption, tells_how_a_stranger_ended_that_nobody_has_collected)
{
    if (!has_pidfds())
        GTEST_SKIP() << "no pidfds here";
    asio::io_context io;
    family kin(io);
    auto p = adopt_process(io, kin.grandchild());
    kin.finish();
    EXPECT_EQ(wait_on(io, p), 5);
    EXPECT_EQ(p.status(), exit_status::exited(5));
    // Nought is also what is shown to those who may not know.
    family other(io, false, "cat");
    auto q = adopt_process(io, other.grandchild());
    other.finish();
    EXPECT_EQ(wait_on(io, q), 0);
    EXPECT_EQ(q.status(), exit_status::exited(0));
}

TEST_F(adoption, tells_how_a_stranger_ended_that_its_parent_has_collected)
{
    if (!has_pidfds())
        GTEST_SKIP() << "no pidfds here";
    asio::io_context io;
    family kin(io, true, "close-stdout-then-wait-stdin");
    auto p = adopt_process(io, kin.grandchild());
    auto by_pidfd = adopt_process(io, pidfd(pidfd_of(kin.grandchild())));
    EXPECT_EQ(by_pidfd.pid(), kin.grandchild());
    kin.finish();
    EXPECT_EQ(wait_on(io, kin.parent()), 5);
    EXPECT_FALSE(process_exists(kin.grandchild()));
    EXPECT_FALSE(p.kill());
    const auto known =
        kernel_remembers() ? exit_status::exited(5) : exit_status();
    EXPECT_EQ(p.poll(), known.returncode());
    EXPECT_EQ(p.status(), known);
    EXPECT_EQ(wait_on(io, by_pidfd), known.returncode());
    EXPECT_EQ(by_pidfd.status(), known);
}

TEST_F(adoption, a_cancelled_wait_for_a_stranger_can_be_made_again)
{
    if (!has_pidfds())
        GTEST_SKIP() << "no pidfds here";
    asio::io_context io;
    family kin(io);
    auto p = adopt_process(io, kin.grandchild());
    for (int handlers = 0; handlers != 5; ++handlers) {
        EXPECT_EQ(cancelled_between(io, handlers, p.wait()), std::nullopt);
        EXPECT_TRUE(process_is_alive(kin.grandchild()));
    }
    EXPECT_TRUE(p.kill());
    EXPECT_EQ(wait_on(io, p), -SIGKILL);
}

TEST_F(adoption, dropping_a_stranger_leaves_it_alone)
{
    if (!has_pidfds())
        GTEST_SKIP() << "no pidfds here";
    asio::io_context io;
    family kin(io);
    const auto threads_before = thread_count();
    {
        auto p = adopt_process(io, kin.grandchild());
        // Also one that is being waited for.
        EXPECT_EQ(cancelled_between(io, 1, p.wait()), std::nullopt);
    }
    EXPECT_EQ(thread_count(), threads_before);
    EXPECT_TRUE(process_is_alive(kin.grandchild()));
    EXPECT_TRUE(adopt_process(io, kin.grandchild()).kill());
    EXPECT_TRUE(
        wait_until([&] { return !process_is_alive(kin.grandchild()); }));
}

TEST_F(adoption, refuses_what_can_never_be_adopted)
{
    asio::io_context io;
    for (const int pid : {0, -1, -4711}) {
        EXPECT_EQ(refusal([&] { auto p = adopt_process(io, pid); }),
                  "brood: adopt_process(" + std::to_string(pid) +
                      "): a pid is positive");
    }
    const auto self = std::to_string(::getpid());
    EXPECT_EQ(refusal([&] { auto p = adopt_process(io, ::getpid()); }),
              "brood: adopt_process(" + self +
                  "): this process cannot wait for its own end");
    const test_fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(refusal([&] { auto p = adopt_process(io, pidfd(null)); }),
              "brood: adopt_process(pidfd(" + std::to_string(null) +
                  ")): this descriptor is no pidfd");
    if (has_pidfds()) {
        const auto own = pidfd_of(::getpid());
        EXPECT_EQ(refusal([&] { auto p = adopt_process(io, pidfd(own)); }),
                  "brood: adopt_process(pidfd(" + std::to_string(own) +
                      ")): this process cannot wait for its own end");
    }
}

TEST_F(adoption, says_that_there_is_no_such_process)
{
    asio::io_context io;
    const int pid = forked(0);
    ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
    const auto nobody = failure([&] { auto p = adopt_process(io, pid); });
    EXPECT_EQ(nobody.code(), system_error_code(ESRCH));
    EXPECT_EQ(std::string(nobody.what()),
              "adopting process " + std::to_string(pid) + ": No such process");
    const auto closed = failure([&] { auto p = adopt_process(io, pidfd(-1)); });
    EXPECT_EQ(closed.code(), system_error_code(EBADF));
    EXPECT_EQ(std::string(closed.what()),
              "adopting the process of pidfd -1: Bad file descriptor");
}

TEST_F(adoption, without_pidfds_only_children_can_be_adopted)
{
    for (const int error : {ENOSYS, EPERM, EINVAL, EMFILE}) {
        BROOD_IN_A_COPY([error] {
            refuse({{SYS_pidfd_open, error}});
            asio::io_context io;
            foreigner started;
            auto p = adopt_process(io, started.pid());
            started.finish();
            require_equal(wait_on(io, p), 5);
            // The process that this one is a copy of.
            const int stranger = ::getppid();
            const auto refused =
                failure([&] { auto q = adopt_process(io, stranger); });
            require_equal(refused.code().value(), error);
            const std::string wanted =
                "adopting process " + std::to_string(stranger) +
                ": it is no child of this process, and without a pidfd it "
                "could not be told from a later one of the same number: " +
                std::strerror(error);
            require_equal(std::string(refused.what()), wanted);
        });
    }
}

// A stop is no end, nor is an end that only the tracer knows yet.
void is_traced_to_the_end(bool ours)
{
    asio::io_context io;
    foreigner started;
    std::optional<family> kin;
    if (!ours)
        kin.emplace(io);
    const int pid = ours ? started.pid() : kin->grandchild();
    auto p = adopt_process(io, pid);
    tracer debugger(pid);
    std::optional<int> code;
    p.async_wait([&code](error_code, int got) { code = got; });
    require(debugger.interrupt(), "cannot interrupt");
    io.restart();
    io.run_for(50ms);
    require(!code && !p.poll(), "a stop by the tracer was taken for the end");
    require(debugger.go_on(), "cannot continue");
    if (ours) {
        started.finish();
        require(wait_until([&] { return process_state(pid) == 'Z'; }));
        io.restart();
        io.run_for(50ms);
        require(!code, "an end that cannot be collected yet was reported");
    } else {
        require(p.kill());
    }
    debugger.let_go();
    io.restart();
    io.run();
    require_equal(code.value_or(-1000), ours ? 5 : -SIGKILL);
    if (!ours) {
        auto own = adopt_process(io, started.pid());
        started.finish();
        require_equal(wait_on(io, own), 5);
    }
}

TEST_F(adoption, a_stop_by_a_tracer_is_not_an_end)
{
    try {
        is_traced_to_the_end(true);
        if (has_pidfds())
            is_traced_to_the_end(false);
    } catch (const cannot_be_tested& why) {
        GTEST_SKIP() << why.what();
    } catch (const requirement_failed& failed) {
        FAIL() << failed.what();
    }
}

}  // namespace
