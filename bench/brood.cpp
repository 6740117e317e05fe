// brood.cpp: the same works with brood, written as its users would.

#include "measure.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(buffer.hpp)
#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(detached.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(redirect_error.hpp)

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

namespace {

using brood::awaitable;

awaitable<void> spawn_wait(std::string tiny, long count)
{
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        auto child = co_await brood::create_subprocess(brood::exec(tiny));
        if (co_await child.wait() != 0)
            bench::fail("a child");
        watch.lap();
    }
    bench::report(watch, count);
}

awaitable<void> spawn_communicate(std::string tiny, long count)
{
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        auto child = co_await brood::create_subprocess(
            brood::exec(tiny, "line").out(brood::piped));
        const auto [out, err] = co_await child.communicate();
        if (out.size() != bench::line_size || child.returncode() != 0)
            bench::fail("the output");
        watch.lap();
    }
    bench::report(watch, count);
}

awaitable<int> run_one(std::string tiny)
{
    auto child = co_await brood::create_subprocess(brood::exec(tiny));
    co_return co_await child.wait();
}

awaitable<void> many(std::string tiny, long count, int at_once)
{
    const auto one = [&tiny](long) { return run_one(tiny); };
    const bench::stopwatch watch;
    const auto codes = co_await brood::gather(std::views::iota(0L, count) |
                                                  std::views::transform(one),
                                              brood::in_flight(at_once));
    bench::report(watch, count);
    for (const int code : codes)
        if (code != 0)
            bench::fail("a child");
}

awaitable<void> in_flight(std::string tiny, long count)
{
    return many(std::move(tiny), count, bench::children_in_flight);
}

awaitable<void> two_in_flight(std::string tiny, long count)
{
    return many(std::move(tiny), count, bench::few_in_flight);
}

brood::command source(const std::string& tiny, const char* mode, long size)
{
    return brood::exec(tiny, mode, std::to_string(size)).out(brood::piped);
}

awaitable<void> read_some(std::string tiny, long bytes)
{
    std::vector<char> buffer(bench::block_size);
    const auto what = source(tiny, "flood", bytes);
    const bench::stopwatch watch;
    auto child = co_await brood::create_subprocess(what);
    long total = 0;
    brood::error_code ec;
    auto token = brood::asio::redirect_error(brood::use_awaitable, ec);
    while (!ec)
        total += static_cast<long>(co_await child.out().async_read_some(
            brood::asio::buffer(buffer), token));
    co_await child.wait();
    bench::report(watch, bytes);
    if (total != bytes)
        bench::fail("the output");
}

awaitable<void> read_all(std::string tiny, long bytes)
{
    const auto what = source(tiny, "flood", bytes);
    const bench::stopwatch watch;
    auto child = co_await brood::create_subprocess(what);
    const auto all = co_await child.out().read();
    co_await child.wait();
    bench::report(watch, bytes);
    if (all.size() != static_cast<std::size_t>(bytes))
        bench::fail("the output");
}

awaitable<void> feed(brood::stream_writer& to, long bytes)
{
    const std::string block(bench::block_size, 'x');
    for (; bytes > 0; bytes -= bench::block_size) {
        to.write(block);
        co_await to.drain();
    }
    to.close();
    co_await to.wait_closed();
}

awaitable<void> write_some(std::string tiny, long bytes)
{
    const auto what = brood::exec(tiny, "sink").in(brood::piped);
    const bench::stopwatch watch;
    auto child = co_await brood::create_subprocess(what);
    co_await feed(child.in(), bytes);
    co_await child.wait();
    bench::report(watch, bytes);
}

awaitable<long> count_bytes(brood::stream_reader& from)
{
    long total = 0;
    for (;;) {
        const auto some = co_await from.read(bench::block_size);
        if (some.empty())
            co_return total;
        total += static_cast<long>(some.size());
    }
}

awaitable<void> duplex(std::string tiny, long bytes)
{
    const auto what =
        brood::exec(tiny, "cat").in(brood::piped).out(brood::piped);
    const bench::stopwatch watch;
    auto child = co_await brood::create_subprocess(what);
    const auto [fed, total] = co_await brood::gather(feed(child.in(), bytes),
                                                     count_bytes(child.out()));
    co_await child.wait();
    bench::report(watch, bytes);
    if (total != bytes)
        bench::fail("the output");
}

awaitable<void> pass_on(std::string tiny, long bytes)
{
    const auto sink = brood::exec(tiny, "sink").in(brood::piped);
    const auto what = source(tiny, "flood", bytes);
    const bench::stopwatch watch;
    auto from = co_await brood::create_subprocess(what);
    auto to = co_await brood::create_subprocess(sink);
    const auto total = co_await brood::copy(from.out(), to.in());
    to.in().close();
    co_await from.wait();
    co_await to.wait();
    bench::report(watch, bytes);
    if (total != static_cast<std::uint64_t>(bytes))
        bench::fail("the output");
}

// How many lines are there, taken without suspending.
using take_lines = long(brood::stream_reader& from);

// In plain functions: g++ keeps a coroutine's variables in memory.
long by_try_readline(brood::stream_reader& from)
{
    long seen = 0;
    while (from.try_readline())
        ++seen;
    return seen;
}

long by_buffered_lines(brood::stream_reader& from)
{
    long seen = 0;
    for (const auto line : from.buffered_lines())
        seen += line.size() != 0;
    return seen;
}

// Each line is one awaitable and one string.
long none(brood::stream_reader&)
{
    return 0;
}

awaitable<void> lines(std::string tiny, long count, take_lines* take)
{
    const auto what = source(tiny, "lines", count);
    const bench::stopwatch watch;
    auto child = co_await brood::create_subprocess(what);
    auto& out = child.out();
    long seen = 0;
    for (;;) {
        seen += take(out);
        const auto line = co_await out.readline();
        if (line.empty())
            break;
        ++seen;
    }
    co_await child.wait();
    bench::report(watch, count);
    if (seen != count)
        bench::fail("the lines");
}

awaitable<void> try_readline(std::string tiny, long count)
{
    return lines(std::move(tiny), count, by_try_readline);
}

awaitable<void> buffered_lines(std::string tiny, long count)
{
    return lines(std::move(tiny), count, by_buffered_lines);
}

awaitable<void> readline(std::string tiny, long count)
{
    return lines(std::move(tiny), count, none);
}

awaitable<void> alive(std::string tiny, long count)
{
    bench::allow_many_descriptors();
    std::vector<brood::process> children;
    const auto what = brood::exec(tiny, "pause");
    // What the first child of a loop needs is not each child's cost.
    co_await run_one(tiny);
    const auto before = bench::footprint::now();
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        children.push_back(co_await brood::create_subprocess(what));
        children.back().async_wait([](brood::error_code, int) {});
        watch.lap();
    }
    bench::report(watch, count, before, bench::footprint::now());
    for (auto& each : children)
        each.kill();
    for (auto& each : children)
        co_await each.wait();
}

awaitable<void> tick(bench::stalls& seen)
{
    for (;;) {
        co_await brood::sleep(bench::tick);
        seen.ticked();
    }
}

awaitable<void> start_some(std::string tiny, long count, bool& starts)
{
    for (long i = 0; i != count; ++i) {
        starts = true;
        auto child = co_await brood::create_subprocess(brood::exec(tiny));
        co_await child.wait();
    }
}

awaitable<void> start_all(std::string tiny, long count, bench::stalls& seen,
                          bool& starts)
{
    const auto ticker = co_await brood::create_task(tick(seen));
    const auto share = [&](int) {
        return start_some(tiny, count / bench::stall_in_flight, starts);
    };
    co_await brood::gather(std::views::iota(0, bench::stall_in_flight) |
                           std::views::transform(share));
}

// A start is awaited, so what holds the loop is not its time but that of the
// turn in which it begins. Turns that the loop has had to wait for are left
// out.
void stall(const char* tiny, long count)
{
    bench::stalls seen;
    bool starts = false;
    brood::asio::io_context io(1);
    brood::asio::co_spawn(io, start_all(tiny, count, seen, starts),
                          brood::asio::detached);
    const bench::stopwatch watch;
    for (;;) {
        starts = false;
        const auto began = bench::stalls::clock::now();
        if (io.poll_one() != 0) {
            if (starts)
                seen.held(began);
        } else if (io.run_one() == 0) {
            break;
        }
    }
    seen.report(watch, count);
}

}  // namespace

int main(int argc, char** argv)
{
    using work = std::function<void(const char*, long)>;
    const auto run = [](awaitable<void> (*body)(std::string, long)) {
        return [body](const char* tiny, long count) {
            brood::run(body(tiny, count));
        };
    };
    const std::pair<const char*, work> works[] = {
        {"spawn_wait", run(spawn_wait)},
        {"spawn_communicate", run(spawn_communicate)},
        {"in_flight", run(in_flight)},
        {"two_in_flight", run(two_in_flight)},
        {"read_some", run(read_some)},
        {"read_all", run(read_all)},
        {"write_some", run(write_some)},
        {"duplex", run(duplex)},
        {"pass_on", run(pass_on)},
        {"try_readline", run(try_readline)},
        {"buffered_lines", run(buffered_lines)},
        {"readline", run(readline)},
        {"alive", run(alive)},
        {"stall", stall},
    };
    return bench::run_named_work(argc, argv, works);
}
