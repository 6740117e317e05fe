// child_signal.cpp: what the SIGCHLD watcher does to the process, and what it
// leaves alone: the application's handler, its children, its choices.
#include "support/descriptors.hpp"
#include "support/process_test.hpp"
#include "support/refused_calls.hpp"

#include "os/posix/child_signal.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <utility>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using namespace brood_test;
using brood::child_watcher;
using brood::spawn_process;
using brood::use_child_watcher;
using brood::os::child_signal;

using sigchld = process_test;

// What the handlers of the application, which are below, have seen.
std::atomic<int> calls = 0;
std::atomic<int> stops = 0;
std::atomic<int> last_pid = 0;
struct ::sigaction chained{};

extern "C" void application_handler(int signal)
{
    if (signal == SIGCHLD)
        ++calls;
}

extern "C" void careless_handler(int)
{
    ++calls;
    errno = EXDEV;
}

extern "C" void application_handler_with_info(int, siginfo_t* info, void*)
{
    ++calls;
    if (info->si_code == CLD_STOPPED)
        ++stops;
    last_pid = info->si_pid;
}

// One that was set after ours, and is polite.
extern "C" void chaining_handler(int signal, siginfo_t* info, void* context)
{
    ++calls;
    if (chained.sa_flags & SA_SIGINFO)
        chained.sa_sigaction(signal, info, context);
}

struct ::sigaction action_of(void (*handler)(int), int flags = 0)
{
    struct ::sigaction action{};
    action.sa_handler = handler;
    action.sa_flags = flags;
    return action;
}

struct ::sigaction action_of(void (*handler)(int, siginfo_t*, void*),
                             int flags = 0)
{
    struct ::sigaction action{};
    action.sa_sigaction = handler;
    action.sa_flags = flags | SA_SIGINFO;
    return action;
}

struct ::sigaction current_action()
{
    struct ::sigaction now{};
    ::sigaction(SIGCHLD, nullptr, &now);
    return now;
}

// The application's own action for SIGCHLD, as long as this lives.
class application {
public:
    explicit application(const struct ::sigaction& action)
    {
        calls = 0;
        stops = 0;
        last_pid = 0;
        must(::sigaction(SIGCHLD, &action, &before_));
        asked_ = current_action();
    }
    ~application() { ::sigaction(SIGCHLD, &before_, nullptr); }
    application(const application&) = delete;
    application& operator=(const application&) = delete;

    bool is_in_force() const
    {
        const auto now = current_action();
        return now.sa_handler == asked_.sa_handler &&
               now.sa_flags == asked_.sa_flags &&
               ::sigismember(&now.sa_mask, SIGUSR1) ==
                   ::sigismember(&asked_.sa_mask, SIGUSR1);
    }

private:
    struct ::sigaction before_{};
    struct ::sigaction asked_{};
};

// A loop that listens to SIGCHLD, and a child that it waits for.
class listening {
public:
    explicit listening(brood::command what = ends_when_told())
    {
        use_child_watcher(io_, child_watcher::sigchld);
        process_.emplace(spawn_process(io_, std::move(what)));
        process_->async_wait([this](brood::error_code ec, int code) {
            if (!ec)
                code_ = code;
        });
        io_.poll();
    }
    listening(const listening&) = delete;
    listening& operator=(const listening&) = delete;

    brood::process& process() { return *process_; }
    std::optional<int> code() const { return code_; }
    int ends()
    {
        process_->in().close();
        return runs();
    }
    int runs()
    {
        io_.restart();
        io_.run();
        return code_.value_or(-1000);
    }

private:
    asio::io_context io_;
    std::optional<brood::process> process_;
    std::optional<int> code_;
};

bool is_readable(int number, int patience_in_milliseconds)
{
    pollfd asked{number, POLLIN, 0};
    int ready = 0;
    do
        ready = ::poll(&asked, 1, patience_in_milliseconds);
    while (ready < 0 && errno == EINTR);
    return ready == 1;
}

int forked(int code)
{
    const pid_t pid = must(::fork());
    if (pid == 0)
        ::_exit(code);
    return pid;
}

int exit_code_of(int pid)
{
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr int long_enough = 60'000;

TEST_F(sigchld, every_listener_hears_it)
{
    child_signal first;
    child_signal second;
    ASSERT_EQ(first.listen(), 0);
    ASSERT_EQ(second.listen(), 0);
    EXPECT_FALSE(is_readable(first.number(), 0));
    for (int i = 0; i != 3; ++i) {
        const int pid = forked(4);
        EXPECT_TRUE(is_readable(first.number(), long_enough));
        EXPECT_TRUE(is_readable(second.number(), long_enough));
        first.take();
        second.take();
        EXPECT_FALSE(is_readable(first.number(), 0));
        EXPECT_EQ(exit_code_of(pid), 4);
    }
    first.cancel();
    EXPECT_FALSE(first.is_listening());
    EXPECT_TRUE(second.is_listening());
    const int pid = forked(5);
    EXPECT_TRUE(is_readable(second.number(), long_enough));
    EXPECT_EQ(exit_code_of(pid), 5);
    second.cancel();
    EXPECT_EQ(current_action().sa_handler, SIG_DFL);
}

TEST_F(sigchld, the_handler_leaves_errno_alone)
{
    child_signal heard;
    ASSERT_EQ(heard.listen(), 0);
    errno = ENOTTY;
    ::raise(SIGCHLD);
    EXPECT_EQ(errno, ENOTTY);
    EXPECT_TRUE(is_readable(heard.number(), 0));
    heard.cancel();

    // Whatever the one before does to it.
    const application before(action_of(careless_handler));
    ASSERT_EQ(heard.listen(), 0);
    errno = ENOTTY;
    ::raise(SIGCHLD);
    EXPECT_EQ(errno, ENOTTY);
    EXPECT_EQ(calls, 1);
    heard.cancel();
}

// Where nobody had a handler, nobody expects an interruption.
TEST_F(sigchld, the_handler_disturbs_as_little_as_it_can)
{
    child_signal heard;
    ASSERT_EQ(heard.listen(), 0);
    constexpr int wanted = SA_RESTART | SA_NOCLDSTOP | SA_ONSTACK;
    EXPECT_EQ(current_action().sa_flags & wanted, wanted);
    EXPECT_EQ(current_action().sa_flags &
                  static_cast<int>(SA_NODEFER | SA_RESETHAND | SA_NOCLDWAIT),
              0);
}

TEST_F(sigchld, the_handler_of_the_application_is_called_and_put_back)
{
    auto masked = action_of(application_handler, SA_NODEFER);
    ::sigaddset(&masked.sa_mask, SIGUSR1);
    for (const auto& action :
         {action_of(application_handler), masked,
          action_of(application_handler, SA_RESTART | SA_NOCLDSTOP),
          action_of(application_handler_with_info),
          action_of(application_handler_with_info, SA_RESTART)}) {
        const application before(action);
        listening loop;
        EXPECT_FALSE(before.is_in_force());
        // While ours is there, it interrupts, and blocks, as much as theirs.
        const auto ours = current_action();
        constexpr int alike = SA_RESTART | SA_NOCLDSTOP | SA_NODEFER;
        EXPECT_EQ(ours.sa_flags & alike, action.sa_flags & alike);
        EXPECT_EQ(::sigismember(&ours.sa_mask, SIGUSR1),
                  ::sigismember(&action.sa_mask, SIGUSR1));
        const int pid = loop.process().pid();
        EXPECT_EQ(loop.ends(), 5);
        EXPECT_TRUE(wait_until([] { return calls >= 1; }));
        if (action.sa_flags & SA_SIGINFO) {
            EXPECT_EQ(last_pid, pid);
        }
        EXPECT_TRUE(before.is_in_force());
    }
}

TEST_F(sigchld, a_handler_that_wants_to_hear_of_stops_hears_of_them)
{
    for (const bool wants : {true, false}) {
        const application before(
            action_of(application_handler_with_info, wants ? 0 : SA_NOCLDSTOP));
        listening loop(child("stop-self").out(brood::devnull));
        const int pid = loop.process().pid();
        ASSERT_TRUE(wait_until([pid] { return process_state(pid) == 'T'; }));
        if (wants) {
            EXPECT_TRUE(wait_until([] { return stops == 1; }));
        }
        EXPECT_FALSE(loop.code());
        loop.process().send_signal(SIGCONT);
        EXPECT_EQ(loop.runs(), 3);
        EXPECT_EQ(stops, wants ? 1 : 0);
    }
}

TEST_F(sigchld, a_handler_for_one_time_is_called_once)
{
    const application before(
        action_of(application_handler, static_cast<int>(SA_RESETHAND)));
    {
        listening first;
        listening second;
        EXPECT_EQ(first.ends(), 5);
        EXPECT_EQ(second.ends(), 5);
    }
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(current_action().sa_handler, SIG_DFL);
}

TEST_F(sigchld, children_of_the_application_are_left_to_it)
{
    listening loop;
    const int before = forked(9);
    ASSERT_TRUE(wait_until([before] { return process_state(before) == 'Z'; }));
    const int beside = forked(8);
    EXPECT_EQ(loop.ends(), 5);
    EXPECT_EQ(exit_code_of(before), 9);
    EXPECT_EQ(exit_code_of(beside), 8);
}

TEST_F(sigchld, signals_of_others_are_not_taken_for_an_end)
{
    asio::io_context io;
    use_child_watcher(io, child_watcher::sigchld);
    auto p = spawn_process(io, ends_when_told());
    std::optional<int> code;
    p.async_wait([&code](brood::error_code, int got) { code = got; });
    for (int i = 0; i != 100; ++i) {
        ::raise(SIGCHLD);
        io.poll();
    }
    EXPECT_FALSE(code);
    EXPECT_TRUE(process_is_alive(p.pid()));
    p.in().close();
    io.restart();
    io.run();
    EXPECT_EQ(code, 5);
}

TEST_F(sigchld, cannot_be_chosen_where_it_is_ignored)
{
    for (const auto& action :
         {action_of(SIG_IGN), action_of(SIG_DFL, SA_NOCLDWAIT),
          action_of(application_handler, SA_NOCLDWAIT)}) {
        const application before(action);
        asio::io_context io;
        use_child_watcher(io, child_watcher::threaded);
        try {
            use_child_watcher(io, child_watcher::sigchld);
            ADD_FAILURE() << "it was taken";
        } catch (const brood::system_error& error) {
            EXPECT_EQ(error.code(), brood::errc::sigchld_ignored);
            EXPECT_STREQ(
                error.what(),
                "brood: child_watcher::sigchld: this process ignores SIGCHLD "
                "(SIG_IGN or SA_NOCLDWAIT), and a handler would end that for "
                "its other children, too; give it SIG_DFL or a handler "
                "first, or choose another watcher: SIGCHLD is ignored");
        }
        EXPECT_TRUE(before.is_in_force());
        EXPECT_EQ(brood::child_watcher_of(io), child_watcher::threaded);
    }
}

TEST_F(sigchld, a_signal_that_is_ignored_later_stays_so)
{
    asio::io_context io;
    use_child_watcher(io, child_watcher::sigchld);
    const application before(action_of(SIG_IGN));
    auto p = spawn_process(io, ends_when_told());
    p.in().close();
    EXPECT_EQ(wait_on(io, p), 255);
    EXPECT_EQ(p.status(), brood::exit_status());
    EXPECT_TRUE(before.is_in_force());
}

TEST_F(sigchld, a_signal_that_is_ignored_during_a_wait_does_not_hang_it)
{
    listening loop;
    {
        const application before(action_of(SIG_IGN));
        EXPECT_EQ(loop.ends(), 255);
        EXPECT_TRUE(before.is_in_force());
    }
    // The guard has put back the handler that it found: ours.
    EXPECT_NE(current_action().sa_handler, SIG_DFL);
    // It is taken for what it is, and goes with the next who listens.
    listening again;
    EXPECT_EQ(again.ends(), 5);
    EXPECT_EQ(current_action().sa_handler, SIG_DFL);
}

TEST_F(sigchld, a_handler_that_is_set_meanwhile_is_never_replaced)
{
    const auto original = current_action();
    listening first;
    const auto ours = current_action();
    const auto theirs = action_of(application_handler);
    calls = 0;
    ::sigaction(SIGCHLD, &theirs, nullptr);
    // It does not call ours: the child's end is noticed all the same.
    EXPECT_EQ(first.ends(), 5);
    EXPECT_TRUE(wait_until([] { return calls >= 1; }));
    EXPECT_EQ(current_action().sa_handler, &application_handler);
    // Put back by who has replaced it, ours is found again.
    ::sigaction(SIGCHLD, &ours, nullptr);
    listening second;
    EXPECT_EQ(current_action().sa_sigaction, ours.sa_sigaction);
    EXPECT_EQ(second.ends(), 5);
    EXPECT_EQ(current_action().sa_handler, original.sa_handler);
}

TEST_F(sigchld, a_handler_that_calls_ours_is_not_called_by_ours_for_ever)
{
    const auto original = current_action();
    {
        listening first;
        // Now ours is known to somebody who will go on calling it.
        const auto theirs = action_of(chaining_handler);
        ::sigaction(SIGCHLD, &theirs, &chained);
        EXPECT_EQ(first.ends(), 5);
    }
    EXPECT_EQ(current_action().sa_sigaction, &chaining_handler);
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i != 20; ++i) {
        calls = 0;
        listening next;
        EXPECT_NE(current_action().sa_sigaction, &chaining_handler);
        EXPECT_EQ(next.ends(), 5);
        EXPECT_TRUE(wait_until([] { return calls == 1; }));
        EXPECT_EQ(current_action().sa_sigaction, &chaining_handler);
    }
    // By the signal, not by the round of each second.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    // In the end who came later takes back what it found.
    ::sigaction(SIGCHLD, &chained, nullptr);
    EXPECT_EQ(listening().ends(), 5);
    EXPECT_EQ(current_action().sa_handler, original.sa_handler);
}

TEST_F(sigchld, a_handler_that_is_replaced_too_often_gives_way_to_a_thread)
{
    BROOD_IN_A_COPY([] {
        const auto theirs = action_of(application_handler);
        for (int i = 0; i != 4; ++i) {
            const listening loop;
            ::sigaction(SIGCHLD, &theirs, nullptr);
        }
        child_signal none;
        require_equal(none.listen(), EBUSY);
        require_equal(listening().ends(), 5);
        require(current_action().sa_handler == &application_handler);
    });
}

// As an asio::signal_set does when it goes.
TEST_F(sigchld, a_handler_that_is_taken_away_comes_back_any_number_of_times)
{
    BROOD_IN_A_COPY([] {
        const auto nothing = action_of(SIG_DFL);
        for (int i = 0; i != 10; ++i) {
            child_signal heard;
            require_equal(heard.listen(), 0);
            ::raise(SIGCHLD);
            require(is_readable(heard.number(), 0));
            ::sigaction(SIGCHLD, &nothing, nullptr);
        }
    });
}

TEST_F(sigchld, a_signal_that_is_blocked_is_not_waited_for)
{
    listening loop;
    sigset_t blocked;
    sigset_t before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGCHLD);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    EXPECT_EQ(loop.ends(), 5);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// One that the C library does not know of, as the children of other libraries
// may be before exec. The descriptors may be something else there.
TEST_F(sigchld, the_handler_writes_nothing_in_a_copy_made_without_fork)
{
    if (thread_sanitizer)
        GTEST_SKIP() << "its runtime does not survive such a copy";
    child_signal heard;
    ASSERT_EQ(heard.listen(), 0);
    int ends[2];
    must(::pipe2(ends, O_CLOEXEC));
    const test_fd read_end(ends[0]);
    test_fd write_end(ends[1]);
    const long copy = ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (copy == 0) {
        ::raise(SIGCHLD);
        static_cast<void>(::write(write_end, "x", 1));
        for (;;)
            ::pause();
    }
    char byte = 0;
    EXPECT_EQ(::read(read_end, &byte, 1), 1);
    EXPECT_FALSE(is_readable(heard.number(), 0));
    ::kill(static_cast<int>(copy), SIGKILL);
    EXPECT_EQ(exit_code_of(static_cast<int>(copy)), -1);
    EXPECT_TRUE(is_readable(heard.number(), 0));
}

// The handler is inherited; what it would write to is the parent's.
TEST_F(sigchld, a_copy_of_the_process_has_the_application_s_action)
{
    const application before(action_of(application_handler_with_info));
    child_signal heard;
    ASSERT_EQ(heard.listen(), 0);
    const int number = heard.number();
    BROOD_IN_A_COPY([&] {
        require(before.is_in_force(), "the parent's handler");
        require(!heard.is_listening(), "it listens in the parent");
        // Another loop takes the place that the parent's had.
        child_signal own;
        require_equal(own.listen(), 0);
        heard.cancel();
        require_equal(::close(number), -1);
        calls = 0;
        ::raise(SIGCHLD);
        require(is_readable(own.number(), 0), "its place is lost");
        require_equal(calls.load(), 1);
        own.cancel();
        require(before.is_in_force());
    });
    // Not by the copy's signals: by its end.
    heard.take();
    EXPECT_FALSE(is_readable(number, 0));
    ::raise(SIGCHLD);
    EXPECT_TRUE(is_readable(number, 0));
}

}  // namespace
