// verbs_tasks.cpp: sleep and create_task; no child process.
#include "support/verbs.hpp"

namespace {

using namespace verbs_test;

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

}  // namespace
