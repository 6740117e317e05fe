// starts.cpp: children that share our memory for a moment, while the program
// goes on with everything that it could disturb.
//
// Several threads start children, each on a loop of its own; others allocate,
// take locks, are interrupted by signals and write errno; children are killed
// from outside at whatever step they have come to. What is looked at after
// each turn is what a child must not have touched: errno, memory around the
// frame that started it, thread-local storage, the signal mask.
#include "support/async_test.hpp"
#include "support/fixture.hpp"
#include "support/sanitized.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

using namespace brood;
using namespace brood_test;

using starts = clean_test;

constexpr int rounds = sanitized ? 40 : 250;
constexpr int starters = 3;

std::atomic<long> signals_seen{0};
thread_local std::array<std::uint64_t, 64> canaries;

void spin(long turns)
{
    for (; turns > 0; --turns)
        std::atomic_signal_fence(std::memory_order_seq_cst);
}

void fill_canaries(std::uint64_t seed)
{
    for (auto& each : canaries)
        each = seed = seed * 6364136223846793005u + 1442695040888963407u;
}

bool canaries_are_whole(std::uint64_t seed)
{
    for (const auto each : canaries)
        if (each != (seed = seed * 6364136223846793005u + 1442695040888963407u))
            return false;
    return true;
}

sigset_t own_mask()
{
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return mask;
}

bool same(const sigset_t& left, const sigset_t& right)
{
    for (int signal = 1; signal < NSIG; ++signal)
        if (::sigismember(&left, signal) != ::sigismember(&right, signal))
            return false;
    return true;
}

// Starts one child, perhaps kills it `spins` turns of a loop after its birth,
// and checks how it ended.
awaitable<void> start_one(int number, long spins)
{
    const bool fails = number % 7 == 0;
    const bool is_killed = number % 3 == 0;
    const command what = fails ? exec("/nonexistent/program")
                               : child("exit", std::to_string(number % 50));
    const auto io = co_await asio::this_coro::executor;
    auto starting = co_await create_task([](command cmd) -> awaitable<int> {
        auto p = co_await create_subprocess(std::move(cmd));
        co_return co_await p.wait();
    }(what));
    if (is_killed) {
        // It is born in the next turn; somewhere before or after exec.
        co_await asio::post(io, use_awaitable);
        spin(spins);
        starting.cancel();
    }
    try {
        const int code = co_await starting.join();
        EXPECT_FALSE(fails);
        EXPECT_EQ(code, number % 50);
    } catch (const spawn_error& error) {
        EXPECT_TRUE(fails);
        EXPECT_EQ(error.code().value(), ENOENT);
    } catch (const system_error& error) {
        EXPECT_TRUE(is_killed) << error.what();
    }
}

void keep_starting(int which)
{
    const auto seed = static_cast<std::uint64_t>(which) + 1;
    fill_canaries(seed);
    const auto mask = own_mask();
    volatile std::uint64_t around[32];
    for (auto& each : around)
        each = seed;
    brood::run([](int first) -> awaitable<void> {
        for (int i = 0; i != rounds; ++i)
            co_await start_one(first + i, i * 97L % 20'000);
    }(which * 1000));
    for (const auto& each : around)
        EXPECT_EQ(each, seed);
    EXPECT_TRUE(canaries_are_whole(seed));
    EXPECT_TRUE(same(own_mask(), mask));
}

void keep_allocating(const std::atomic<bool>& over)
{
    fill_canaries(99);
    std::vector<std::string> kept(64);
    for (std::size_t i = 0; !over; ++i)
        kept[i % kept.size()] = std::string(i % 9000, static_cast<char>(i));
    EXPECT_TRUE(canaries_are_whole(99));
}

void keep_locking(const std::atomic<bool>& over, std::mutex& shared)
{
    while (!over) {
        const std::lock_guard lock(shared);
        errno = 4711;
        spin(100);
        EXPECT_EQ(errno, 4711);
    }
}

void keep_signalling(const std::atomic<bool>& over)
{
    while (!over) {
        ::kill(::getpid(), SIGUSR1);
        std::this_thread::yield();
    }
}

}  // namespace

TEST_F(starts, disturb_nothing_of_the_program_around_them)
{
    struct sigaction before{};
    struct sigaction counting{};
    counting.sa_handler = [](int) { ++signals_seen; };
    counting.sa_flags = SA_RESTART;
    ASSERT_EQ(::sigaction(SIGUSR1, &counting, &before), 0);

    std::atomic<bool> over{false};
    std::mutex shared;
    std::vector<std::thread> others;
    others.emplace_back(keep_allocating, std::cref(over));
    others.emplace_back(keep_locking, std::cref(over), std::ref(shared));
    others.emplace_back(keep_locking, std::cref(over), std::ref(shared));
    others.emplace_back(keep_signalling, std::cref(over));
    std::vector<std::thread> all;
    for (int i = 0; i != starters; ++i)
        all.emplace_back(keep_starting, i);
    for (auto& each : all)
        each.join();
    over = true;
    for (auto& each : others)
        each.join();
    EXPECT_EQ(::sigaction(SIGUSR1, &before, nullptr), 0);
    EXPECT_GT(signals_seen.load(), 0);
    EXPECT_TRUE(wait_until([] { return children().empty(); }));
}

// A thread that ends takes its stack and its thread-local storage along, and
// the child that it began to start has neither.
TEST_F(starts, outlive_the_threads_that_began_them)
{
    for (int i = 0; i != rounds; ++i) {
        asio::io_context io;
        std::optional<int> code;
        std::thread([&] {
            asio::co_spawn(
                io,
                [](int expected) -> awaitable<int> {
                    auto p = co_await create_subprocess(
                        child("exit", std::to_string(expected)));
                    co_return co_await p.wait();
                }(i % 50),
                [&](std::exception_ptr failure, int got) {
                    if (!failure)
                        code = got;
                });
            // As far as the child's birth, and no further.
            while (children().empty() && !code && io.poll_one() != 0) {
            }
        }).join();
        io.restart();
        io.run();
        ASSERT_EQ(code, i % 50);
    }
}
