// verbs_run.cpp: run, Ctrl-C and pools of threads; no child process.
#include "support/verbs.hpp"

namespace {

using namespace verbs_test;

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
