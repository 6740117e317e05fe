// verbs_gather.cpp: gather; no child process.
#include "support/verbs.hpp"

namespace {

using namespace verbs_test;

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

}  // namespace
