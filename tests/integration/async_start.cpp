// async_start.cpp: a start that its loop does not wait for.
//
// A child that has not come to exec is made to stay there: it searches a PATH
// that takes long to search, and is stopped on the way.
#include "support/async_test.hpp"
#include "support/in_a_copy.hpp"
#include "support/process_test.hpp"
#include "support/refused_calls.hpp"

#include "os/posix/system_call.hpp"
#include "os/setting.hpp"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>

namespace {

using brood::command;
using brood::create_subprocess;
using brood::os::fault_injection;
using namespace std::chrono_literals;
using namespace brood_test;

// Skips where the environment, or this processor, says to wait for exec.
class async_starts : public clean_test {
protected:
    void SetUp() override
    {
        clean_test::SetUp();
        const auto named = brood::os::setting("BROOD_SPAWN_ENGINE");
        if (!named.empty() && named != "async")
            GTEST_SKIP() << "every start waits for exec here";
        std::filesystem::create_directory(folder_ / "down");
        // Some file systems let a link have 1023 characters, and the kernel
        // follows 40 links on one path: path_resolution(7).
        link("near", "down/../", 120);
        link("far", "near/", 30);
    }

    // Where brood-child is found, but only after the kernel has gone to a
    // place that is far away, very often: that takes some 0.2 s.
    std::string long_path() const
    {
        return times(600, (folder_ / "far:").string()) +
               std::filesystem::path(child_path()).parent_path().string();
    }

    template <class... Arguments>
    command slow_child(const Arguments&... arguments) const
    {
        return brood::exec("brood-child", arguments...)
            .env("PATH", long_path());
    }

private:
    static std::string times(int count, const std::string& text)
    {
        std::string all;
        for (int i = 0; i != count; ++i)
            all += text;
        return all;
    }

    void link(std::string_view name, const std::string& text, int count) const
    {
        std::filesystem::create_directory_symlink(times(count, text),
                                                  folder_ / name);
    }

    temp_dir folder_;
};

std::filesystem::path program_of(int pid)
{
    std::error_code ec;
    return std::filesystem::read_symlink(
        "/proc/" + std::to_string(pid) + "/exe", ec);
}

std::set<int> child_pids()
{
    std::set<int> pids;
    for (const auto& each : children())
        pids.insert(each.pid);
    return pids;
}

// One create_subprocess() whose child has not called exec, and does not.
class start_in_hand {
public:
    // Gives up, with a failure of the test, where exec is always faster.
    explicit start_in_hand(const command& what)
    {
        for (int tries = 0; tries != 100; ++tries) {
            begin(what);
            if (stop_before_exec())
                return;
            ::kill(pid_, SIGCONT);
            finish();
            if (child)
                child->kill();
            child.reset();
            EXPECT_TRUE(wait_until([this] { return !process_exists(pid_); }));
            over = false;
        }
        throw std::runtime_error("no child could be stopped before exec");
    }
    start_in_hand(const start_in_hand&) = delete;
    start_in_hand& operator=(const start_in_hand&) = delete;

    int pid() const { return pid_; }
    void let_go() const { ::kill(pid_, SIGCONT); }
    // Runs the loop until the start is over.
    void finish()
    {
        io.restart();
        while (!over && io.run_one() != 0) {
        }
    }

    // What the child writes until it ends.
    std::string output()
    {
        std::string all;
        child.value().async_communicate(
            "", [&](brood::error_code, brood::output text) {
                all = std::move(text.out);
            });
        io.restart();
        io.run();
        return all;
    }

    asio::io_context io;
    asio::cancellation_signal cancel;
    std::optional<brood::process> child;
    std::exception_ptr failure;
    bool over = false;

private:
    void begin(const command& what)
    {
        const auto others = child_pids();
        asio::co_spawn(io, create_subprocess(what),
                       asio::bind_cancellation_slot(
                           cancel.slot(), [this](std::exception_ptr thrown,
                                                 brood::process made) {
                               over = true;
                               failure = thrown;
                               if (!thrown)
                                   child.emplace(std::move(made));
                           }));
        io.restart();
        auto begun = child_pids();
        while (begun == others && io.poll_one() != 0)
            begun = child_pids();
        for (const int other : others)
            begun.erase(other);
        if (begun.size() != 1)
            throw std::runtime_error("no child was begun, or several");
        pid_ = *begun.begin();
    }

    bool stop_before_exec()
    {
        ::kill(pid_, SIGSTOP);
        return wait_until([&] { return process_state(pid_) != 'R'; }) &&
               process_state(pid_) == 'T' &&
               program_of(pid_) == program_of(::getpid());
    }

    int pid_ = -1;
};

TEST_F(async_starts, let_the_loop_go_on)
{
    start_in_hand start(slow_child("exit", "7"));
    int turns = 0;
    std::function<void()> turn = [&] {
        if (++turns != 100)
            asio::post(start.io, turn);
    };
    asio::post(start.io, turn);
    start.io.poll();
    EXPECT_EQ(turns, 100);
    EXPECT_FALSE(start.over);
    start.let_go();
    start.finish();
    ASSERT_TRUE(start.child.has_value());
    EXPECT_EQ(start.child->pid(), start.pid());
    EXPECT_EQ(wait_on(start.io, *start.child), 7);
}

TEST_F(async_starts, go_on_side_by_side)
{
    start_in_hand first(slow_child("exit", "1"));
    start_in_hand second(slow_child("exit", "2"));
    second.let_go();
    second.finish();
    EXPECT_FALSE(first.over);
    EXPECT_EQ(wait_on(second.io, second.child.value()), 2);
    first.let_go();
    first.finish();
    EXPECT_EQ(wait_on(first.io, first.child.value()), 1);
}

TEST_F(async_starts, can_be_cancelled_and_leave_no_child)
{
    start_in_hand start(slow_child("exit", "7"));
    start.cancel.emit(asio::cancellation_type::terminal);
    EXPECT_FALSE(start.over);
    start.finish();
    EXPECT_FALSE(start.child.has_value());
    ASSERT_TRUE(start.failure);
    EXPECT_TRUE(brood::detail::is_cancellation(start.failure));
    EXPECT_TRUE(children().empty());
}

TEST_F(async_starts, go_with_their_loop)
{
    int pid = 0;
    {
        const start_in_hand start(slow_child("ready-then-pause"));
        pid = start.pid();
    }
    EXPECT_TRUE(wait_until([&] { return !process_exists(pid); }));
}

// It is a child that ended at once, like any that somebody kills.
TEST_F(async_starts, may_be_killed_by_somebody_else)
{
    start_in_hand start(slow_child("exit", "7"));
    ::kill(start.pid(), SIGKILL);
    start.finish();
    ASSERT_TRUE(start.child.has_value());
    EXPECT_EQ(wait_on(start.io, *start.child), -SIGKILL);
}

TEST_F(async_starts, tell_what_exec_says)
{
    const auto failed = [](command what) {
        return brood::run(
            thrown_by<brood::spawn_error>(create_subprocess(std::move(what))));
    };
    const auto missing = failed(brood::exec("/nonexistent/program"));
    ASSERT_TRUE(missing.has_value());
    EXPECT_EQ(missing->code().value(), ENOENT);
    EXPECT_EQ(missing->step(), brood::spawn_step::exec);
    EXPECT_EQ(missing->path(), "/nonexistent/program");
    const auto nowhere = failed(child("exit", "0").cwd("/nonexistent"));
    ASSERT_TRUE(nowhere.has_value());
    EXPECT_EQ(nowhere->step(), brood::spawn_step::chdir);
}

// The child sees what was there when it was started.
TEST_F(async_starts, have_the_environment_of_their_beginning)
{
    BROOD_IN_A_COPY([this] {
        static std::array<char, 32> entry{"BROOD_TEST_ENTRY=before"};
        must(::putenv(entry.data()));
        must(::setenv("PATH", long_path().c_str(), 1));
        start_in_hand start(
            brood::exec("brood-child", "print-env", "BROOD_TEST_ENTRY")
                .out(brood::piped));
        entry = {"BROOD_TEST_ENTRY=after"};
        // The list itself moves, too.
        for (int i = 0; i != 100; ++i)
            must(::setenv(("BROOD_" + std::to_string(i)).c_str(), "x", 1));
        start.let_go();
        start.finish();
        require(start.output().find("before") != std::string::npos);
    });
}

// A run is over on time, though its child has not even begun; or has, where
// that was faster.
TEST_F(async_starts, hold_up_no_run_beyond_its_timeout)
{
    asio::io_context io;
    std::optional<brood::completed_process> ended;
    auto what = slow_child("ready-then-pause").timeout(1h);
    asio::cancellation_signal cancel;
    brood::async_run_process(
        io, what,
        asio::bind_cancellation_slot(cancel.slot(),
                                     [&](brood::error_code, auto result) {
                                         ended.emplace(std::move(result));
                                     }));
    while (children().empty() && io.poll_one() != 0) {
    }
    ASSERT_FALSE(children().empty());
    const int pid = children().at(0).pid;
    ::kill(pid, SIGSTOP);
    ASSERT_TRUE(wait_until([&] { return process_state(pid) == 'T'; }));
    cancel.emit(asio::cancellation_type::terminal);
    io.restart();
    io.run();
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(ended->stopped, brood::stop_reason::cancelled);
    EXPECT_TRUE(children().empty());
}

// Where a filter knows no clone3, clone(2) does it.
TEST_F(async_starts, do_without_clone3)
{
    for (const int error : {ENOSYS, EPERM}) {
        BROOD_IN_A_COPY([&] {
            refuse({{SYS_clone3, error}});
            start_in_hand start(slow_child("exit", "7"));
            start.let_go();
            start.finish();
            require_equal(wait_on(start.io, start.child.value()), 7);
        });
    }
}

TEST_F(async_starts, wait_for_exec_where_there_is_no_other_way)
{
    constexpr std::uint32_t clone_vm = 0x100;  // linux/sched.h
    BROOD_IN_A_COPY([] {
        refuse({{SYS_clone3, ENOSYS}, {SYS_clone, EPERM, 0, clone_vm}});
        brood::run([]() -> awaitable<void> {
            auto p = co_await create_subprocess(child("exit", "7"));
            require_equal(co_await p.wait(), 7);
        }());
    });
}

// Ours and the child's are counted in any order, so which one fails is not
// known: but whichever it is, nothing is left.
TEST_F(async_starts, leave_nothing_whichever_call_fails)
{
    const auto before = open_descriptors();
    int failures = 0;
    for (const int error : {EMFILE, ENOMEM, EAGAIN, EIO}) {
        for (long calls = 0; calls != 16; ++calls) {
            brood::run([](long let, int with, int& failed) -> awaitable<void> {
                const auto what = child("exit", "7").cwd("/").new_session();
                fault_injection::beside = true;
                fault_injection::arm(let, with);
                auto starting = co_await thrown_by<brood::spawn_error>(
                    [](command cmd) -> awaitable<void> {
                        auto p = co_await create_subprocess(std::move(cmd));
                        fault_injection::disarm();
                        EXPECT_EQ(co_await p.wait(), 7);
                    }(what));
                fault_injection::disarm();
                fault_injection::beside = false;
                failed += starting.has_value();
            }(calls, error, failures));
            EXPECT_TRUE(children().empty()) << calls;
            EXPECT_EQ(open_descriptors(), before) << calls;
        }
    }
    EXPECT_GT(failures, 3);
}

}  // namespace
