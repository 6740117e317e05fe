// verbs_scopes.cpp: wait_for and with_task_group; no child process.
#include "support/verbs.hpp"

namespace {

using namespace verbs_test;

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

}  // namespace
