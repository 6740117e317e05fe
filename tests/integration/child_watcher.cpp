// child_watcher.cpp: each way to notice the end of a child, chosen by name.
#include "support/descriptors.hpp"
#include "support/process_test.hpp"
#include "support/refused_calls.hpp"

#include "os/spawn.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(detached.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(post.hpp)
#include BROOD_ASIO_HEADER(strand.hpp)
#include BROOD_ASIO_HEADER(thread_pool.hpp)

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using namespace brood_test;
using brood::awaitable;
using brood::child_watcher;
using brood::child_watcher_of;
using brood::create_subprocess;
using brood::spawn_process;
using brood::use_child_watcher;

using watchers = process_test;

constexpr child_watcher each_watcher[] = {
    child_watcher::automatic, child_watcher::pidfd, child_watcher::threaded,
    child_watcher::sigchld};

bool has_pidfds()
{
    return brood::os::pidfd_refusal() == 0;
}

struct ::sigaction sigchld_action()
{
    struct ::sigaction now{};
    ::sigaction(SIGCHLD, nullptr, &now);
    return now;
}

bool sigchld_is_default()
{
    return sigchld_action().sa_handler == SIG_DFL;
}

// How many descriptors of this kind epoll watches for this process.
std::size_t polled(std::string_view kind)
{
    std::size_t found = 0;
    const auto all = open_descriptors();
    for (const auto& [number, target] : all) {
        if (target != "anon_inode:[eventpoll]")
            continue;
        std::ifstream file("/proc/self/fdinfo/" + std::to_string(number));
        for (std::string word; file >> word;) {
            int polled_number = -1;
            if (word != "tfd:" || !(file >> polled_number))
                continue;
            const auto place = all.find(polled_number);
            if (place != all.end() &&
                place->second.find(kind) != std::string::npos)
                ++found;
        }
    }
    return found;
}

// A child, and what became of it.
class watched {
public:
    watched(asio::io_context& io, brood::command what)
        : process_(spawn_process(io, std::move(what)))
    {
        process_.async_wait([this](brood::error_code ec, int code) {
            if (!ec)
                code_ = code;
        });
    }
    watched(const watched&) = delete;
    watched& operator=(const watched&) = delete;

    brood::process& operator*() { return process_; }
    brood::process* operator->() { return &process_; }
    std::optional<int> code() const { return code_; }

private:
    brood::process process_;
    std::optional<int> code_;
};

void run(asio::io_context& io)
{
    io.restart();
    io.run();
}

// For an end that has to be noticed at once. Where nothing but the round of
// each second noticed it, so many in a row would take 20 s.
constexpr int in_a_row = 20;

class promptly {
public:
    ~promptly() { EXPECT_LT(std::chrono::steady_clock::now() - begin_, 10s); }

private:
    std::chrono::steady_clock::time_point begin_ =
        std::chrono::steady_clock::now();
};

TEST_F(watchers, each_notices_how_a_child_ends)
{
    for (const auto way : each_watcher) {
        SCOPED_TRACE(static_cast<int>(way));
        asio::io_context io;
        use_child_watcher(io, way);
        auto p = spawn_process(io, child("exit", "7"));
        EXPECT_EQ(wait_on(io, p), 7);
        auto q = spawn_process(io, child("kill-self", "KILL"));
        EXPECT_EQ(wait_on(io, q), -SIGKILL);
        EXPECT_TRUE(q.usage().has_value());
    }
}

TEST_F(watchers, each_notices_many_children_that_end_at_once)
{
    for (const auto way : each_watcher) {
        SCOPED_TRACE(static_cast<int>(way));
        brood::run([](child_watcher chosen) -> awaitable<void> {
            use_child_watcher(co_await asio::this_coro::executor, chosen);
            std::vector<brood::process> many;
            for (int i = 0; i != 50; ++i)
                many.push_back(
                    co_await create_subprocess(child("line-then-stdin", "ready")
                                                   .in(brood::piped)
                                                   .out(brood::devnull)));
            std::vector<awaitable<int>> waits;
            for (auto& each : many)
                waits.push_back(each.wait());
            for (auto& each : many)
                each.in().close();
            const auto codes = co_await brood::gather(std::move(waits));
            EXPECT_EQ(codes, std::vector<int>(50, 0));
        }(way));
    }
}

TEST_F(watchers, each_notices_an_end_while_it_waits)
{
    for (const auto way : each_watcher) {
        SCOPED_TRACE(static_cast<int>(way));
        const promptly limit;
        for (int i = 0; i != in_a_row; ++i) {
            asio::io_context io;
            use_child_watcher(io, way);
            watched p(io, ends_when_told());
            io.poll();
            p->in().close();
            run(io);
            ASSERT_EQ(p.code(), 5);
        }
    }
}

TEST_F(watchers, each_notices_an_end_before_anybody_waits)
{
    for (const auto way : each_watcher) {
        SCOPED_TRACE(static_cast<int>(way));
        const promptly limit;
        asio::io_context io;
        use_child_watcher(io, way);
        // One that runs on, so that there is somebody to listen all the time.
        watched other(io, ends_when_told());
        for (int i = 0; i != in_a_row; ++i) {
            auto p = spawn_process(io, child("exit", "3"));
            const int pid = p.pid();
            ASSERT_TRUE(
                wait_until([pid] { return process_state(pid) == 'Z'; }));
            // What announced it is over before somebody asks.
            io.restart();
            io.poll();
            std::optional<int> code;
            p.async_wait([&code](brood::error_code, int got) { code = got; });
            io.restart();
            while (!code && io.run_one() != 0) {
            }
            ASSERT_EQ(code, 3);
        }
        other->in().close();
        run(io);
        EXPECT_EQ(other.code(), 5);
    }
}

TEST_F(watchers, each_costs_what_it_says)
{
    constexpr int count = 3;
    struct cost {
        child_watcher way;
        std::size_t pidfds;
        std::size_t eventfds;
        std::size_t threads;
        bool has_handler;
    };
    const bool can = has_pidfds();
    std::vector<cost> costs{{child_watcher::automatic, can ? count : 0U, 0,
                             can ? 0U : count, false},
                            {child_watcher::threaded, 0, 0, count, false},
                            {child_watcher::sigchld, 0, 1, 0, true}};
    if (can)
        costs.push_back({child_watcher::pidfd, count, 0, 0, false});
    for (const auto& each : costs) {
        SCOPED_TRACE(static_cast<int>(each.way));
        asio::io_context io;
        use_child_watcher(io, each.way);
        auto first = spawn_process(io, child("exit", "0"));
        EXPECT_EQ(wait_on(io, first), 0);
        const auto threads_before = threads();
        const auto events_before = polled("eventfd");
        std::list<watched> all;
        for (int i = 0; i != count; ++i)
            all.emplace_back(io, ends_when_told());
        io.restart();
        io.poll();
        const auto new_threads = threads();
        EXPECT_EQ(std::count_if(new_threads.begin(), new_threads.end(),
                                [&](const auto& thread) {
                                    return !threads_before.contains(
                                        thread.first);
                                }),
                  each.threads);
        EXPECT_EQ(polled("pidfd"), each.pidfds);
        EXPECT_EQ(polled("eventfd") - events_before, each.eventfds);
        EXPECT_EQ(!sigchld_is_default(), each.has_handler);
        for (auto& p : all)
            p->in().close();
        run(io);
        for (auto& p : all)
            EXPECT_EQ(p.code(), 5);
        EXPECT_TRUE(sigchld_is_default());
    }
}

TEST_F(watchers, the_environment_decides_where_nothing_was_chosen)
{
    asio::io_context io;
    const char* const variable = std::getenv("BROOD_CHILD_WATCHER");
    const std::string named = variable ? variable : "";
    const auto usual =
        has_pidfds() ? child_watcher::pidfd : child_watcher::threaded;
    EXPECT_EQ(child_watcher_of(io),
              named == "threaded"  ? child_watcher::threaded
              : named == "sigchld" ? child_watcher::sigchld
                                   : usual);
    use_child_watcher(io, child_watcher::automatic);
    EXPECT_EQ(child_watcher_of(io), usual);
    use_child_watcher(io.get_executor(), child_watcher::sigchld);
    EXPECT_EQ(child_watcher_of(io.get_executor()), child_watcher::sigchld);
    asio::io_context another;
    use_child_watcher(another, child_watcher::threaded);
    EXPECT_EQ(child_watcher_of(another), child_watcher::threaded);
    EXPECT_EQ(child_watcher_of(io), child_watcher::sigchld);
}

TEST_F(watchers, no_watcher_is_no_choice)
{
    asio::io_context io;
    try {
        use_child_watcher(io, static_cast<child_watcher>(17));
        ADD_FAILURE() << "it was taken";
    } catch (const std::invalid_argument& error) {
        EXPECT_STREQ(error.what(),
                     "brood: use_child_watcher: 17 is no child_watcher");
    }
}

TEST_F(watchers, a_choice_counts_from_the_next_child_on)
{
    if (!has_pidfds())
        GTEST_SKIP() << "no pidfds";
    asio::io_context io;
    use_child_watcher(io, child_watcher::pidfd);
    watched by_pidfd(io, ends_when_told());
    auto not_yet = spawn_process(io, ends_when_told());
    use_child_watcher(io, child_watcher::sigchld);
    EXPECT_TRUE(sigchld_is_default());
    watched by_signal(io, ends_when_told());
    use_child_watcher(io, child_watcher::threaded);
    const auto threads_before = thread_count();
    watched by_thread(io, ends_when_told());
    EXPECT_EQ(thread_count(), threads_before + 1);
    std::optional<int> late_code;
    not_yet.async_wait(
        [&late_code](brood::error_code, int got) { late_code = got; });
    EXPECT_EQ(polled("pidfd"), 2U);
    EXPECT_FALSE(sigchld_is_default());
    use_child_watcher(io, child_watcher::pidfd);
    io.poll();
    by_pidfd->in().close();
    by_signal->in().close();
    by_thread->in().close();
    not_yet.in().close();
    run(io);
    EXPECT_EQ(by_pidfd.code(), 5);
    EXPECT_EQ(by_signal.code(), 5);
    EXPECT_EQ(by_thread.code(), 5);
    EXPECT_EQ(late_code, 5);
}

TEST_F(watchers, a_cancelled_wait_can_be_made_again)
{
    for (const auto way : each_watcher) {
        SCOPED_TRACE(static_cast<int>(way));
        asio::io_context io;
        use_child_watcher(io, way);
        auto p = spawn_process(io, ends_when_told());
        asio::cancellation_signal cancel;
        std::optional<brood::error_code> result;
        p.async_wait(asio::bind_cancellation_slot(
            cancel.slot(),
            [&result](brood::error_code ec, int) { result = ec; }));
        io.poll();
        cancel.emit(asio::cancellation_type::terminal);
        // Nothing keeps the loop any more.
        run(io);
        EXPECT_EQ(result, asio::error::operation_aborted);
        EXPECT_TRUE(sigchld_is_default());
        p.in().close();
        EXPECT_EQ(wait_on(io, p), 5);
    }
}

TEST_F(watchers, pidfds_that_are_refused_cannot_be_chosen)
{
    for (const int error : {ENOSYS, EPERM}) {
        BROOD_IN_A_COPY([error] {
            constexpr std::uint32_t clone_pidfd = 0x1000;  // linux/sched.h
            refuse({{SYS_pidfd_open, error},
                    {SYS_clone3, ENOSYS},
                    {SYS_clone, EINVAL, 0, clone_pidfd}});
            asio::io_context io;
            use_child_watcher(io, child_watcher::sigchld);
            try {
                use_child_watcher(io, child_watcher::pidfd);
                require(false, "it was taken");
            } catch (const brood::system_error& failure) {
                require_equal(failure.code(), system_error_code(error));
                require_equal(
                    std::string(failure.what()),
                    "brood: child_watcher::pidfd: this system gives no pidfds "
                    "(it is older than Linux 5.3, or a filter of system calls "
                    "refuses pidfd_open and clone3); choose "
                    "child_watcher::automatic, which takes a thread then, or "
                    "allow them: " +
                        failure.code().message());
            }
            require(child_watcher_of(io) == child_watcher::sigchld);
            use_child_watcher(io, child_watcher::automatic);
            require(child_watcher_of(io) == child_watcher::threaded);
            auto p = spawn_process(io, child("exit", "7"));
            require_equal(wait_on(io, p), 7);
        });
    }
}

TEST_F(watchers, pidfds_that_come_with_the_child_are_enough)
{
    if (brood::os::current_engine() != brood::os::spawn_engine::clone)
        GTEST_SKIP() << "only clone3 brings them";
    BROOD_IN_A_COPY([] {
        refuse({{SYS_pidfd_open, EPERM}});
        asio::io_context io;
        use_child_watcher(io, child_watcher::pidfd);
        watched p(io, ends_when_told());
        io.poll();
        if (brood::os::current_engine() == brood::os::spawn_engine::clone)
            require_equal(polled("pidfd"), 1U);
        p->in().close();
        run(io);
        require(p.code() == 5);
    });
}

// Asio's own protected function, which the destructor calls.
class closable_context : public asio::io_context {
public:
    void close() { shutdown(); }
};

template <class Call>
void expect_closed(Call call)
{
    try {
        call();
        ADD_FAILURE() << "it was taken";
    } catch (const brood::system_error& error) {
        EXPECT_EQ(error.code(), brood::errc::context_closed);
        EXPECT_STREQ(error.what(),
                     "brood: no child can be started or adopted here, nor a "
                     "child watcher be chosen: the execution context has been "
                     "shut down");
    }
}

TEST_F(watchers, a_context_that_was_shut_down_starts_nothing)
{
    const temp_dir dir;
    closable_context io;
    auto p = spawn_process(io, child("exit", "0"));
    EXPECT_EQ(wait_on(io, p), 0);
    io.close();
    const auto trace = dir / "trace";
    const auto leaves_a_trace = brood::exec("touch", trace.string());
    for (const auto way : each_watcher)
        expect_closed([&] { use_child_watcher(io, way); });
    expect_closed(
        [&] { static_cast<void>(spawn_process(io, leaves_a_trace)); });
    expect_closed(
        [&] { static_cast<void>(brood::adopt_process(io, ::getppid())); });
    EXPECT_FALSE(std::filesystem::exists(trace));
}

// Starts `count` children one by one, and waits for each.
awaitable<void> waits_for_each(child_watcher way, int count)
{
    const auto io = co_await asio::this_coro::executor;
    use_child_watcher(io, way);
    for (int i = 0; i != count; ++i) {
        auto p = co_await create_subprocess(
            child("exit", std::to_string(i)).in(brood::devnull));
        const int code = co_await p.wait();
        EXPECT_EQ(code, i);
    }
}

TEST_F(watchers, loops_in_several_threads_watch_each_in_its_own_way)
{
    const promptly limit;
    std::vector<std::thread> loops;
    for (int i = 0; i != 2; ++i)
        for (const auto way : each_watcher)
            loops.emplace_back(
                [way] { brood::run(waits_for_each(way, in_a_row)); });
    for (auto& each : loops)
        each.join();
}

TEST_F(watchers, a_loop_of_several_threads_hears_signals_for_each_strand)
{
    const promptly limit;
    asio::thread_pool pool(3);
    for (int i = 0; i != 4; ++i)
        asio::co_spawn(asio::make_strand(pool),
                       waits_for_each(child_watcher::sigchld, in_a_row),
                       asio::detached);
    pool.join();
    EXPECT_TRUE(sigchld_is_default());
}

// One strand's handler that takes its time does not keep the others waiting.
TEST_F(watchers, a_busy_strand_delays_nobody_else)
{
    asio::thread_pool pool(2);
    use_child_watcher(pool, child_watcher::sigchld);
    const auto busy = asio::make_strand(pool);
    // The first to wait is the one whose executor listens for all.
    auto first = spawn_process(busy, ends_when_told());
    asio::post(busy, [&] { first.async_wait([](brood::error_code, int) {}); });
    std::atomic<bool> is_listening = false;
    std::atomic<bool> is_over = false;
    asio::post(busy, [&] {
        is_listening = true;
        EXPECT_TRUE(wait_until([&] { return is_over.load(); }));
    });
    ASSERT_TRUE(wait_until([&] { return is_listening.load(); }));
    asio::co_spawn(
        asio::make_strand(pool),
        [](std::atomic<bool>& over) -> awaitable<void> {
            auto p = co_await create_subprocess(child("exit", "3"));
            const int code = co_await p.wait();
            EXPECT_EQ(code, 3);
            over = true;
        }(is_over),
        asio::detached);
    ASSERT_TRUE(wait_until([&] { return is_over.load(); }));
    asio::post(busy, [&] { first.in().close(); });
    pool.join();
}

TEST_F(watchers, a_forked_copy_has_loops_of_its_own_in_each_way)
{
    for (const auto way : each_watcher) {
        // Its copies may start threads only where there were none.
        if (thread_sanitizer && way == child_watcher::threaded)
            continue;
        SCOPED_TRACE(static_cast<int>(way));
        asio::io_context io;
        use_child_watcher(io, way);
        watched p(io, ends_when_told());
        io.poll();
        BROOD_IN_A_COPY([] {
            require(sigchld_is_default(), "the parent's handler");
            for (const auto own : each_watcher) {
                const promptly limit;
                for (int i = 0; i != in_a_row; ++i) {
                    asio::io_context mine;
                    use_child_watcher(mine, own);
                    watched q(mine, ends_when_told());
                    mine.poll();
                    q->in().close();
                    run(mine);
                    require(q.code() == 5);
                }
                require(sigchld_is_default(), "ours is left");
            }
        });
        p->in().close();
        run(io);
        EXPECT_EQ(p.code(), 5);
    }
}

// Asio's way to take a loop along.
TEST_F(watchers, a_loop_that_a_copy_takes_along_hears_the_copy_s_signals)
{
    asio::io_context io;
    use_child_watcher(io, child_watcher::sigchld);
    watched p(io, ends_when_told());
    io.poll();
    io.notify_fork(asio::execution_context::fork_prepare);
    BROOD_IN_A_COPY([&io, &p] {
        io.notify_fork(asio::execution_context::fork_child);
        const promptly limit;
        for (int i = 0; i != in_a_row; ++i) {
            // Listens all the time, also while there is no other.
            watched other(io, ends_when_told());
            watched q(io, ends_when_told());
            require(!sigchld_is_default(), "it does not listen");
            q->in().close();
            io.restart();
            while (!q.code() && io.run_one() != 0) {
            }
            require(q.code() == 5);
            other->in().close();
            run(io);
            require(other.code() == 5);
        }
        require(p.code() == 255, "it is the parent's child");
    });
    io.notify_fork(asio::execution_context::fork_parent);
    p->in().close();
    run(io);
    EXPECT_EQ(p.code(), 5);
}

// A process that is no child of ours, and no child's either.
TEST_F(watchers, a_stranger_is_watched_by_its_pidfd_whatever_was_chosen)
{
    if (!has_pidfds())
        GTEST_SKIP() << "no pidfds";
    for (const auto way : {child_watcher::threaded, child_watcher::sigchld}) {
        asio::io_context io;
        use_child_watcher(io, way);
        auto leader = spawn_process(
            io, brood::exec("/bin/sh", "-c",
                            "\"$0\" close-stdout-then-wait-stdin <&3 "
                            ">/dev/null & exec 3<&-; echo $!; wait $!",
                            child_path())
                    .out(brood::piped)
                    .child_fd(3, brood::piped_in));
        std::optional<std::string> line;
        asio::co_spawn(
            io,
            [](brood::process& from,
               std::optional<std::string>& to) -> awaitable<void> {
                to = co_await from.out().readline();
            }(leader, line),
            asio::detached);
        run(io);
        auto stranger = brood::adopt_process(io, std::stoi(line.value()));
        bool is_over = false;
        stranger.async_wait(
            [&is_over](brood::error_code, int) { is_over = true; });
        io.restart();
        io.poll();
        EXPECT_EQ(polled("pidfd"), 1U);
        EXPECT_TRUE(sigchld_is_default());
        leader.writer(3).close();
        run(io);
        EXPECT_TRUE(is_over);
        EXPECT_EQ(wait_on(io, leader), 5);
    }
}

}  // namespace
