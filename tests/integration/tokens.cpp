// tokens.cpp: the async_x operations with every kind of completion token.
//
// Each operation goes through the same checks: it is told what it is by a
// callable that starts it with a token, and what must come of it.
#include "support/async_test.hpp"
#include "support/fixture.hpp"

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(bind_executor.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(detached.hpp)
#include BROOD_ASIO_HEADER(experimental/awaitable_operators.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(read.hpp)
#include BROOD_ASIO_HEADER(read_until.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)
#include BROOD_ASIO_HEADER(strand.hpp)
#include BROOD_ASIO_HEADER(use_future.hpp)
#include BROOD_ASIO_HEADER(write.hpp)

#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

namespace {

using namespace brood;
using namespace brood_test;
using namespace std::chrono_literals;

using tokens = clean_test;

// What came of an operation.
struct outcome {
    int calls = 0;
    error_code ec;
    long value = -1;
};

// A callback that notes it, and fails if it is called inside what started it.
auto into(outcome& noted, const bool& starting)
{
    return [&noted, &starting](error_code ec, auto value) {
        EXPECT_FALSE(starting) << "it was completed inside its call";
        ++noted.calls;
        noted.ec = ec;
        noted.value = static_cast<long>(value);
    };
}

void run_again(asio::io_context& io)
{
    io.restart();
    io.run();
}

void expect(const outcome& noted, long value, error_code ec = {})
{
    EXPECT_EQ(noted.calls, 1);
    // Success is success in every category.
    EXPECT_TRUE(noted.ec == ec || (!noted.ec && !ec))
        << noted.ec.message() << ", not " << ec.message();
    EXPECT_EQ(noted.value, value);
}

// Counts what it gives and what it gets back.
template <class T>
class counting_allocator {
public:
    using value_type = T;

    counting_allocator(int& living, int& given) noexcept
        : living_(&living), given_(&given)
    {
    }
    template <class U>
    counting_allocator(const counting_allocator<U>& other) noexcept
        : living_(other.living_), given_(other.given_)
    {
    }

    T* allocate(std::size_t count)
    {
        ++*living_;
        ++*given_;
        return std::allocator<T>().allocate(count);
    }
    void deallocate(T* place, std::size_t count) noexcept
    {
        --*living_;
        std::allocator<T>().deallocate(place, count);
    }
    template <class U>
    bool operator==(const counting_allocator<U>& other) const noexcept
    {
        return living_ == other.living_;
    }

    int* living_;
    int* given_;
};

// Can be moved only, and has an allocator of its own.
struct counting_handler {
    using allocator_type = counting_allocator<char>;
    allocator_type get_allocator() const noexcept { return {*living, *given}; }
    void operator()(error_code ec, auto value)
    {
        EXPECT_FALSE(*starting);
        EXPECT_EQ(*living, 0) << "memory not given back before the call";
        ++noted->calls;
        noted->ec = ec;
        noted->value = static_cast<long>(value);
    }

    outcome* noted;
    const bool* starting;
    int* living;
    int* given;
    std::unique_ptr<int> only_moves = std::make_unique<int>(1);
};

// A callback, started from inside the loop and from outside.
template <class Start>
void check_callbacks(asio::io_context& io, Start start, long value)
{
    bool starting = true;
    outcome noted;
    start(into(noted, starting));
    starting = false;
    EXPECT_EQ(noted.calls, 0);
    run_again(io);
    expect(noted, value);

    noted = {};
    asio::post(io, [&] {
        starting = true;
        start(into(noted, starting));
        starting = false;
    });
    run_again(io);
    expect(noted, value);

    noted = {};
    int living = 0;
    int given = 0;
    starting = true;
    start(counting_handler{&noted, &starting, &living, &given});
    starting = false;
    run_again(io);
    expect(noted, value);
    EXPECT_GT(given, 0) << "the handler's allocator was not used";
    EXPECT_EQ(living, 0);

    start(asio::detached);
    run_again(io);
}

// The handler's own executor runs it, and keeps its context at work.
template <class Start>
void check_executors(asio::io_context& io, Start start, long value)
{
    asio::io_context other;
    outcome noted;
    const bool starting = false;
    start(asio::bind_executor(other.get_executor(), into(noted, starting)));
    run_again(io);
    EXPECT_EQ(noted.calls, 0);
    EXPECT_EQ(other.run(), 1U);
    expect(noted, value);

    noted = {};
    const auto strand = asio::make_strand(io);
    start(asio::bind_executor(strand, [&](error_code ec, auto got) {
        EXPECT_TRUE(strand.running_in_this_thread());
        into(noted, starting)(ec, got);
    }));
    run_again(io);
    expect(noted, value);
}

template <class Start>
void check_adapters(asio::io_context& io, Start start, long value)
{
    auto future = start(asio::use_future);
    run_again(io);
    EXPECT_EQ(static_cast<long>(future.get()), value);
    outcome noted;
    bool starting = true;
    start(as_tuple([&](auto result) {
        std::apply(into(noted, starting), std::move(result));
    }));
    starting = false;
    run_again(io);
    expect(noted, value);
    // A deferred one begins when it is called, not before.
    auto later = start(deferred);
    run_again(io);
    noted = {};
    starting = true;
    std::move(later)(into(noted, starting));
    starting = false;
    run_again(io);
    expect(noted, value);
}

template <class Start>
awaitable<void> await_each(Start start, long value, int& done)
{
    EXPECT_EQ(static_cast<long>(co_await start(use_awaitable)), value);
    auto [ec, got] = co_await start(as_tuple(use_awaitable));
    EXPECT_FALSE(ec);
    EXPECT_EQ(static_cast<long>(got), value);
    auto later = start(deferred);
    EXPECT_EQ(static_cast<long>(co_await std::move(later)(use_awaitable)),
              value);
    asio::cancellation_signal signal;
    EXPECT_EQ(static_cast<long>(co_await start(
                  asio::bind_cancellation_slot(signal.slot(), use_awaitable))),
              value);
    ++done;
}

// `start(token)` starts an operation that succeeds with `value`, each time.
template <class Start>
void check_every_token(asio::io_context& io, Start start, long value)
{
    check_callbacks(io, start, value);
    check_executors(io, start, value);
    check_adapters(io, start, value);
    int done = 0;
    asio::co_spawn(io, await_each(start, value, done), asio::detached);
    run_again(io);
    EXPECT_EQ(done, 1);
}

constexpr asio::cancellation_type every_type[] = {
    asio::cancellation_type::terminal, asio::cancellation_type::partial,
    asio::cancellation_type::total, asio::cancellation_type::all};

// `start(token)` starts an operation that does not end by itself.
template <class Start>
void check_every_cancellation(asio::io_context& io, Start start)
{
    const error_code aborted = asio::error::operation_aborted;
    for (const auto type : every_type) {
        for (const bool at_once : {true, false}) {
            asio::cancellation_signal signal;
            outcome noted;
            bool starting = true;
            start(asio::bind_cancellation_slot(signal.slot(),
                                               into(noted, starting)));
            if (!at_once) {
                io.restart();
                io.poll();
            }
            signal.emit(type);
            starting = false;
            run_again(io);
            expect(noted, 0, aborted);
            // Nothing is left in the slot to be called.
            EXPECT_FALSE(signal.slot().has_handler());
            signal.emit(type);
        }
        asio::cancellation_signal signal;
        auto future = start(
            asio::bind_cancellation_slot(signal.slot(), asio::use_future));
        signal.emit(type);
        run_again(io);
        EXPECT_THROW(future.get(), system_error);
    }
    asio::cancellation_signal signal;
    outcome noted;
    auto body = [&]() -> awaitable<void> {
        auto [ec, value] = co_await start(as_tuple(use_awaitable));
        noted = {1, ec, static_cast<long>(value)};
    };
    asio::co_spawn(io, body(),
                   asio::bind_cancellation_slot(signal.slot(), asio::detached));
    io.restart();
    io.poll();
    // The one type that a coroutine lets through by default.
    signal.emit(asio::cancellation_type::terminal);
    run_again(io);
    expect(noted, 0, aborted);
}

}  // namespace

// ------------------------------------------------------------- success

TEST_F(tokens, wait_takes_every_token)
{
    asio::io_context io;
    auto p = spawn_process(io, child("exit", "3"));
    // A new child each time, which has still to exit.
    const auto wait_for_new = [&](auto&& token) {
        p = spawn_process(io, child("exit", "3"));
        return p.async_wait(std::forward<decltype(token)>(token));
    };
    check_every_token(io, wait_for_new, 3);
    // One whose exit is known, and several waits for it at once.
    const auto wait_again = [&](auto&& token) {
        p.async_wait(asio::detached);
        return p.async_wait(std::forward<decltype(token)>(token));
    };
    check_every_token(io, wait_again, 3);
}

TEST_F(tokens, read_some_takes_every_token)
{
    asio::io_context io;
    auto p = spawn_process(io, child("flood", "100").out(piped));
    char byte = 0;
    std::string got;
    const auto read = [&](auto&& token) {
        got += byte;
        return p.out().async_read_some(asio::buffer(&byte, 1),
                                       std::forward<decltype(token)>(token));
    };
    check_every_token(io, read, 1);

    // From what an earlier read has buffered, no less asynchronously.
    auto one = asio::co_spawn(io, p.out().readexactly(1), asio::use_future);
    run_again(io);
    got += byte + one.get();
    got.erase(0, 1);
    EXPECT_EQ(got, pattern(got.size()));
    check_every_token(io, read, 1);
}

TEST_F(tokens, write_some_takes_every_token)
{
    asio::io_context io;
    auto p = spawn_process(io, child("cat").in(piped).out(piped));
    std::size_t writes = 0;
    const auto write = [&](auto&& token) {
        ++writes;
        return p.in().async_write_some(asio::buffer("x", 1),
                                       std::forward<decltype(token)>(token));
    };
    check_every_token(io, write, 1);
    p.in().close();
    auto all = asio::co_spawn(io, p.out().read(), asio::use_future);
    run_again(io);
    EXPECT_EQ(all.get(), std::string(writes, 'x'));
}

TEST_F(tokens, the_default_token_is_use_awaitable)
{
    auto main = []() -> awaitable<void> {
        auto p = co_await create_subprocess(child("cat").in(piped).out(piped));
        EXPECT_EQ(co_await p.in().async_write_some(asio::buffer("ab", 2)), 2U);
        char bytes[10];
        EXPECT_EQ(co_await p.out().async_read_some(asio::buffer(bytes)), 2U);
        p.in().close();
        EXPECT_EQ(co_await p.async_wait(), 0);
    };
    run_bounded(main());
}

TEST_F(tokens, operations_that_fail_at_once_complete_later_too)
{
    asio::io_context io;
    auto p = spawn_process(io, child("cat").in(piped).out(piped));
    const bool starting = false;
    char byte = 0;
    // What is refused while another one waits.
    outcome first;
    p.out().async_read_some(asio::buffer(&byte, 1), into(first, starting));
    const auto check = [&](auto start, error_code ec, long value = 0) {
        bool inside = true;
        outcome noted;
        start(into(noted, inside));
        inside = false;
        io.restart();
        io.poll();
        expect(noted, value, ec);
    };
    const auto read = [&](auto token) {
        p.out().async_read_some(asio::buffer(&byte, 1), std::move(token));
    };
    const auto write = [&](auto token) {
        p.in().async_write_some(asio::buffer("x", 1), std::move(token));
    };
    check(read, errc::already_reading);
    EXPECT_EQ(first.calls, 0);
    // Nothing to do is done.
    check(
        [&](auto token) {
            p.in().async_write_some(asio::const_buffer(), std::move(token));
        },
        {});
    write(asio::detached);
    run_again(io);
    expect(first, 1);
    check(
        [&](auto token) {
            p.out().async_read_some(asio::mutable_buffer(), std::move(token));
        },
        {});
    p.in().close();
    check(write, errc::stream_closed);
    outcome end;
    read(into(end, starting));
    run_again(io);
    expect(end, 0, asio::error::eof);
    check(read, asio::error::eof);
}

// -------------------------------------------------------- cancellation

TEST_F(tokens, a_wait_is_cancelled_by_every_type)
{
    asio::io_context io;
    auto p = spawn_process(io, child("ready-then-pause").out(piped));
    check_every_cancellation(io, [&](auto&& token) {
        return p.async_wait(std::forward<decltype(token)>(token));
    });
    EXPECT_EQ(p.poll(), std::nullopt);
    // One of several, alone.
    outcome kept;
    outcome dropped;
    const bool starting = false;
    asio::cancellation_signal signal;
    p.async_wait(into(kept, starting));
    p.async_wait(
        asio::bind_cancellation_slot(signal.slot(), into(dropped, starting)));
    signal.emit(asio::cancellation_type::total);
    EXPECT_TRUE(p.kill());
    run_again(io);
    expect(kept, -SIGKILL);
    expect(dropped, 0, asio::error::operation_aborted);
}

TEST_F(tokens, a_wait_can_be_cancelled_between_any_two_handlers)
{
    asio::io_context io;
    auto p = spawn_process(io, child("cat").in(piped).out(devnull));
    for (int count = 0; count < 10; ++count)
        EXPECT_FALSE(cancelled_between(io, count, p.wait()));
    EXPECT_EQ(p.poll(), std::nullopt);
    p.in().close();
    std::optional<int> code;
    for (int count = 0; !code; ++count)
        code = cancelled_between(io, count, p.wait());
    EXPECT_EQ(code, 0);
    EXPECT_EQ(cancelled_between(io, 10, p.wait()), 0);
}

TEST_F(tokens, a_read_is_cancelled_by_every_type)
{
    asio::io_context io;
    auto p = spawn_process(io, child("cat").in(piped).out(piped));
    char byte = 0;
    const auto read = [&](auto&& token) {
        return p.out().async_read_some(asio::buffer(&byte, 1),
                                       std::forward<decltype(token)>(token));
    };
    check_every_cancellation(io, read);
    outcome noted;
    const bool starting = false;
    read(into(noted, starting));
    p.in().write("y");
    run_again(io);
    expect(noted, 1);
    EXPECT_EQ(byte, 'y');
}

TEST_F(tokens, a_write_is_cancelled_by_every_type)
{
    asio::io_context io;
    auto p = spawn_process(io, child("count-stdin").in(piped).out(piped));
    p.send_signal(SIGSTOP);
    EXPECT_TRUE(wait_until([&] { return process_state(p.pid()) == 'T'; }));
    const std::string page(4096, 'x');
    // Fills the pipe to the brim.
    std::size_t filled = 0;
    for (;;) {
        asio::cancellation_signal signal;
        outcome noted;
        const bool starting = false;
        p.in().async_write_some(
            asio::buffer(page),
            asio::bind_cancellation_slot(signal.slot(), into(noted, starting)));
        io.restart();
        io.poll();
        signal.emit(asio::cancellation_type::all);
        run_again(io);
        EXPECT_EQ(noted.calls, 1);
        if (noted.ec)
            break;
        filled += static_cast<std::size_t>(noted.value);
    }
    check_every_cancellation(io, [&](auto&& token) {
        return p.in().async_write_some(asio::buffer(page),
                                       std::forward<decltype(token)>(token));
    });
    // None of the cancelled ones wrote anything.
    p.send_signal(SIGCONT);
    p.in().close();
    auto all = asio::co_spawn(io, p.out().read(), asio::use_future);
    run_again(io);
    EXPECT_EQ(all.get(), std::to_string(filled) + "\n");
}

// --------------------------------------------------- composed operations

TEST_F(tokens, composed_operations_of_asio_take_the_streams)
{
    asio::io_context io;
    auto p = spawn_process(io, child("cat").in(piped).out(piped));
    const auto sent = pattern(300'000);
    auto written =
        asio::async_write(p.in(), asio::buffer(sent), asio::use_future);
    std::string got(100'000, '\0');
    auto read = asio::async_read(p.out(), asio::buffer(got), asio::use_future);
    const auto ready = [](auto& future) {
        return future.wait_for(0s) == std::future_status::ready;
    };
    while (!ready(read))
        io.run_one();
    EXPECT_EQ(read.get(), got.size());
    std::string rest;
    std::size_t line = 0;
    bool inside = true;
    asio::async_read_until(p.out(), asio::dynamic_buffer(rest), '\n',
                           [&](error_code ec, std::size_t size) {
                               EXPECT_FALSE(inside);
                               EXPECT_FALSE(ec);
                               line = size;
                           });
    inside = false;
    while (line == 0)
        io.run_one();
    EXPECT_EQ(rest[line - 1], '\n');
    outcome last;
    asio::async_read(p.out(), asio::dynamic_buffer(rest), into(last, inside));
    while (!ready(written))
        io.run_one();
    EXPECT_EQ(written.get(), sent.size());
    p.in().close();
    run_again(io);
    EXPECT_EQ(last.ec, asio::error::eof);
    EXPECT_TRUE(got + rest == sent);
}

TEST_F(tokens, a_cancelled_composed_read_tells_what_it_has)
{
    asio::io_context io;
    auto p = spawn_process(io, child("cat").in(piped).out(piped));
    p.in().write("abc");
    std::string got(6, '-');
    outcome noted;
    const bool starting = false;
    asio::cancellation_signal signal;
    asio::async_read(
        p.out(), asio::buffer(got),
        asio::bind_cancellation_slot(signal.slot(), into(noted, starting)));
    while (got != "abc---")
        io.run_one();
    io.restart();
    io.poll();
    EXPECT_EQ(noted.calls, 0);
    signal.emit(asio::cancellation_type::partial);
    run_again(io);
    expect(noted, 3, asio::error::operation_aborted);
    p.in().write("def");
    auto rest = asio::async_read(p.out(), asio::buffer(got.data() + 3, 3),
                                 asio::use_future);
    run_again(io);
    EXPECT_EQ(rest.get(), 3U);
    EXPECT_EQ(got, "abcdef");
}

TEST_F(tokens, the_operators_of_awaitables_take_the_verbs)
{
    using namespace asio::experimental::awaitable_operators;
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        asio::steady_timer never(io, asio::steady_timer::time_point::max());
        asio::steady_timer now(io, asio::steady_timer::time_point::min());
        auto p = co_await create_subprocess(
            child("dialogue").in(piped).out(piped).err(piped));

        // The one that is over first stops the other, and no more.
        const auto timed_out =
            co_await (p.wait() || now.async_wait(use_awaitable));
        EXPECT_EQ(timed_out.index(), 1U);
        const auto no_line =
            co_await (p.out().readline() || now.async_wait(use_awaitable));
        EXPECT_EQ(no_line.index(), 1U);
        EXPECT_EQ(p.poll(), std::nullopt);
        p.in().write("one\n");
        const auto line =
            co_await (p.out().readline() || never.async_wait(use_awaitable));
        EXPECT_EQ(line.index(), 0U);
        EXPECT_EQ(std::get<0>(line), "got: one\n");

        p.in().write("two\n");
        p.in().close();
        const auto [two, err, code] =
            co_await (p.out().readline() && p.err().read() && p.wait());
        EXPECT_EQ(two, "got: two\n");
        EXPECT_EQ(err, "");
        EXPECT_EQ(code, 0);
    };
    run_bounded(main());
}
