// lifetime.cpp: what becomes of a child when its handle, its loop, or the
// coroutine that started it goes.
#include "support/outcome.hpp"
#include "support/process_test.hpp"
#include "support/refused_calls.hpp"
#include "support/tracer.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <sys/stat.h>

extern char** environ;

namespace {

using brood::awaitable;
using brood::create_subprocess;
using brood::create_task;
using brood::devnull;
using brood::from_fd;
using brood::piped;
using brood::spawn_process;
using namespace std::chrono_literals;
using namespace brood_test;

class lifetime : public clean_test {};

brood::command pauses()
{
    return child("ready-then-pause").out(piped);
}

// True once the process has been collected, or, a grandchild of ours, has
// ended: somebody else collects that one.
bool is_gone(int pid)
{
    return wait_until([pid] { return !process_exists(pid); });
}
bool has_ended(int pid)
{
    return wait_until([pid] { return !process_is_alive(pid); });
}

TEST_F(lifetime, a_dropped_child_is_killed_and_reaped)
{
    asio::io_context io;
    int pid = 0;
    {
        auto running = spawn_process(io, pauses());
        pid = running.pid();
        EXPECT_TRUE(process_is_alive(pid));
    }
    EXPECT_TRUE(is_gone(pid));
    {
        auto ended = spawn_process(io, child("exit", "3"));
        pid = ended.pid();
        EXPECT_TRUE(wait_until([pid] { return process_state(pid) == 'Z'; }));
    }
    EXPECT_TRUE(is_gone(pid));
    {
        auto stopped = spawn_process(io, child("stop-self").out(devnull));
        pid = stopped.pid();
        EXPECT_TRUE(wait_until([pid] { return process_state(pid) == 'T'; }));
    }
    EXPECT_TRUE(is_gone(pid));
    {
        auto replaced = spawn_process(io, pauses());
        pid = replaced.pid();
        replaced = spawn_process(io, pauses());
        EXPECT_TRUE(is_gone(pid));
        EXPECT_TRUE(process_is_alive(replaced.pid()));
        pid = replaced.pid();
    }
    EXPECT_TRUE(is_gone(pid));
}

TEST_F(lifetime, a_hundred_children_are_dropped_at_once)
{
    asio::io_context io;
    std::vector<brood::process> many;
    std::vector<int> pids;
    for (int i = 0; i != 100; ++i) {
        many.push_back(spawn_process(io, pauses()));
        pids.push_back(many.back().pid());
    }
    many.clear();
    for (const int pid : pids)
        EXPECT_TRUE(is_gone(pid));
    // The fixture sees that the thread that collected them has ended, too.
}

TEST_F(lifetime, a_dropped_leader_takes_its_group_along)
{
    for (const auto* const mode :
         {"fork-and-hold-then-pause", "fork-and-hold-stdout"}) {
        int grandchild = 0;
        run_test([&]() -> awaitable<void> {
            auto p = co_await create_subprocess(
                child(mode, "ignore-term").process_group().out(piped));
            grandchild = std::stoi(co_await p.out().readline());
            // The second leader has ended by itself, but is not collected.
        });
        EXPECT_TRUE(has_ended(grandchild)) << mode;
    }
}

TEST_F(lifetime, a_drop_never_blocks)
{
    try {
        asio::io_context io;
        auto p = std::make_optional(spawn_process(io, ends_when_told()));
        const int pid = p->pid();
        // What a stranger traces cannot be collected before he lets it go.
        tracer debugger(pid);
        p.reset();
        EXPECT_TRUE(wait_until([pid] { return process_state(pid) == 'Z'; }));
        EXPECT_TRUE(process_exists(pid));
        debugger.let_go();
        EXPECT_TRUE(is_gone(pid));
    } catch (const cannot_be_tested& why) {
        GTEST_SKIP() << why.what();
    }
}

TEST_F(lifetime, dropping_a_finished_child_signals_nobody)
{
    BROOD_IN_A_COPY([] {
        asio::io_context io;
        auto waited = std::make_optional(
            spawn_process(io, child("exit", "3").process_group()));
        auto polled = std::make_optional(
            spawn_process(io, child("exit", "4").new_session()));
        require_equal(wait_on(io, *waited), 3);
        require(wait_until([&] { return polled->poll().has_value(); }));
        refuse({{SYS_kill, deadly}, {SYS_pidfd_send_signal, deadly}});
        waited.reset();
        polled.reset();
    });
    // A group outlives its leader; without him nothing says that the number
    // is still the same group's.
    int grandchild = 0;
    run_test([&]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            child("fork-and-hold-stdout").process_group().out(piped));
        grandchild = std::stoi(co_await p.out().readline());
        EXPECT_EQ(co_await p.wait(), 0);
    });
    EXPECT_TRUE(process_is_alive(grandchild));
    ::kill(grandchild, SIGKILL);
    EXPECT_TRUE(has_ended(grandchild));
}

// A pipe whose reading end a child gets: it ends when the pipe is closed.
class leash {
public:
    leash()
    {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            throw std::system_error(errno, std::generic_category());
        read_end_ = ends[0];
        write_end_ = ends[1];
    }
    ~leash() { let_go(); }
    leash(const leash&) = delete;
    leash& operator=(const leash&) = delete;

    brood::command holding(brood::command what) const
    {
        return what.in(from_fd(read_end_)).out(devnull);
    }
    void let_go()
    {
        for (int* const end : {&read_end_, &write_end_})
            if (*end >= 0)
                ::close(std::exchange(*end, -1));
    }

private:
    int read_end_ = -1;
    int write_end_ = -1;
};

TEST_F(lifetime, a_detached_child_goes_on)
{
    for (const bool by_policy : {false, true}) {
        leash leash;
        int pid = 0;
        run_test([&]() -> awaitable<void> {
            auto what = leash.holding(child("cat")).process_group();
            if (by_policy)
                what.on_drop(brood::on_drop::detach);
            auto p = co_await create_subprocess(what);
            if (!by_policy)
                p.detach();
            pid = p.pid();
        });
        EXPECT_TRUE(process_is_alive(pid));
        leash.let_go();
        EXPECT_TRUE(is_gone(pid)) << "a zombie is left";
    }
}

TEST_F(lifetime, a_detached_child_is_still_waited_for)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(ends_when_told());
        p.detach();
        EXPECT_EQ(p.poll(), std::nullopt);
        p.in().close();
        EXPECT_EQ(co_await p.wait(), 5);
    });
}

awaitable<void> start_and_wait(std::vector<int>& pids)
{
    auto p = co_await create_subprocess(pauses());
    pids.push_back(p.pid());
    co_await p.wait();
}

TEST_F(lifetime, cancelling_create_subprocess_leaves_no_child)
{
    // At each point in turn: after so many turns of the loop.
    for (int turns = 0; turns != 8; ++turns) {
        const leak_check before;
        std::vector<int> pids;
        bool aborted = false;
        run_test([&]() -> awaitable<void> {
            auto starting = co_await create_task(start_and_wait(pids));
            for (int turn = 0; turn != turns; ++turn)
                co_await brood::sleep(0ms);
            starting.cancel();
            try {
                co_await starting.join();
            } catch (const brood::system_error& error) {
                aborted = error.code() == asio::error::operation_aborted;
            }
        });
        EXPECT_TRUE(aborted);
        for (const int pid : pids)
            EXPECT_FALSE(process_exists(pid));
        EXPECT_EQ(before.differences(), std::vector<std::string>());
    }
}

TEST_F(lifetime, a_cancelled_coroutine_starts_nothing)
{
    temp_dir dir;
    const auto marker = dir / "started";
    const auto start = brood::shell(": > " + marker.string());
    bool refused = false;
    const auto body = [&]() -> awaitable<void> {
        co_await asio::this_coro::throw_if_cancelled(false);
        try {
            co_await brood::sleep(1h);
        } catch (const brood::system_error&) {
        }
        try {
            auto p = co_await create_subprocess(start);
        } catch (const brood::system_error& error) {
            refused = error.code() == asio::error::operation_aborted;
        }
    };
    run_test([&]() -> awaitable<void> {
        auto t = co_await create_task(body());
        t.cancel();
        try {
            co_await t.join();
        } catch (const brood::system_error&) {
        }
    });
    EXPECT_TRUE(refused);
    EXPECT_FALSE(std::filesystem::exists(marker));
}

awaitable<void> hold_for_ever(brood::process p)
{
    co_await brood::sleep(1h);
    p.detach();
}

TEST_F(lifetime, run_leaves_no_child_behind)
{
    std::vector<int> pids;
    std::optional<brood::process> outside;
    const auto body = [&]() -> awaitable<void> {
        for (int i = 0; i != 3; ++i) {
            auto in_a_task = co_await create_subprocess(pauses());
            pids.push_back(in_a_task.pid());
            auto t = co_await create_task(hold_for_ever(std::move(in_a_task)));
            if (i == 0)
                t.detach();
        }
        auto forgotten = co_await create_subprocess(pauses());
        pids.push_back(forgotten.pid());
        asio::co_spawn(co_await asio::this_coro::executor,
                       hold_for_ever(std::move(forgotten)), asio::detached);
        outside.emplace(co_await create_subprocess(pauses()));
        pids.push_back(outside->pid());
        auto thrown_over = co_await create_subprocess(pauses());
        pids.push_back(thrown_over.pid());
        throw std::runtime_error("over");
    };
    EXPECT_THROW(brood::run(body()), std::runtime_error);
    ASSERT_EQ(pids.size(), 6u);
    // Not soon: now.
    for (const int pid : pids)
        EXPECT_FALSE(process_exists(pid));
    EXPECT_FALSE(outside->kill());
    EXPECT_EQ(outside->status(), brood::exit_status());
    EXPECT_FALSE(outside->has_in());
}

TEST_F(lifetime, a_loop_that_goes_takes_its_children_along)
{
    std::optional<brood::process> outside;
    int pid = 0;
    {
        asio::io_context io;
        outside.emplace(spawn_process(io, pauses()));
        pid = outside->pid();
        outside->async_wait([](brood::error_code, int) {
            ADD_FAILURE() << "completed on a loop that is gone";
        });
    }
    EXPECT_TRUE(is_gone(pid));
    EXPECT_FALSE(outside->terminate());
}

struct ::sigaction action_of(int signal)
{
    struct ::sigaction now{};
    must(::sigaction(signal, nullptr, &now));
    return now;
}

// A terminal's Ctrl-C goes to the whole group in the foreground.
void press_ctrl_c()
{
    must(::kill(0, SIGINT));
}

// In a copy: a group of its own, and SIGINT as a program finds it.
void become_a_foreground_group()
{
    must(::setpgid(0, 0));
    ::signal(SIGINT, SIG_DFL);
}

TEST_F(lifetime, ctrl_c_cancels_and_reaps)
{
    BROOD_IN_A_COPY([] {
        become_a_foreground_group();
        int pid = 0;
        bool cancelled = false;
        const auto body = [&]() -> awaitable<void> {
            auto p = co_await create_subprocess(pauses().new_session());
            pid = p.pid();
            co_await p.out().readline();
            press_ctrl_c();
            try {
                co_await p.wait();
            } catch (const brood::system_error& error) {
                cancelled = error.code() == asio::error::operation_aborted;
                throw;
            }
        };
        const leak_check before;
        bool interrupted = false;
        try {
            brood::run(body());
        } catch (const brood::keyboard_interrupt&) {
            interrupted = true;
        }
        require(cancelled && interrupted);
        require(!process_exists(pid));
        require(action_of(SIGINT).sa_handler == SIG_DFL);
        require_clean(before);
    });
}

TEST_F(lifetime, ctrl_c_leaves_a_child_the_time_to_react)
{
    BROOD_IN_A_COPY([] {
        become_a_foreground_group();
        int code = -1;
        const auto body = [&]() -> awaitable<void> {
            // It reacts, but ends only when told to.
            auto p = co_await create_subprocess(
                child("on-signal", "INT", "7", "then-stdin")
                    .in(piped)
                    .out(piped));
            co_await p.out().readline();
            press_ctrl_c();
            std::exception_ptr failure;
            try {
                co_await p.wait();
            } catch (...) {
                failure = std::current_exception();
            }
            require(failure != nullptr, "the wait was not cancelled");
            co_await asio::this_coro::reset_cancellation_state(
                asio::disable_cancellation());
            p.in().close();
            code = co_await p.wait();
            std::rethrow_exception(failure);
        };
        try {
            brood::run(body());
            require(false, "no interrupt");
        } catch (const brood::keyboard_interrupt&) {
        }
        require_equal(code, 7);
    });
}

TEST_F(lifetime, a_second_ctrl_c_ends_the_program)
{
    const int code = in_a_copy([] {
        become_a_foreground_group();
        const auto body = []() -> awaitable<void> {
            co_await asio::this_coro::reset_cancellation_state(
                asio::disable_cancellation());
            press_ctrl_c();
            co_await brood::sleep(1ms);
            press_ctrl_c();
            co_await brood::sleep(1h);
        };
        brood::run(body());
    });
    EXPECT_EQ(code, -SIGINT);
}

volatile std::sig_atomic_t hosts_handler_calls = 0;

TEST_F(lifetime, ctrl_c_is_the_hosts_where_it_has_a_handler)
{
    BROOD_IN_A_COPY([] {
        become_a_foreground_group();
        const auto body = []() -> awaitable<void> {
            const auto outer = action_of(SIGINT);
            // A nested loop neither takes the signal over nor gives it back.
            brood::run([]() -> awaitable<void> {
                auto p = co_await create_subprocess(child("exit", "0"));
                require_equal(co_await p.wait(), 0);
            }());
            require(action_of(SIGINT).sa_handler == outer.sa_handler);
            require(outer.sa_handler != SIG_DFL);
            co_return;
        };
        brood::run(body());
        require(action_of(SIGINT).sa_handler == SIG_DFL);

        const auto handler = [](int) {
            hosts_handler_calls = hosts_handler_calls + 1;
        };
        ::signal(SIGINT, handler);
        brood::run([]() -> awaitable<void> {
            auto p = co_await create_subprocess(ends_when_told().new_session());
            press_ctrl_c();
            p.in().close();
            require_equal(co_await p.wait(), 5);
        }());
        require_equal(static_cast<int>(hosts_handler_calls), 1);
        require(action_of(SIGINT).sa_handler == +handler);
        ::signal(SIGINT, SIG_IGN);
        brood::run([]() -> awaitable<void> { co_return; }());
        require(action_of(SIGINT).sa_handler == SIG_IGN);
    });
}

// What a library must leave alone, besides what the fixture looks at.
std::string process_wide_state()
{
    std::string state = std::filesystem::current_path();
    const auto mask = ::umask(0);
    ::umask(mask);
    int subreaper = 0;
    ::prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
    for (const long each :
         {static_cast<long>(mask), static_cast<long>(subreaper),
          static_cast<long>(::prctl(PR_GET_DUMPABLE)),
          static_cast<long>(::getpgid(0)), static_cast<long>(::getsid(0)),
          static_cast<long>(::geteuid()), static_cast<long>(::getegid())})
        state += " " + std::to_string(each);
    for (char** each = environ; *each; ++each)
        state += std::string("\n") + *each;
    return state;
}

TEST_F(lifetime, nothing_of_the_process_is_changed)
{
    const auto before = process_wide_state();
    temp_dir dir;
    for (int i = 0; i != 10; ++i) {
        outcome_of(child("cat").in(piped).out(piped).err(piped), "x");
        outcome_of(child("exit", "0")
                       .cwd(dir.path())
                       .umask(0)
                       .env("A", "1")
                       .clear_env());
        outcome_of(child("exit", "0").new_session().user(::geteuid()));
        EXPECT_TRUE(spawn_failure_of(brood::exec("/none").process_group()));
        asio::io_context io;
        auto dropped = spawn_process(io, pauses());
    }
    EXPECT_EQ(process_wide_state(), before);
}

TEST_F(lifetime, a_forked_program_can_start_children)
{
    if (thread_sanitizer)
        GTEST_SKIP() << "it allows no thread after such a fork";
    // The parent has a live child, and the reaper's thread at work.
    asio::io_context io;
    leash leash;
    auto held = spawn_process(io, leash.holding(child("cat")));
    const int detached = [&] {
        auto p = spawn_process(io, leash.holding(child("cat")));
        p.detach();
        return p.pid();
    }();
    BROOD_IN_A_COPY([&] {
        const leak_check before;
        const auto ended = outcome_of(child("cat").in(piped).out(piped), "x");
        require_equal(ended.out, "x");
        {
            asio::io_context own;
            auto dropped = spawn_process(own, pauses());
            auto waited = spawn_process(own, child("exit", "4"));
            require_equal(wait_on(own, waited), 4);
        }
        require_clean(before);
    });
    EXPECT_TRUE(process_is_alive(held.pid()));
    EXPECT_TRUE(process_is_alive(detached));
    leash.let_go();
    EXPECT_EQ(wait_on(io, held), 0);
    EXPECT_TRUE(is_gone(detached));
}

// Runs `start` on the loop's own thread, where it could complete inline, with
// a handler that takes anything; then the loop until the handler was called.
template <class Start>
void completes_later(asio::io_context& io, Start start)
{
    bool called = false;
    bool inside = false;
    asio::post(io, [&] {
        start([&called](auto...) { called = true; });
        inside = called;
    });
    io.restart();
    while (!called && io.run_one_for(patience) != 0) {
    }
    EXPECT_TRUE(called);
    EXPECT_FALSE(inside) << "completed inside its own call";
}

TEST_F(lifetime, completions_never_run_inside_their_call)
{
    asio::io_context io;
    auto p = spawn_process(io, child("cat").in(piped).out(piped));
    char memory[4] = {};
    const auto into = asio::buffer(memory);
    const auto from = asio::buffer("some", 4);
    const auto write = [&](auto done) { p.in().async_write_some(from, done); };
    const auto read = [&](auto done) { p.out().async_read_some(into, done); };
    const auto talk = [&](auto done) {
        asio::co_spawn(io, p.communicate(), done);
    };
    const auto wait = [&](auto done) { p.async_wait(done); };
    completes_later(io, write);
    completes_later(io, read);
    completes_later(io, [&](auto done) {
        p.in().async_write_some(asio::const_buffer(), done);
    });
    completes_later(io, [&](auto done) {
        p.out().async_read_some(asio::mutable_buffer(), done);
    });
    EXPECT_TRUE(p.in().write("buffered"));
    completes_later(io, read);
    completes_later(io, read);
    completes_later(io, talk);
    // All over: the end of the stream, a closed one, a known code.
    completes_later(io, wait);
    completes_later(io, wait);
    completes_later(io, read);
    completes_later(io, write);
    completes_later(io, talk);
}

}  // namespace
