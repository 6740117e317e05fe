// verbs_test.cpp: asyncio's verbs, over events and timers; no child process.
//
// No test waits for time to pass: what must not complete waits for something
// that never happens, and what must happen later is let through by a gate.
#include <brood/aio.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>

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

namespace {

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

awaitable<void> never()
{
    gate closed(co_await asio::this_coro::executor);
    co_await closed.wait();
}

// Gives every handler that is ready its turn, and those that these make
// ready, often enough for anything in this file to settle.
awaitable<void> settle()
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

awaitable<int> after(gate& opened, int given)
{
    co_await opened.wait();
    co_return given;
}

awaitable<int> after_settling(int given)
{
    co_await settle();
    co_return given;
}

awaitable<int> fail(const char* why)
{
    throw std::runtime_error(why);
    co_return 0;
}

awaitable<int> fail_after(gate& opened, const char* why)
{
    co_await opened.wait();
    co_return co_await fail(why);
}

awaitable<void> note(std::vector<int>& notes, int number)
{
    notes.push_back(number);
    co_return;
}

// Waits for ever; cancelled, it takes some turns to clean up, and notes it.
awaitable<int> never_with_clean_up(int& cleaned_up)
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
awaitable<int> never_but(int given)
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

awaitable<std::string> message_of_void(awaitable<void> work)
{
    auto with_value = [](awaitable<void> inner) -> awaitable<int> {
        co_await std::move(inner);
        co_return 0;
    };
    co_return co_await message_of(with_value(std::move(work)));
}

// An operation that is done before its initiation returns, which nothing
// forbids others.
awaitable<void> done_inside_its_start()
{
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [](auto handler) { std::move(handler)(); }, use_awaitable);
}

// Waits for ever; cancelled, it is done before the emission returns, as
// Asio's channels are. Notes when that is.
awaitable<void> done_inside_its_cancel(int& cancelled)
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
awaitable<void> done_inside_a_call(std::function<void()>& finish)
{
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [&finish](auto handler) {
            using handler_type = decltype(handler);
            auto held = std::make_shared<handler_type>(std::move(handler));
            finish = [held] { std::move (*held)(); };
        },
        use_awaitable);
}

std::size_t open_descriptors()
{
    namespace fs = std::filesystem;
    const fs::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(
        std::distance(fs::begin(all), fs::end(all)));
}

void set_action(int signal, void (*handler)(int))
{
    struct sigaction action{};
    action.sa_handler = handler;
    ASSERT_EQ(::sigaction(signal, &action, nullptr), 0);
}

void (*action_of(int signal))(int)
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

// ---------------------------------------------------------------- sleep

TEST_F(verbs, sleep_does_not_end_early)
{
    const auto started = std::chrono::steady_clock::now();
    run(sleep(5ms));
    EXPECT_GE(std::chrono::steady_clock::now() - started, 5ms);
}

TEST_F(verbs, sleep_of_nothing_gives_the_others_their_turn)
{
    std::vector<int> notes;
    auto first = [&]() -> awaitable<void> {
        notes.push_back(1);
        co_await sleep(0s);
        notes.push_back(3);
    };
    auto main = [&]() -> awaitable<void> {
        co_await gather(first(), note(notes, 2));
    };
    run(main());
    EXPECT_EQ(notes, (std::vector{1, 2, 3}));
}

TEST_F(verbs, sleep_for_longer_than_the_clock_can_count_does_not_end)
{
    using detail::tick;
    static_assert(detail::to_ticks(std::chrono::hours::max()) ==
                  tick::max() / 2);
    static_assert(detail::to_ticks(std::chrono::hours::min()) ==
                  -(tick::max() / 2));
    static_assert(detail::to_ticks(1.5s) == 1500ms);
    auto main = []() -> awaitable<bool> {
        auto longest = co_await create_task(sleep(std::chrono::hours::max()));
        co_await settle();
        co_return longest.done();
    };
    EXPECT_FALSE(run(main()));
}

// ----------------------------------------------------------------- task

TEST_F(verbs, create_task_starts_the_coroutine_at_once)
{
    std::vector<int> notes;
    auto main = [&]() -> awaitable<void> {
        auto started = co_await create_task(note(notes, 1));
        notes.push_back(2);
        EXPECT_FALSE(started.done()) << "its end was told inside the call";
        co_await started.join();
        EXPECT_TRUE(started.done());
    };
    run(main());
    EXPECT_EQ(notes, (std::vector{1, 2}));
}

TEST_F(verbs, create_task_starts_nothing_before_it_is_awaited)
{
    int alive = 0;
    std::vector<int> notes;
    auto work = [&](tracked) -> awaitable<void> { return note(notes, 1); };
    auto main = [&]() -> awaitable<void> {
        auto unused = create_task(work(tracked(alive)));
        co_await settle();
    };
    run(main());
    EXPECT_TRUE(notes.empty());
    EXPECT_EQ(alive, 0);
}

TEST_F(verbs, join_gives_every_joiner_the_value)
{
    auto main = []() -> awaitable<void> {
        gate opened(co_await asio::this_coro::executor);
        auto work = [](gate& g) -> awaitable<std::string> {
            co_await g.wait();
            co_return std::string(100, 'x');
        };
        auto started = co_await create_task(work(opened));
        auto first = co_await create_task(started.join());
        auto second = co_await create_task(started.join());
        co_await settle();
        EXPECT_FALSE(first.done() || second.done());
        opened.open();
        EXPECT_EQ(co_await first.join(), std::string(100, 'x'));
        EXPECT_EQ(co_await second.join(), std::string(100, 'x'));
        EXPECT_EQ(co_await started.join(), std::string(100, 'x'));
        EXPECT_EQ(co_await std::move(started).join(), std::string(100, 'x'));
    };
    run(main());
}

TEST_F(verbs, join_gives_a_value_that_cannot_be_copied_once)
{
    auto main = []() -> awaitable<void> {
        auto work = []() -> awaitable<precious> { co_return precious(7); };
        auto started = co_await create_task(work());
        const auto got = co_await started.join();
        EXPECT_EQ(got.number(), 7);
        const auto message = co_await message_of(started.join());
        EXPECT_NE(message.find("taken"), std::string::npos) << message;
    };
    run(main());
}

TEST_F(verbs, join_throws_what_the_task_threw_every_time)
{
    auto main = []() -> awaitable<void> {
        auto started = co_await create_task(fail("broken"));
        EXPECT_EQ(co_await message_of(started.join()), "broken");
        EXPECT_EQ(co_await message_of(started.join()), "broken");
    };
    run(main());
}

TEST_F(verbs, join_works_on_a_task_without_a_name)
{
    auto main = []() -> awaitable<int> {
        co_return co_await (co_await create_task(value(3))).join();
    };
    EXPECT_EQ(run(main()), 3);
}

TEST_F(verbs, join_does_not_need_the_handle_where_it_was)
{
    auto main = []() -> awaitable<int> {
        gate opened(co_await asio::this_coro::executor);
        auto started = co_await create_task(after(opened, 4));
        auto joined = started.join();
        auto elsewhere = std::move(started);
        EXPECT_THROW(static_cast<void>(started.join()), std::logic_error);
        opened.open();
        co_return co_await std::move(joined);
    };
    EXPECT_EQ(run(main()), 4);
}

TEST_F(verbs, a_cancelled_join_leaves_the_task_running)
{
    auto main = []() -> awaitable<void> {
        gate opened(co_await asio::this_coro::executor);
        auto started = co_await create_task(after(opened, 5));
        auto joining = co_await create_task(started.join());
        joining.cancel();
        EXPECT_EQ(co_await message_of(joining.join()), "aborted");
        EXPECT_FALSE(started.done());
        opened.open();
        EXPECT_EQ(co_await started.join(), 5);
    };
    run(main());
}

TEST_F(verbs, cancel_ends_a_task_and_its_join_says_so)
{
    auto main = []() -> awaitable<void> {
        int cleaned_up = 0;
        auto started = co_await create_task(never_with_clean_up(cleaned_up));
        started.cancel();
        started.cancel();
        EXPECT_EQ(cleaned_up, 0) << "cancelled inside the call";
        EXPECT_EQ(co_await message_of(started.join()), "aborted");
        EXPECT_EQ(cleaned_up, 1);
        started.cancel();
    };
    run(main());
}

TEST_F(verbs, cancel_does_nothing_inside_the_call)
{
    auto main = []() -> awaitable<void> {
        int cancelled = 0;
        auto started = co_await create_task(done_inside_its_cancel(cancelled));
        started.cancel();
        EXPECT_EQ(cancelled, 0);
        EXPECT_EQ(co_await message_of_void(started.join()), "aborted");
        EXPECT_EQ(cancelled, 1);
    };
    run(main());
}

TEST_F(verbs, a_dropped_task_is_cancelled)
{
    int cleaned_up = 0;
    auto main = [&]() -> awaitable<void> {
        {
            auto dropped =
                co_await create_task(never_with_clean_up(cleaned_up));
            auto assigned =
                co_await create_task(never_with_clean_up(cleaned_up));
            auto other = co_await create_task(value(1));
            assigned = std::move(other);
            co_await settle();
            co_await settle();
            EXPECT_EQ(cleaned_up, 1) << "the one that was assigned to";
        }
        EXPECT_EQ(cleaned_up, 1) << "the destructor waited";
        co_await settle();
        co_await settle();
        EXPECT_EQ(cleaned_up, 2);
    };
    run(main());
}

TEST_F(verbs, a_detached_task_goes_on)
{
    std::vector<int> notes;
    auto work = [&](gate& opened) -> awaitable<void> {
        co_await opened.wait();
        notes.push_back(1);
    };
    auto main = [&]() -> awaitable<void> {
        gate opened(co_await asio::this_coro::executor);
        (co_await create_task(work(opened))).detach();
        co_await settle();
        opened.open();
        co_await settle();
    };
    run(main());
    EXPECT_EQ(notes, std::vector{1});
}

// --------------------------------------------------------------- gather

TEST_F(verbs, gather_gives_the_values_in_order)
{
    auto main = []() -> awaitable<void> {
        gate opened(co_await asio::this_coro::executor);
        auto opener = [](gate& g) -> awaitable<void> {
            g.open();
            co_return;
        };
        auto [number, text, nothing, own] =
            co_await gather(after(opened, 1), value(std::string(50, 'y')),
                            opener(opened), value(std::vector<int>(2, 3)));
        EXPECT_EQ(number, 1);
        EXPECT_EQ(text, std::string(50, 'y'));
        EXPECT_EQ(nothing, std::monostate());
        EXPECT_EQ(own, std::vector<int>(2, 3));
    };
    run(main());
}

TEST_F(verbs, gather_takes_values_that_cannot_be_copied_or_default_made)
{
    auto make = [](int number) -> awaitable<precious> {
        co_return precious(number);
    };
    auto main = [&]() -> awaitable<void> {
        auto [one, two] = co_await gather(make(1), make(2));
        EXPECT_EQ(one.number() + two.number(), 3);
        auto many = co_await gather(std::views::iota(0, 3) |
                                    std::views::transform(make));
        EXPECT_EQ(many.size(), 3u);
        EXPECT_EQ(many[2].number(), 2);
    };
    run(main());
}

TEST_F(verbs, gather_of_nothing_is_empty)
{
    auto main = []() -> awaitable<void> {
        static_cast<void>(co_await gather());
        std::vector<awaitable<int>> none;
        auto values = co_await gather(std::move(none));
        static_assert(std::is_same_v<decltype(values), std::vector<int>>);
        EXPECT_TRUE(values.empty());
    };
    run(main());
}

TEST_F(verbs, gather_starts_in_order_and_all_at_once)
{
    std::vector<int> notes;
    auto step = [&](int number) -> awaitable<void> {
        notes.push_back(number);
        co_await settle();
        notes.push_back(number + 10);
    };
    auto main = [&]() -> awaitable<void> {
        co_await gather(step(1), step(2), step(3));
    };
    run(main());
    EXPECT_EQ(notes, (std::vector{1, 2, 3, 11, 12, 13}));
}

TEST_F(verbs, gather_starts_nothing_before_it_is_awaited)
{
    int alive = 0;
    std::vector<int> notes;
    auto work = [&](tracked) -> awaitable<int> {
        notes.push_back(1);
        co_return 1;
    };
    auto main = [&]() -> awaitable<void> {
        auto each = gather(work(tracked(alive)), work(tracked(alive)));
        std::vector<awaitable<int>> many;
        many.push_back(work(tracked(alive)));
        auto ranged = gather(std::move(many), in_flight(1));
        co_await settle();
        EXPECT_EQ(alive, 3);
    };
    run(main());
    EXPECT_TRUE(notes.empty());
    EXPECT_EQ(alive, 0);
}

TEST_F(verbs, gather_runs_on_the_executor_of_the_caller)
{
    auto main = []() -> awaitable<void> {
        const auto mine = co_await asio::this_coro::executor;
        auto where = []() -> awaitable<executor> {
            co_return co_await asio::this_coro::executor;
        };
        auto [one] = co_await gather(where());
        EXPECT_TRUE(one == mine);
    };
    run(main());

    asio::thread_pool pool(2);
    const executor strand = asio::make_strand(pool.get_executor());
    const executor own = asio::make_strand(executor(pool.get_executor()));
    asio::co_spawn(own, main(), asio::use_future).get();
    auto within = [](executor given) -> awaitable<void> {
        auto is_inside = [](executor outer) -> awaitable<bool> {
            co_return outer
                .target<asio::strand<asio::thread_pool::executor_type>>()
                ->running_in_this_thread();
        };
        auto [inside] = co_await gather(is_inside(given));
        EXPECT_TRUE(inside);
    };
    asio::co_spawn(strand, within(strand), asio::use_future).get();
}

TEST_F(verbs, gather_of_a_range_keeps_its_order_whoever_ends_first)
{
    auto main = []() -> awaitable<void> {
        const auto where = co_await asio::this_coro::executor;
        std::vector<std::unique_ptr<gate>> gates;
        for (int i = 0; i < 4; ++i)
            gates.push_back(std::make_unique<gate>(where));
        auto open_backwards = [&]() -> awaitable<int> {
            for (auto& next : gates | std::views::reverse) {
                next->open();
                co_await settle();
            }
            co_return 99;
        };
        std::vector<awaitable<int>> work;
        for (int i = 0; i < 4; ++i)
            work.push_back(after(*gates[static_cast<std::size_t>(i)], i));
        work.push_back(open_backwards());
        const auto values = co_await gather(std::move(work));
        EXPECT_EQ(values, (std::vector{0, 1, 2, 3, 99}));
    };
    run(main());
}

TEST_F(verbs, gather_of_a_range_of_void_and_of_bool)
{
    auto main = []() -> awaitable<void> {
        auto nothing = co_await gather(
            std::views::iota(0, 3) |
            std::views::transform([](int) { return settle(); }));
        EXPECT_EQ(nothing.size(), 3u);
        const auto odd = co_await gather(
            std::views::iota(0, 3) |
            std::views::transform([](int i) { return value(i % 2 == 1); }));
        EXPECT_EQ(odd, (std::vector{false, true, false}));
    };
    run(main());
}

TEST_F(verbs, gather_in_flight_pulls_an_element_only_into_a_free_slot)
{
    constexpr int total = 20;
    constexpr int limit = 3;
    int pulled = 0, running = 0, most = 0, done = 0;
    auto main = [&]() -> awaitable<std::vector<int>> {
        const auto where = co_await asio::this_coro::executor;
        std::vector<std::unique_ptr<gate>> gates;
        for (int i = 0; i < total; ++i)
            gates.push_back(std::make_unique<gate>(where));
        auto work = [&](int i) -> awaitable<int> {
            most = std::max(most, ++running);
            co_await gates[static_cast<std::size_t>(i)]->wait();
            --running;
            ++done;
            co_return i* i;
        };
        auto pull = [&](int i) {
            EXPECT_LT(pulled, done + limit);
            EXPECT_EQ(pulled, i);
            ++pulled;
            return work(i);
        };
        auto all = co_await create_task(
            gather(std::views::iota(0, total) | std::views::transform(pull),
                   in_flight(limit)));
        for (int i = 0; i < total; ++i) {
            co_await settle();
            EXPECT_EQ(running, std::min(limit, total - i));
            EXPECT_EQ(pulled, std::min(total, i + limit));
            // The one in the middle ends first, if there are so many.
            const int next = i + 1 < total && i % 2 == 0 ? i + 1 : i;
            const int other = next == i && i > 0 ? i - 1 : next;
            gates[static_cast<std::size_t>(other)]->open();
        }
        co_return co_await std::move(all).join();
    };
    const auto values = run(main());
    ASSERT_EQ(values.size(), static_cast<std::size_t>(total));
    for (int i = 0; i < total; ++i)
        EXPECT_EQ(values[static_cast<std::size_t>(i)], i * i);
    EXPECT_EQ(most, limit);
}

TEST_F(verbs, gather_in_flight_takes_a_range_that_can_be_read_only_once)
{
    std::istringstream numbers("1 2 3 4 5");
    auto main = [&]() -> awaitable<std::vector<int>> {
        co_return co_await gather(std::views::istream<int>(numbers) |
                                      std::views::transform(value<int>),
                                  in_flight(2));
    };
    EXPECT_EQ(run(main()), (std::vector{1, 2, 3, 4, 5}));
}

TEST_F(verbs, gather_steps_through_a_range_no_sooner_than_it_must)
{
    std::istringstream numbers("1 2 3");
    auto main = [&]() -> awaitable<void> {
        gate opened(co_await asio::this_coro::executor);
        auto work = [&](int number) { return after(opened, number); };
        auto all = co_await create_task(gather(
            std::views::istream<int>(numbers) | std::views::transform(work),
            in_flight(1)));
        co_await settle();
        EXPECT_EQ(numbers.tellg(), 1) << "it read ahead";
        opened.open();
        const auto values = co_await all.join();
        EXPECT_EQ(values, (std::vector{1, 2, 3}));
    };
    run(main());
}

TEST_F(verbs, gather_refuses_to_run_nothing_at_a_time)
{
    EXPECT_THROW(in_flight(0), std::invalid_argument);
    EXPECT_THROW(in_flight(-1), std::invalid_argument);
    EXPECT_EQ(in_flight(8).limit(), 8u);
}

TEST_F(verbs, gather_throws_the_first_exception_when_all_have_ended)
{
    auto main = []() -> awaitable<void> {
        int cleaned_up = 0;
        gate opened(co_await asio::this_coro::executor);
        auto open = [&]() -> awaitable<void> {
            opened.open();
            co_await never();
        };
        const auto message = co_await message_of(
            gather(never_with_clean_up(cleaned_up), fail_after(opened, "first"),
                   open(), never_with_clean_up(cleaned_up)));
        EXPECT_EQ(message, "first");
        EXPECT_EQ(cleaned_up, 2);
    };
    run(main());
}

TEST_F(verbs, gather_throws_what_came_first_in_time)
{
    auto fails_when_cancelled = [](const char* why) -> awaitable<int> {
        try {
            co_await never();
        } catch (const system_error&) {
        }
        co_return co_await fail(why);
    };
    auto main = [&]() -> awaitable<void> {
        gate one(co_await asio::this_coro::executor);
        gate two(co_await asio::this_coro::executor);
        auto open = [&]() -> awaitable<int> {
            two.open();
            co_await settle();
            one.open();
            co_return 0;
        };
        EXPECT_EQ(co_await message_of(
                      gather(fail_after(one, "one"), fail_after(two, "two"),
                             fails_when_cancelled("three"), open())),
                  "two");
    };
    run(main());
}

TEST_F(verbs, gather_hands_over_exceptions_when_asked_to)
{
    auto main = []() -> awaitable<void> {
        auto [number, broken, nothing] = co_await gather(
            value(1), fail("broken"), settle(), return_exceptions);
        EXPECT_EQ(number.value(), 1);
        EXPECT_FALSE(broken.has_value());
        EXPECT_THROW(broken.value(), std::runtime_error);
        EXPECT_TRUE(broken.exception());
        EXPECT_TRUE(nothing);
        EXPECT_EQ(*nothing, std::monostate());

        auto odd_fails = [](int i) {
            return i % 2 == 1 ? fail("odd") : value(i);
        };
        auto pull = std::views::iota(0, 4) | std::views::transform(odd_fails);
        for (const auto limited : {false, true}) {
            auto all = limited ? gather(pull, in_flight(2), return_exceptions)
                               : gather(pull, return_exceptions);
            const auto results = co_await std::move(all);
            EXPECT_EQ(results.size(), 4u);
            for (int i = 0; i < 4; ++i) {
                const auto& got = results[static_cast<std::size_t>(i)];
                EXPECT_EQ(got.has_value(), i % 2 == 0);
                EXPECT_EQ(got ? *got : i, i);
            }
        }
    };
    run(main());
}

TEST_F(verbs, gather_passes_on_what_pulling_an_element_throws)
{
    auto main = []() -> awaitable<void> {
        int cleaned_up = 0;
        int pulled = 0;
        auto pull = [&](int i) {
            ++pulled;
            if (i == 2)
                throw std::runtime_error("cannot make it");
            return never_with_clean_up(cleaned_up);
        };
        EXPECT_EQ(co_await message_of(gather(std::views::iota(0, 5) |
                                             std::views::transform(pull))),
                  "cannot make it");
        EXPECT_EQ(cleaned_up, 2);
        EXPECT_EQ(pulled, 3);
    };
    run(main());
}

TEST_F(verbs, gather_of_an_awaitable_that_was_moved_from_is_an_error)
{
    auto main = []() -> awaitable<void> {
        auto one = value(1);
        auto other = std::move(one);
        EXPECT_NE((co_await message_of(gather(std::move(one)))).find("moved"),
                  std::string::npos);
        EXPECT_EQ(co_await std::move(other), 1);
    };
    run(main());
}

// Cancels `work` once it has settled, and gives its message.
template <typename T>
awaitable<std::string> message_when_cancelled(awaitable<T> work)
{
    auto started = co_await create_task(std::move(work));
    co_await settle();
    EXPECT_FALSE(started.done());
    started.cancel();
    co_return co_await message_of(started.join());
}

TEST_F(verbs, gather_cancelled_from_outside_ends_when_all_have_ended)
{
    auto main = []() -> awaitable<void> {
        int cleaned_up = 0;
        auto clean = [&] { return never_with_clean_up(cleaned_up); };
        EXPECT_EQ(
            co_await message_when_cancelled(gather(clean(), value(1), clean())),
            "aborted");
        EXPECT_EQ(cleaned_up, 2);
        EXPECT_EQ(co_await message_when_cancelled(
                      gather(clean(), never_but(3), return_exceptions)),
                  "aborted");
        EXPECT_EQ(cleaned_up, 3);

        int pulled = 0;
        auto pull = [&](int) {
            ++pulled;
            return clean();
        };
        EXPECT_EQ(co_await message_when_cancelled(
                      gather(std::views::iota(0) | std::views::transform(pull),
                             in_flight(4))),
                  "aborted");
        EXPECT_EQ(cleaned_up, 7);
        EXPECT_EQ(pulled, 4);
    };
    run(main());
}

TEST_F(verbs, gather_within_gather_passes_values_failures_and_cancellation)
{
    auto main = []() -> awaitable<void> {
        auto [inner, one] =
            co_await gather(gather(value(1), value(2)), value(3));
        EXPECT_EQ(inner, (std::tuple(1, 2)));
        EXPECT_EQ(one, 3);

        int cleaned_up = 0;
        auto clean = [&] { return never_with_clean_up(cleaned_up); };
        EXPECT_EQ(co_await message_of(
                      gather(gather(clean(), gather(clean(), clean())),
                             gather(clean(), fail("deep")))),
                  "deep");
        EXPECT_EQ(cleaned_up, 4);
        EXPECT_EQ(co_await message_when_cancelled(
                      gather(gather(clean(), gather(clean())), clean())),
                  "aborted");
        EXPECT_EQ(cleaned_up, 7);
    };
    run(main());
}

TEST_F(verbs, gather_destroys_what_it_was_given_before_its_caller_goes_on)
{
    int alive = 0;
    auto main = [&]() -> awaitable<void> {
        auto pull = [held = tracked(alive)](int i) { return value(i); };
        EXPECT_EQ(alive, 1);
        auto all = gather(std::views::iota(0, 3) |
                          std::views::transform(std::move(pull)));
        EXPECT_EQ(alive, 2);
        co_await std::move(all);
        EXPECT_EQ(alive, 1);
    };
    run(main());
    EXPECT_EQ(alive, 0);
}

TEST_F(verbs, children_may_end_inside_their_start_and_their_cancellation)
{
    auto main = []() -> awaitable<void> {
        auto pull = [](int i) -> awaitable<int> {
            co_await done_inside_its_start();
            co_return i;
        };
        const auto values = co_await gather(std::views::iota(0, 100000) |
                                                std::views::transform(pull),
                                            in_flight(2));
        EXPECT_EQ(values.size(), 100000u);
        EXPECT_EQ(values.back(), 99999);
        co_await gather(pull(1), pull(2));
        EXPECT_EQ(co_await wait_for(pull(3), 1h), 3);
        EXPECT_EQ(co_await wait_for(pull(4), 0s), 4);
        auto body = [&](task_group& group) {
            group.create_task(pull(5));
            return pull(6);
        };
        EXPECT_EQ(co_await with_task_group(body), 6);

        int cancelled = 0;
        auto wait = [&] { return done_inside_its_cancel(cancelled); };
        EXPECT_EQ(co_await message_of(gather(wait(), fail("one"), wait(),
                                             gather(wait(), wait()))),
                  "one");
        EXPECT_EQ(cancelled, 4);
        EXPECT_EQ(co_await message_when_cancelled(
                      gather(wait(), gather(wait(), wait()))),
                  "aborted");
        EXPECT_EQ(cancelled, 7);
        EXPECT_EQ(co_await message_of_void(wait_for(wait(), 1ms)), "timeout");
        EXPECT_EQ(cancelled, 8);
    };
    run(main());
}

TEST_F(verbs, a_child_may_end_while_the_one_before_it_is_cancelled)
{
    auto main = []() -> awaitable<void> {
        std::function<void()> finish;
        int cancelled = 0;
        auto first = [&]() -> awaitable<void> {
            try {
                co_await done_inside_its_cancel(cancelled);
            } catch (const system_error&) {
            }
            finish();
        };
        EXPECT_EQ(co_await message_when_cancelled(
                      gather(first(), done_inside_a_call(finish))),
                  "aborted");
        EXPECT_EQ(cancelled, 1);
        finish = nullptr;
        EXPECT_EQ(co_await message_when_cancelled(
                      gather(first(), done_inside_a_call(finish),
                             done_inside_its_cancel(cancelled))),
                  "aborted");
        EXPECT_EQ(cancelled, 3);
    };
    run(main());
}

TEST_F(verbs, every_type_of_cancellation_means_the_same)
{
    using asio::cancellation_type;
    for (const auto type :
         {cancellation_type::terminal, cancellation_type::partial,
          cancellation_type::total}) {
        asio::io_context io;
        asio::cancellation_signal signal;
        int cleaned_up = 0;
        std::string message;
        auto main = [&]() -> awaitable<void> {
            co_await asio::this_coro::reset_cancellation_state(
                asio::enable_total_cancellation());
            message = co_await message_of(
                gather(never_with_clean_up(cleaned_up),
                       wait_for(never_with_clean_up(cleaned_up), 1h)));
        };
        asio::co_spawn(
            io, main(),
            asio::bind_cancellation_slot(signal.slot(), asio::detached));
        io.poll();
        signal.emit(type);
        io.run();
        EXPECT_EQ(message, "aborted");
        EXPECT_EQ(cleaned_up, 2);
    }
}

// ------------------------------------------------------------- wait_for

TEST_F(verbs, wait_for_gives_the_value_of_what_ends_in_time)
{
    auto main = []() -> awaitable<void> {
        EXPECT_EQ(co_await wait_for(value(1), 1h), 1);
        co_await wait_for(settle(), 1h);
        auto make = []() -> awaitable<precious> { co_return precious(2); };
        const auto got = co_await wait_for(make(), 1h);
        EXPECT_EQ(got.number(), 2);
        EXPECT_EQ(co_await message_of(wait_for(fail("broken"), 1h)), "broken");
    };
    run(main());
}

TEST_F(verbs, wait_for_cancels_and_awaits_what_takes_too_long)
{
    auto main = []() -> awaitable<void> {
        int cleaned_up = 0;
        EXPECT_EQ(
            co_await message_of(wait_for(never_with_clean_up(cleaned_up), 1ms)),
            "timeout");
        EXPECT_EQ(cleaned_up, 1);
        EXPECT_EQ(co_await message_of_void(wait_for(never(), 1ms)), "timeout");
    };
    run(main());
}

TEST_F(verbs, timeout_error_is_a_system_error)
{
    try {
        throw timeout_error();
    } catch (const system_error& error) {
        EXPECT_EQ(error.code(), asio::error::timed_out);
    }
}

TEST_F(verbs, wait_for_loses_no_value_and_hides_no_other_error)
{
    auto fails_when_cancelled = []() -> awaitable<int> {
        co_await never_but(1);
        throw std::runtime_error("while stopping");
    };
    auto main = [&]() -> awaitable<void> {
        EXPECT_EQ(co_await wait_for(never_but(7), 1ms), 7);
        EXPECT_EQ(co_await message_of(wait_for(fails_when_cancelled(), 1ms)),
                  "while stopping");
    };
    run(main());
}

TEST_F(verbs, wait_for_no_time_runs_the_work_up_to_its_first_wait)
{
    auto main = []() -> awaitable<void> {
        std::vector<int> notes;
        auto work = [&]() -> awaitable<int> {
            notes.push_back(1);
            co_await sleep(0s);
            notes.push_back(2);
            co_return 0;
        };
        EXPECT_EQ(co_await message_of(wait_for(work(), 0s)), "timeout");
        EXPECT_EQ(co_await message_of(wait_for(work(), -1h)), "timeout");
        EXPECT_EQ(notes, (std::vector{1, 1}));
        EXPECT_EQ(co_await wait_for(value(3), 0s), 3);
    };
    run(main());
}

TEST_F(verbs, wait_for_cancelled_from_outside_awaits_the_work)
{
    auto main = []() -> awaitable<void> {
        int cleaned_up = 0;
        EXPECT_EQ(co_await message_when_cancelled(
                      wait_for(never_with_clean_up(cleaned_up), 1h)),
                  "aborted");
        EXPECT_EQ(cleaned_up, 1);

        auto swallows = co_await create_task(wait_for(never_but(5), 1h));
        swallows.cancel();
        EXPECT_EQ(co_await swallows.join(), 5);
    };
    run(main());
}

TEST_F(verbs, wait_for_within_wait_for_tells_whose_time_was_up)
{
    auto main = []() -> awaitable<void> {
        // The inner one's time is up: the outer passes its error on.
        EXPECT_EQ(
            co_await message_of_void(wait_for(wait_for(never(), 1ms), 1h)),
            "timeout");
        // The outer one's is: the inner is only cancelled.
        std::string inner_message;
        auto inner = [&]() -> awaitable<void> {
            inner_message = co_await message_of_void(wait_for(never(), 1h));
            throw system_error(asio::error::operation_aborted);
        };
        EXPECT_EQ(co_await message_of_void(wait_for(inner(), 1ms)), "timeout");
        EXPECT_EQ(inner_message, "aborted");
    };
    run(main());
}

// ----------------------------------------------------------- task group

TEST_F(verbs, with_task_group_waits_for_its_tasks)
{
    auto main = []() -> awaitable<void> {
        std::vector<int> notes;
        gate opened(co_await asio::this_coro::executor);
        auto task_of = [&](int number) -> awaitable<void> {
            co_await opened.wait();
            notes.push_back(number);
        };
        auto grouped = co_await create_task(
            with_task_group([&](task_group& group) -> awaitable<int> {
                group.create_task(task_of(1));
                group.create_task(task_of(2));
                co_return 8;
            }));
        co_await settle();
        EXPECT_FALSE(grouped.done());
        opened.open();
        EXPECT_EQ(co_await grouped.join(), 8);
        EXPECT_EQ(notes, (std::vector{1, 2}));
    };
    run(main());
}

TEST_F(verbs, with_task_group_gives_the_values_of_its_tasks_through_handles)
{
    auto main = []() -> awaitable<void> {
        const auto sum =
            co_await with_task_group([](task_group& group) -> awaitable<int> {
                auto one = group.create_task(value(1));
                auto two = group.create_task(value(2));
                co_return co_await one.join() + co_await two.join();
            });
        EXPECT_EQ(sum, 3);
        auto hands_out = [](task_group& group) -> awaitable<task<int>> {
            co_return group.create_task(value(4));
        };
        auto later = co_await with_task_group(hands_out);
        EXPECT_TRUE(later.done());
        EXPECT_EQ(co_await later.join(), 4);
    };
    run(main());
}

TEST_F(verbs, with_task_group_ends_all_when_the_body_fails)
{
    auto main = []() -> awaitable<void> {
        int cleaned_up = 0;
        auto body = [&](task_group& group) -> awaitable<int> {
            group.create_task(never_with_clean_up(cleaned_up));
            group.create_task(never_with_clean_up(cleaned_up));
            co_await settle();
            co_return co_await fail("body");
        };
        EXPECT_EQ(co_await message_of(with_task_group(body)), "body");
        EXPECT_EQ(cleaned_up, 2);
    };
    run(main());
}

TEST_F(verbs, with_task_group_ends_all_when_a_task_fails)
{
    auto main = []() -> awaitable<void> {
        int cleaned_up = 0;
        std::string late;
        auto body = [&](task_group& group) -> awaitable<void> {
            group.create_task(never_with_clean_up(cleaned_up));
            group.create_task(fail("task"));
            try {
                co_await never();
            } catch (const system_error&) {
                ++cleaned_up;
            }
            try {
                group.create_task(value(1));
            } catch (const system_error& error) {
                late = error.code() == asio::error::operation_aborted
                           ? "refused"
                           : "";
            }
        };
        EXPECT_EQ(co_await message_of_void(with_task_group(body)), "task");
        EXPECT_EQ(cleaned_up, 2);
        EXPECT_EQ(late, "refused");
    };
    run(main());
}

TEST_F(verbs, with_task_group_fails_when_its_body_cannot_be_called)
{
    auto main = []() -> awaitable<void> {
        auto body = [](task_group&) -> awaitable<int> {
            throw std::runtime_error("no coroutine");
        };
        EXPECT_EQ(co_await message_of(with_task_group(body)), "no coroutine");
    };
    run(main());
}

TEST_F(verbs, with_task_group_cancelled_from_outside_awaits_all)
{
    auto main = []() -> awaitable<void> {
        int cleaned_up = 0;
        auto body = [&](task_group& group) -> awaitable<int> {
            group.create_task(never_with_clean_up(cleaned_up));
            co_return co_await never_with_clean_up(cleaned_up);
        };
        EXPECT_EQ(co_await message_when_cancelled(with_task_group(body)),
                  "aborted");
        EXPECT_EQ(cleaned_up, 2);
    };
    run(main());
}

TEST_F(verbs, a_task_of_a_group_cancelled_alone_is_no_failure)
{
    auto main = []() -> awaitable<void> {
        int cleaned_up = 0;
        auto body = [&](task_group& group) -> awaitable<int> {
            auto one = group.create_task(never_with_clean_up(cleaned_up));
            one.cancel();
            EXPECT_EQ(co_await message_of(one.join()), "aborted");
            co_await settle();
            co_return 3;
        };
        EXPECT_EQ(co_await with_task_group(body), 3);
        EXPECT_EQ(cleaned_up, 1);

        auto aborts_by_itself = [](task_group& group) -> awaitable<int> {
            auto task_of = []() -> awaitable<void> {
                throw system_error(asio::error::operation_aborted);
                co_return;
            };
            group.create_task(task_of());
            co_return co_await never_but(0);
        };
        EXPECT_EQ(co_await message_of(with_task_group(aborts_by_itself)),
                  "aborted");
    };
    run(main());
}

TEST_F(verbs, a_task_of_a_group_may_start_others)
{
    auto main = []() -> awaitable<void> {
        int count = 0;
        std::function<awaitable<void>(task_group&, int)> grow =
            [&](task_group& group, int depth) -> awaitable<void> {
            co_await settle();
            ++count;
            if (depth == 0)
                co_return;
            group.create_task(grow(group, depth - 1));
            group.create_task(grow(group, depth - 1));
        };
        co_await with_task_group(
            [&](task_group& group) { return grow(group, 3); });
        EXPECT_EQ(count, 15);
    };
    run(main());
}

TEST_F(verbs, with_task_group_keeps_a_copy_of_its_body_until_the_end)
{
    int alive = 0;
    auto main = [&]() -> awaitable<void> {
        awaitable<int> grouped;
        {
            auto body = [held = tracked(alive), text = std::string(80, 'z')](
                            task_group&) -> awaitable<int> {
                co_await settle();
                co_return static_cast<int>(text.size());
            };
            grouped = with_task_group(body);
            EXPECT_EQ(alive, 2);
        }
        EXPECT_EQ(alive, 1);
        EXPECT_EQ(co_await std::move(grouped), 80);
        EXPECT_EQ(alive, 0);
    };
    run(main());
}

// ------------------------------------------------------------------ run

TEST_F(verbs, run_returns_the_value_of_the_main_coroutine)
{
    EXPECT_EQ(run(value(1)), 1);
    run(settle());
    auto make = []() -> awaitable<precious> { co_return precious(2); };
    EXPECT_EQ(run(make()).number(), 2);
}

TEST_F(verbs, run_throws_what_the_main_coroutine_throws)
{
    EXPECT_THROW(run(fail("broken")), std::runtime_error);
    auto aborts = []() -> awaitable<void> {
        throw system_error(asio::error::operation_aborted);
        co_return;
    };
    EXPECT_THROW(run(aborts()), system_error);
}

TEST_F(verbs, run_works_inside_run)
{
    auto main = []() -> awaitable<int> {
        const int inner = run(after_settling(20));
        co_await settle();
        co_return inner + 1;
    };
    EXPECT_EQ(run(main()), 21);
}

TEST_F(verbs, run_works_in_several_threads_at_the_same_time)
{
    std::vector<std::future<int>> all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(std::async(std::launch::async, [i] {
            auto main = [](int number) -> awaitable<int> {
                auto [one, two] =
                    co_await gather(after_settling(number), after_settling(1));
                co_return one + two;
            };
            return run(main(i));
        }));
    }
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(all[static_cast<std::size_t>(i)].get(), i + 1);
}

TEST_F(verbs, run_cancels_and_awaits_the_tasks_that_are_left)
{
    int cleaned_up = 0;
    auto starts_another = [&]() -> awaitable<void> {
        std::exception_ptr failure;
        try {
            co_await never();
        } catch (...) {
            failure = std::current_exception();
        }
        co_await asio::this_coro::reset_cancellation_state();
        (co_await create_task(never_with_clean_up(cleaned_up))).detach();
        ++cleaned_up;
    };
    auto main = [&]() -> awaitable<int> {
        (co_await create_task(never_with_clean_up(cleaned_up))).detach();
        (co_await create_task(starts_another())).detach();
        (co_await create_task(never_but(1))).detach();
        co_return 5;
    };
    EXPECT_EQ(run(main()), 5);
    EXPECT_EQ(cleaned_up, 3);

    auto fails = [&]() -> awaitable<int> {
        (co_await create_task(never_with_clean_up(cleaned_up))).detach();
        co_return co_await fail("broken");
    };
    EXPECT_THROW(run(fails()), std::runtime_error);
    EXPECT_EQ(cleaned_up, 4);
}

TEST_F(verbs, run_lets_a_handle_outlive_the_loop)
{
    std::optional<task<int>> kept;
    auto main = [&]() -> awaitable<void> {
        kept = co_await create_task(never_but(1));
    };
    run(main());
    EXPECT_TRUE(kept->done());
    kept->cancel();
    kept.reset();
}

// Everything a coroutine may be suspended in.
awaitable<void> wait_in_every_verb(int& alive)
{
    auto held = [](int& count) -> awaitable<int> {
        const tracked one(count);
        co_await never();
        co_return 0;
    };
    const tracked one(alive);
    auto started = co_await create_task(held(alive));
    auto joins = [](int& count, task<int>& joined) -> awaitable<int> {
        const tracked own(count);
        co_return co_await joined.join();
    };
    auto body = [&](task_group& group) -> awaitable<int> {
        group.create_task(held(alive));
        co_return co_await wait_for(held(alive), 1h);
    };
    co_await gather(held(alive), gather(held(alive), held(alive)),
                    wait_for(gather(held(alive)), 1h), with_task_group(body),
                    joins(alive, started));
}

TEST_F(verbs, run_destroys_what_is_still_suspended_on_its_loop)
{
    int alive = 0;
    int most = 0;
    auto main = [&]() -> awaitable<void> {
        asio::co_spawn(co_await asio::this_coro::executor,
                       wait_in_every_verb(alive), asio::detached);
        co_await settle();
        most = alive;
    };
    run(main());
    EXPECT_EQ(most, 9);
    EXPECT_EQ(alive, 0);
}

TEST_F(verbs, a_context_destroyed_around_the_verbs_leaves_nothing)
{
    int alive = 0;
    {
        asio::io_context io;
        asio::co_spawn(io, wait_in_every_verb(alive), asio::detached);
        io.poll();
        EXPECT_EQ(alive, 9);
    }
    EXPECT_EQ(alive, 0);
}

TEST_F(verbs, run_passes_on_what_a_posted_handler_throws)
{
    int cleaned_up = 0;
    auto main = [&]() -> awaitable<int> {
        asio::post(co_await asio::this_coro::executor,
                   [] { throw std::runtime_error("handler"); });
        co_return co_await never_with_clean_up(cleaned_up);
    };
    EXPECT_THROW(run(main()), std::runtime_error);
    EXPECT_EQ(cleaned_up, 1);
}

TEST_F(verbs, run_says_so_when_the_main_coroutine_can_never_end)
{
    auto lets_go = []() -> awaitable<void> {
        co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
            [](auto handler) { auto dropped = std::move(handler); },
            use_awaitable);
    };
    EXPECT_THROW(run(lets_go()), std::logic_error);
    auto in_gather = [&]() -> awaitable<void> { co_await gather(lets_go()); };
    EXPECT_THROW(run(in_gather()), std::logic_error);
}

// --------------------------------------------------------------- Ctrl-C

TEST_F(verbs, an_interrupt_cancels_the_main_coroutine)
{
    int cleaned_up = 0;
    auto main = [&]() -> awaitable<int> {
        EXPECT_FALSE(action_of(SIGINT) == SIG_DFL);
        ::raise(SIGINT);
        co_return co_await never_with_clean_up(cleaned_up);
    };
    EXPECT_THROW(run(main()), keyboard_interrupt);
    EXPECT_EQ(cleaned_up, 1);
    EXPECT_TRUE(action_of(SIGINT) == SIG_DFL);
    EXPECT_THROW(run(main()), keyboard_interrupt) << "the second time";
}

TEST_F(verbs, an_interrupt_passes_through_every_verb)
{
    int cleaned_up = 0;
    auto main = [&]() -> awaitable<void> {
        auto body = [&](task_group& group) -> awaitable<int> {
            group.create_task(never_with_clean_up(cleaned_up));
            co_return co_await never_with_clean_up(cleaned_up);
        };
        auto interrupts = []() -> awaitable<void> {
            ::raise(SIGINT);
            co_return;
        };
        co_await gather(wait_for(never_with_clean_up(cleaned_up), 1h),
                        with_task_group(body), interrupts());
    };
    EXPECT_THROW(run(main()), keyboard_interrupt);
    EXPECT_EQ(cleaned_up, 3);
}

TEST_F(verbs, an_interrupt_that_the_main_coroutine_handles_is_no_exception)
{
    auto returns = []() -> awaitable<int> {
        ::raise(SIGINT);
        co_return co_await never_but(6);
    };
    EXPECT_EQ(run(returns()), 6);
    auto fails = []() -> awaitable<int> {
        ::raise(SIGINT);
        co_await never_but(6);
        throw std::runtime_error("clean-up failed");
    };
    EXPECT_THROW(run(fails()), std::runtime_error);
}

TEST_F(verbs, an_interrupt_is_left_alone_where_it_has_an_action)
{
    static std::atomic<int> caught = 0;
    const auto handler = [](int) { ++caught; };
    auto main = []() -> awaitable<int> {
        ::raise(SIGINT);
        co_await settle();
        co_return 1;
    };
    set_action(SIGINT, handler);
    caught = 0;
    EXPECT_EQ(run(main()), 1);
    EXPECT_EQ(caught, 1);
    EXPECT_TRUE(action_of(SIGINT) == +handler);

    set_action(SIGINT, SIG_IGN);
    EXPECT_EQ(run(main()), 1);
    EXPECT_TRUE(action_of(SIGINT) == SIG_IGN);
    set_action(SIGINT, SIG_DFL);
}

TEST_F(verbs, an_action_set_during_run_is_kept)
{
    auto main = []() -> awaitable<void> {
        set_action(SIGINT, SIG_IGN);
        co_return;
    };
    run(main());
    EXPECT_TRUE(action_of(SIGINT) == SIG_IGN);
    set_action(SIGINT, SIG_DFL);
}

TEST_F(verbs, an_interrupt_goes_to_the_outermost_run)
{
    auto inner = []() -> awaitable<int> {
        ::raise(SIGINT);
        co_await settle();
        co_return 1;
    };
    auto second = []() -> awaitable<int> {
        // Also for this one: the next Ctrl-C is to end the program.
        EXPECT_TRUE(action_of(SIGINT) == SIG_DFL);
        co_return 2;
    };
    auto main = [&]() -> awaitable<int> {
        EXPECT_EQ(run(inner()), 1) << "the inner one was interrupted";
        EXPECT_EQ(run(second()), 2);
        co_await never();
        co_return 0;
    };
    EXPECT_THROW(run(main()), keyboard_interrupt);
}

// Runs `body` in a forked child; how that ended, as waitpid says.
template <typename Body>
int status_of_fork(Body body)
{
    const auto pid = ::fork();
    if (pid == 0) {
        body();
        ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
}

TEST_F(verbs, a_second_interrupt_ends_the_program)
{
    const int status = status_of_fork([] {
        auto main = []() -> awaitable<void> {
            ::raise(SIGINT);
            co_await never_but(0);
            ::raise(SIGINT);
        };
        run(main());
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
}

TEST_F(verbs, an_interrupt_of_a_fork_is_its_own)
{
    auto main = []() -> awaitable<void> {
        const int status = status_of_fork([] { ::raise(SIGINT); });
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
            << status;
        co_await settle();
    };
    run(main());
}

// ---------------------------------------------------------- thread pool

// Changes threads, and takes some time over it.
awaitable<int> hop(int number)
{
    const auto where = co_await asio::this_coro::executor;
    for (int turn = 0; turn < number % 5; ++turn)
        co_await asio::post(where, use_awaitable);
    co_return number;
}

awaitable<int> use_every_verb()
{
    auto fails = []() -> awaitable<int> {
        co_await hop(3);
        co_return co_await fail("pool");
    };
    const auto values = co_await gather(
        std::views::iota(0, 20) | std::views::transform(hop), in_flight(4));
    int sum = 0;
    for (const int one : values)
        sum += one;  // 190

    EXPECT_EQ(co_await message_of(gather(never_but(1), fails(), hop(2))),
              "pool");
    EXPECT_EQ(co_await message_of_void(wait_for(never(), 1ms)), "timeout");
    sum += co_await wait_for(hop(4), 1h);

    auto started = co_await create_task(gather(never_but(1), hop(4)));
    auto joining = co_await create_task(started.join());
    co_await hop(4);
    joining.cancel();
    EXPECT_EQ(co_await message_of(joining.join()), "aborted");
    started.cancel();
    EXPECT_EQ(co_await message_of(started.join()), "aborted");
    auto dropped = co_await create_task(never_but(1));

    auto body = [](task_group& group) -> awaitable<int> {
        auto one = group.create_task(hop(3));
        auto two = group.create_task(gather(hop(1), hop(2)));
        co_await two.join();
        co_return co_await one.join();
    };
    sum += co_await with_task_group(body);
    co_return sum;
}

TEST_F(verbs, the_verbs_work_on_a_pool_of_threads)
{
    asio::thread_pool pool(4);
    std::vector<std::future<int>> all;
    for (int i = 0; i < 50; ++i)
        all.push_back(asio::co_spawn(pool, use_every_verb(), asio::use_future));
    for (int i = 0; i < 20; ++i)
        all.push_back(asio::co_spawn(asio::make_strand(pool), use_every_verb(),
                                     asio::use_future));
    for (auto& one : all)
        EXPECT_EQ(one.get(), 197);
}

TEST_F(verbs, children_take_turns_on_a_pool_of_threads)
{
    asio::thread_pool pool(4);
    auto where = []() -> awaitable<executor> {
        co_return co_await asio::this_coro::executor;
    };
    auto main = [&]() -> awaitable<void> {
        auto [one, two] = co_await gather(where(), where());
        EXPECT_TRUE(one == two);
        EXPECT_TRUE(one.target_type() == typeid(asio::strand<executor>));
        auto [nested, other] = co_await gather(gather(where()), where());
        EXPECT_TRUE(std::get<0>(nested) == other) << "a strand in a strand";
        auto started = co_await create_task(where());
        const auto its = co_await started.join();
        EXPECT_TRUE(its.target_type() == typeid(asio::strand<executor>));
    };
    asio::co_spawn(pool, main(), asio::use_future).get();
}

TEST_F(verbs, a_pool_destroyed_around_the_verbs_leaves_nothing)
{
    int alive = 0;
    {
        asio::thread_pool pool(1);
        asio::co_spawn(pool, wait_in_every_verb(alive), asio::detached);
        std::promise<int> most;
        auto look = [&]() -> awaitable<void> {
            co_await settle();
            most.set_value(alive);
        };
        asio::co_spawn(pool, look(), asio::detached);
        EXPECT_EQ(most.get_future().get(), 9);
    }
    EXPECT_EQ(alive, 0);
}

}  // namespace
