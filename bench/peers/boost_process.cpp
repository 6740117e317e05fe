// boost_process.cpp: the works with Boost.Process v2 and Boost.Asio.
//
// With its default launcher, which forks. With the vfork_launcher of Boost
// 1.81 every now and then a start fails ("assign: Invalid argument").

#include "../measure.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <boost/asio/write.hpp>
#include <boost/process/v2.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace process = boost::process::v2;
using asio::awaitable;
using asio::use_awaitable;
using namespace asio::experimental::awaitable_operators;

constexpr auto no_throw = asio::as_tuple(use_awaitable);
using arguments = std::vector<std::string>;

template <class... Inits>
process::process start(asio::any_io_executor io, const std::string& program,
                       const arguments& args, Inits&&... inits)
{
    return process::process(io, program, args, std::forward<Inits>(inits)...);
}

awaitable<void> run_one(const std::string& tiny)
{
    auto child = start(co_await asio::this_coro::executor, tiny, {});
    if (co_await child.async_wait(use_awaitable) != 0)
        bench::fail("a child");
}

awaitable<void> spawn_wait(std::string tiny, long count)
{
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        co_await run_one(tiny);
        watch.lap();
    }
    bench::report(watch, count);
}

awaitable<void> spawn_communicate(std::string tiny, long count)
{
    const auto io = co_await asio::this_coro::executor;
    const arguments args{"line"};
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        asio::readable_pipe out(io);
        auto child = start(io, tiny, args, process::process_stdio{{}, out, {}});
        std::string text;
        co_await asio::async_read(out, asio::dynamic_buffer(text), no_throw);
        const int code = co_await child.async_wait(use_awaitable);
        if (text.size() != bench::line_size || code != 0)
            bench::fail("the output");
        watch.lap();
    }
    bench::report(watch, count);
}

awaitable<void> worker(const std::string& tiny, long& left)
{
    while (left > 0) {
        --left;
        co_await run_one(tiny);
    }
}

// Workers that share one number: as many in flight as there are workers.
awaitable<void> many(const std::string& tiny, long count, int at_once)
{
    const auto io = co_await asio::this_coro::executor;
    const bench::stopwatch watch;
    asio::steady_timer all_done(io, asio::steady_timer::time_point::max());
    long left = count;
    int workers = at_once;
    for (int i = 0; i != at_once; ++i)
        asio::co_spawn(io, worker(tiny, left), [&](std::exception_ptr) {
            if (--workers == 0)
                all_done.cancel();
        });
    co_await all_done.async_wait(no_throw);
    bench::report(watch, count);
}

awaitable<void> in_flight(std::string tiny, long count)
{
    co_await many(tiny, count, bench::children_in_flight);
}

awaitable<void> two_in_flight(std::string tiny, long count)
{
    co_await many(tiny, count, bench::few_in_flight);
}

awaitable<long> count_bytes(asio::readable_pipe& from)
{
    std::vector<char> buffer(bench::block_size);
    long total = 0;
    for (;;) {
        const auto [ec, got] =
            co_await from.async_read_some(asio::buffer(buffer), no_throw);
        if (ec)
            co_return total;
        total += static_cast<long>(got);
    }
}

awaitable<void> feed(asio::writable_pipe& to, long bytes)
{
    const std::string block(bench::block_size, 'x');
    for (; bytes > 0; bytes -= bench::block_size)
        co_await asio::async_write(to, asio::buffer(block), use_awaitable);
    to.close();
}

awaitable<void> read_some(std::string tiny, long bytes)
{
    const auto io = co_await asio::this_coro::executor;
    const arguments args{"flood", std::to_string(bytes)};
    const bench::stopwatch watch;
    asio::readable_pipe out(io);
    auto child = start(io, tiny, args, process::process_stdio{{}, out, {}});
    const long total = co_await count_bytes(out);
    co_await child.async_wait(use_awaitable);
    bench::report(watch, bytes);
    if (total != bytes)
        bench::fail("the output");
}

awaitable<void> read_all(std::string tiny, long bytes)
{
    const auto io = co_await asio::this_coro::executor;
    const arguments args{"flood", std::to_string(bytes)};
    const bench::stopwatch watch;
    asio::readable_pipe out(io);
    auto child = start(io, tiny, args, process::process_stdio{{}, out, {}});
    std::string text;
    co_await asio::async_read(out, asio::dynamic_buffer(text), no_throw);
    co_await child.async_wait(use_awaitable);
    bench::report(watch, bytes);
    if (text.size() != static_cast<std::size_t>(bytes))
        bench::fail("the output");
}

awaitable<void> write_some(std::string tiny, long bytes)
{
    const auto io = co_await asio::this_coro::executor;
    const arguments args{"sink"};
    const bench::stopwatch watch;
    asio::writable_pipe in(io);
    auto child = start(io, tiny, args, process::process_stdio{in, {}, {}});
    co_await feed(in, bytes);
    co_await child.async_wait(use_awaitable);
    bench::report(watch, bytes);
}

awaitable<void> duplex(std::string tiny, long bytes)
{
    const auto io = co_await asio::this_coro::executor;
    const arguments args{"cat"};
    const bench::stopwatch watch;
    asio::readable_pipe out(io);
    asio::writable_pipe in(io);
    auto child = start(io, tiny, args, process::process_stdio{in, out, {}});
    const long total = co_await (feed(in, bytes) && count_bytes(out));
    co_await child.async_wait(use_awaitable);
    bench::report(watch, bytes);
    if (total != bytes)
        bench::fail("the output");
}

awaitable<void> readline(std::string tiny, long count)
{
    const auto io = co_await asio::this_coro::executor;
    const arguments args{"lines", std::to_string(count)};
    const bench::stopwatch watch;
    asio::readable_pipe out(io);
    auto child = start(io, tiny, args, process::process_stdio{{}, out, {}});
    std::string text;
    long seen = 0;
    for (;;) {
        const auto [ec, size] = co_await asio::async_read_until(
            out, asio::dynamic_buffer(text), '\n', no_throw);
        if (ec)
            break;
        text.erase(0, size);
        ++seen;
    }
    co_await child.async_wait(use_awaitable);
    bench::report(watch, count);
    if (seen != count)
        bench::fail("the lines");
}

awaitable<void> alive(std::string tiny, long count)
{
    bench::allow_many_descriptors();
    const auto io = co_await asio::this_coro::executor;
    const arguments args{"pause"};
    std::vector<process::process> children;
    children.reserve(static_cast<std::size_t>(count));
    co_await run_one(tiny);
    const auto before = bench::footprint::now();
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        children.push_back(start(io, tiny, args));
        children.back().async_wait([](boost::system::error_code, int) {});
        watch.lap();
    }
    bench::report(watch, count, before, bench::footprint::now());
    // A process that is destroyed ends its child.
}

awaitable<void> ticker(bench::stalls& seen)
{
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
        timer.expires_after(bench::tick);
        co_await timer.async_wait(use_awaitable);
        seen.ticked();
    }
}

awaitable<void> starter(std::string tiny, long count, bench::stalls& seen)
{
    const auto io = co_await asio::this_coro::executor;
    for (long i = 0; i != count; ++i) {
        const auto began = bench::stalls::clock::now();
        auto child = start(io, tiny, {});
        seen.held(began);
        co_await child.async_wait(use_awaitable);
    }
}

awaitable<void> stall(std::string tiny, long count)
{
    const auto io = co_await asio::this_coro::executor;
    bench::stalls seen;
    int workers = bench::stall_in_flight;
    asio::steady_timer all_done(io, asio::steady_timer::time_point::max());
    const bench::stopwatch watch;
    for (int i = 0; i != bench::stall_in_flight; ++i)
        asio::co_spawn(io, starter(tiny, count / bench::stall_in_flight, seen),
                       [&](std::exception_ptr) {
                           if (--workers == 0)
                               all_done.cancel();
                       });
    co_await (ticker(seen) || all_done.async_wait(no_throw));
    seen.report(watch, count);
}

}  // namespace

int main(int argc, char** argv)
{
    using coroutine = awaitable<void> (*)(std::string, long);
    class work {
    public:
        explicit work(coroutine body) : body_(body) {}
        void operator()(const char* tiny, long count) const
        {
            asio::io_context loop(1);
            asio::co_spawn(loop, body_(tiny, count),
                           [&](std::exception_ptr error) {
                               loop.stop();
                               if (error)
                                   std::rethrow_exception(error);
                           });
            loop.run();
        }

    private:
        coroutine body_;
    };
    const std::pair<const char*, work> works[] = {
        {"spawn_wait", work(spawn_wait)},
        {"spawn_communicate", work(spawn_communicate)},
        {"in_flight", work(in_flight)},
        {"two_in_flight", work(two_in_flight)},
        {"read_some", work(read_some)},
        {"read_all", work(read_all)},
        {"write_some", work(write_some)},
        {"duplex", work(duplex)},
        {"readline", work(readline)},
        {"alive", work(alive)},
        {"stall", work(stall)},
    };
    return bench::run_named_work(argc, argv, works);
}
