// verbs.hpp: what the tests of asyncio's verbs stand on: gates, coroutines that
// never end, end badly or clean up, and a fixture.
//
// No test waits for time to pass: what must not complete waits for something
// that never happens, and what must happen later is let through by a gate.
#pragma once

#include <brood/aio.hpp>

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(detached.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(post.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)
#include BROOD_ASIO_HEADER(strand.hpp)
#include BROOD_ASIO_HEADER(thread_pool.hpp)
#include BROOD_ASIO_HEADER(use_future.hpp)

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <typeinfo>
#include <vector>

namespace verbs_test {

using namespace brood;
using namespace std::chrono_literals;

// A value that must not be copied, nor made from nothing.
class precious {
public:
    explicit precious(int number) : number_(std::make_unique<int>(number)) {}
    int number() const { return *number_; }

private:
    std::unique_ptr<int> number_;
};

// Counts the objects that are alive.
class tracked {
public:
    explicit tracked(int& alive) : alive_(&alive) { ++*alive_; }
    tracked(const tracked& other) : alive_(other.alive_) { ++*alive_; }
    tracked& operator=(const tracked&) = delete;
    ~tracked() { --*alive_; }

private:
    int* alive_;
};

// Lets a coroutine through once it is open. For one executor.
class gate {
public:
    explicit gate(const executor& where)
        : timer_(where, asio::steady_timer::time_point::max())
    {
    }

    void open()
    {
        is_open_ = true;
        timer_.cancel();
    }

    awaitable<void> wait()
    {
        while (!is_open_) {
            auto [ec] = co_await timer_.async_wait(as_tuple(use_awaitable));
            if (!is_open_ && ec)
                throw system_error(ec);
        }
    }

private:
    asio::steady_timer timer_;
    bool is_open_ = false;
};

inline awaitable<void> never()
{
    gate closed(co_await asio::this_coro::executor);
    co_await closed.wait();
}

// Gives every handler that is ready its turn, and those that these make
// ready, often enough for anything in this file to settle.
inline awaitable<void> settle()
{
    auto where = co_await asio::this_coro::executor;
    for (int turn = 0; turn < 50; ++turn)
        co_await asio::post(where, use_awaitable);
}

template <typename T>
awaitable<T> value(T given)
{
    co_return given;
}

inline awaitable<int> after(gate& opened, int given)
{
    co_await opened.wait();
    co_return given;
}

inline awaitable<int> after_settling(int given)
{
    co_await settle();
    co_return given;
}

inline awaitable<int> fail(const char* why)
{
    throw std::runtime_error(why);
    co_return 0;
}

inline awaitable<int> fail_after(gate& opened, const char* why)
{
    co_await opened.wait();
    co_return co_await fail(why);
}

inline awaitable<void> note(std::vector<int>& notes, int number)
{
    notes.push_back(number);
    co_return;
}

// Waits for ever; cancelled, it takes some turns to clean up, and notes it.
inline awaitable<int> never_with_clean_up(int& cleaned_up)
{
    std::exception_ptr failure;
    try {
        co_await never();
    } catch (...) {
        failure = std::current_exception();
    }
    co_await asio::this_coro::reset_cancellation_state(
        asio::disable_cancellation());
    co_await settle();
    ++cleaned_up;
    std::rethrow_exception(failure);
}

// Waits for ever; cancelled, it gives a value.
inline awaitable<int> never_but(int given)
{
    try {
        co_await never();
    } catch (const system_error&) {
    }
    co_return given;
}

// The message of what awaiting `work` throws; "" if it does not.
template <typename T>
awaitable<std::string> message_of(awaitable<T> work)
{
    std::string message;
    try {
        static_cast<void>(co_await std::move(work));
    } catch (const timeout_error&) {
        message = "timeout";
    } catch (const keyboard_interrupt&) {
        message = "interrupt";
    } catch (const system_error& error) {
        message = error.code() == asio::error::operation_aborted ? "aborted"
                                                                 : error.what();
    } catch (const std::exception& error) {
        message = error.what();
    }
    // This coroutine may have been cancelled, too; the caller goes on.
    co_await asio::this_coro::reset_cancellation_state();
    co_return message;
}

inline awaitable<std::string> message_of_void(awaitable<void> work)
{
    auto with_value = [](awaitable<void> inner) -> awaitable<int> {
        co_await std::move(inner);
        co_return 0;
    };
    co_return co_await message_of(with_value(std::move(work)));
}

// An operation that is done before its initiation returns, which nothing
// forbids others.
inline awaitable<void> done_inside_its_start()
{
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [](auto handler) { std::move(handler)(); }, use_awaitable);
}

// Waits for ever; cancelled, it is done before the emission returns, as
// Asio's channels are. Notes when that is.
inline awaitable<void> done_inside_its_cancel(int& cancelled)
{
    co_await asio::async_initiate<const asio::use_awaitable_t<>&,
                                  void(error_code)>(
        [&cancelled](auto handler) {
            auto slot = asio::get_associated_cancellation_slot(handler);
            using handler_type = decltype(handler);
            auto held = std::make_shared<handler_type>(std::move(handler));
            slot.assign([&cancelled, held](asio::cancellation_type) {
                ++cancelled;
                auto alone = std::move(*held);
                std::move(alone)(asio::error::operation_aborted);
            });
        },
        use_awaitable);
}

// Waits until somebody calls `finish`, and is done inside that call.
inline awaitable<void> done_inside_a_call(std::function<void()>& finish)
{
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [&finish](auto handler) {
            using handler_type = decltype(handler);
            auto held = std::make_shared<handler_type>(std::move(handler));
            finish = [held] { std::move (*held)(); };
        },
        use_awaitable);
}

inline std::size_t open_descriptors()
{
    namespace fs = std::filesystem;
    const fs::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(
        std::distance(fs::begin(all), fs::end(all)));
}

inline void set_action(int signal, void (*handler)(int))
{
    struct sigaction action{};
    action.sa_handler = handler;
    ASSERT_EQ(::sigaction(signal, &action, nullptr), 0);
}

inline void (*action_of(int signal))(int)
{
    struct sigaction action{};
    ::sigaction(signal, nullptr, &action);
    return action.sa_handler;
}

// Nothing is left behind: no descriptor, and no action of SIGINT.
class verbs : public ::testing::Test {
protected:
    void SetUp() override
    {
        // A shell starts its background jobs with SIGINT ignored.
        set_action(SIGINT, SIG_DFL);
        descriptors_ = open_descriptors();
    }
    void TearDown() override
    {
        EXPECT_EQ(open_descriptors(), descriptors_);
        EXPECT_TRUE(action_of(SIGINT) == SIG_DFL);
    }

private:
    std::size_t descriptors_ = 0;
};

template <typename T>
awaitable<std::string> message_when_cancelled(awaitable<T> work)
{
    auto started = co_await create_task(std::move(work));
    co_await settle();
    EXPECT_FALSE(started.done());
    started.cancel();
    co_return co_await message_of(started.join());
}

}  // namespace verbs_test
