// async_test.hpp: what the tests of asynchronous operations stand on.
//
// The loop of a test has one thread, so the test decides what happens in which
// turn of it, and which bytes arrive together; nothing here waits for time to
// pass.
#pragma once

#include "support/fixture.hpp"

#include "async/reader_core.hpp"
#include "os/posix/descriptor.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace brood_test {

// The standalone Asio is ::asio, Boost's is not: tests that say asio::
// are in this namespace, or use it.
namespace asio = brood::asio;

using brood::awaitable;

/// Runs `body` on a loop of its own. A test that hangs fails after a while.
inline void run_bounded(awaitable<void> body)
{
    brood::run(brood::wait_for(std::move(body), std::chrono::minutes(2)));
}

/// Gives the loop `count` turns: each handler that is ready runs in between,
/// and the reactor is asked for more.
inline awaitable<void> turns(int count)
{
    const auto io = co_await asio::this_coro::executor;
    for (; count > 0; --count)
        co_await asio::post(io, brood::use_awaitable);
}

/// Turns enough for everything to happen that can happen without waiting.
inline awaitable<void> settle()
{
    return turns(50);
}

/// Lets the loop turn until `predicate` is true; false after patience.
template <class Predicate>
awaitable<bool> becomes_true(Predicate predicate)
{
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!predicate()) {
        if (std::chrono::steady_clock::now() >= end)
            co_return false;
        co_await brood::sleep(std::chrono::milliseconds(1));
    }
    co_return true;
}

/// The exception of type `Error` that `work` throws; nothing if it does not
/// throw.
template <class Error, class T>
awaitable<std::optional<Error>> thrown_by(awaitable<T> work)
{
    std::optional<Error> thrown;
    try {
        if constexpr (std::is_void_v<T>)
            co_await std::move(work);
        else
            static_cast<void>(co_await std::move(work));
    } catch (const Error& error) {
        thrown.emplace(error);
    }
    co_return thrown;
}

/// The code of the system_error that `work` throws; success if it does not
/// throw.
template <class T>
awaitable<brood::error_code> error_of(awaitable<T> work)
{
    const auto error = co_await thrown_by<brood::system_error>(std::move(work));
    co_return error ? error->code() : brood::error_code();
}

/// The same work with a value, for what needs one.
inline awaitable<bool> as_value(awaitable<void> work)
{
    co_await std::move(work);
    co_return true;
}

/// Starts `work`, gives the loop `count` turns, and cancels `work`. Its value
/// if it has one all the same; nothing if it was aborted.
template <class T>
awaitable<std::optional<T>> cancelled_after(int count, awaitable<T> work)
{
    auto task = co_await brood::create_task(std::move(work));
    co_await turns(count);
    task.cancel();
    std::optional<T> value;
    try {
        value.emplace(co_await task.join());
    } catch (const brood::system_error& error) {
        if (error.code() != asio::error::operation_aborted)
            throw;
    }
    co_return value;
}

/// Starts `work` on `io`, runs `count` handlers, cancels `work` right there,
/// between two of them, and runs `io` until it is over. Its value if it has
/// one all the same; nothing if it was aborted.
template <class T>
std::optional<T> cancelled_between(asio::io_context& io, int count,
                                   awaitable<T> work)
{
    std::optional<T> value;
    std::exception_ptr failure;
    bool over = false;
    asio::cancellation_signal signal;
    asio::co_spawn(io, std::move(work),
                   asio::bind_cancellation_slot(
                       signal.slot(), [&](std::exception_ptr thrown, T got) {
                           over = true;
                           failure = thrown;
                           if (!failure)
                               value.emplace(std::move(got));
                       }));
    io.restart();
    for (; count > 0; --count)
        io.poll_one();
    signal.emit(asio::cancellation_type::terminal);
    io.restart();
    while (!over && io.run_one() != 0) {
    }
    if (!over)
        throw std::logic_error("the work can never end");
    // Asio 1.24 to 1.28 (Boost 1.80 to 1.82) passes the signal on in a turn of
    // its own, which may still be to come, and looks at the signal in it.
    io.poll();
    if (failure && !brood::detail::is_cancellation(failure))
        std::rethrow_exception(failure);
    return value;
}

/// Runs `io` until `p` has written a line to its standard output.
inline std::string line_of(asio::io_context& io, brood::process& p)
{
    std::string line;
    asio::co_spawn(io, p.out().readline(),
                   [&line](std::exception_ptr, std::string got) {
                       line = std::move(got);
                   });
    io.restart();
    io.run();
    return line;
}

/// A stream_reader on a descriptor that the test writes: what is fed at once
/// arrives at once. A pipe, unless the test brings another pair of ends.
class fed_reader {
public:
    explicit fed_reader(const brood::executor& io,
                        std::size_t limit = std::size_t{64} * 1024)
        : fed_reader(io, limit, brood::os::make_pipe(0))
    {
    }
    fed_reader(const brood::executor& io, std::size_t limit,
               brood::os::pipe_ends ends)
        : write_end_(std::move(ends.write_end)),
          reader_(std::make_shared<brood::detail::reader_core>(
              io, std::move(ends.read_end), limit))
    {
        // A test that feeds too much must not hang.
        brood::os::set_nonblocking(write_end_.number());
    }

    brood::stream_reader& operator*() noexcept { return reader_; }
    brood::stream_reader* operator->() noexcept { return &reader_; }

    void feed(std::string_view bytes)
    {
        const auto written =
            ::write(write_end_.number(), bytes.data(), bytes.size());
        if (written != static_cast<ssize_t>(bytes.size()))
            throw std::runtime_error("the pipe did not take it all");
    }
    void finish() { write_end_.close(); }

private:
    brood::os::descriptor write_end_;
    brood::stream_reader reader_;
};

}  // namespace brood_test
