// pipe_growth.cpp: pipes that get larger because they are busy.
//
// Most of it on pipes that the test itself fills, so that every read finds
// what it asks for, however the machine is loaded.
#include "os/pipe_growth.hpp"
#include "async/reader_core.hpp"
#include "async/writer_core.hpp"
#include "os/posix/system_call.hpp"
#include "support/async_test.hpp"
#include "support/fixture.hpp"
#include "support/in_a_copy.hpp"
#include "support/peak_memory.hpp"
#include "support/sanitized.hpp"

#include BROOD_ASIO_HEADER(read.hpp)

#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace brood;
using namespace brood_test;

constexpr int usual = 64 * 1024;
constexpr int larger = 256 * 1024;
constexpr int largest = 1024 * 1024;

int size_of(int pipe)
{
    return ::fcntl(pipe, F_GETPIPE_SZ);
}

std::vector<int> new_pipes(const descriptor_table& before)
{
    std::vector<int> found;
    for (const auto& [fd, target] : open_descriptors())
        if (!before.contains(fd) && target.starts_with("pipe:"))
            found.push_back(fd);
    return found;
}

// A pipe as a child would have it, with the test in the child's place.
class busy_pipe {
public:
    explicit busy_pipe(const executor& io, bool we_write = false)
    {
        auto made = os::make_pipe(0);
        os::channel_kind kind;
        kind.may_grow = true;
        auto& ours = we_write ? made.write_end : made.read_end;
        auto& others = we_write ? made.read_end : made.write_end;
        other_ = std::move(others);
        if (we_write)
            writer_ = std::make_shared<detail::writer_core>(
                io, os::channel(std::move(ours), kind));
        else
            reader_ = std::make_shared<detail::reader_core>(
                io, os::channel(std::move(ours), kind), 10);
    }

    int size() const { return size_of(other_.number()); }

    // Moves so much so often, each time in one call of ours.
    awaitable<void> carry(int times, int each = usual)
    {
        std::string bytes(static_cast<std::size_t>(each), 'x');
        for (int i = 0; i != times; ++i) {
            if (writer_) {
                EXPECT_TRUE(writer_->write(bytes));
                EXPECT_EQ(::read(other_.number(), bytes.data(), bytes.size()),
                          each);
                continue;
            }
            EXPECT_EQ(::write(other_.number(), bytes.data(), bytes.size()),
                      each);
            stream_reader reader(reader_);
            const auto got = co_await reader.async_read_some(
                asio::buffer(bytes), use_awaitable);
            EXPECT_EQ(got, bytes.size());
        }
    }
    // So many that it would surely grow.
    static constexpr int many = 4 + 4 * 4 + 1;

private:
    os::descriptor other_;
    std::shared_ptr<detail::reader_core> reader_;
    std::shared_ptr<detail::writer_core> writer_;
};

class pipe_growth : public clean_test {
protected:
    void SetUp() override
    {
        clean_test::SetUp();
        EXPECT_EQ(os::pipe_growth::taken(), 0u);
    }
    void TearDown() override
    {
        EXPECT_EQ(os::pipe_growth::taken(), 0u);
        clean_test::TearDown();
    }
};

}  // namespace

TEST_F(pipe_growth, a_pipe_that_is_read_in_full_grows)
{
    auto main = []() -> awaitable<void> {
        busy_pipe pipe(co_await asio::this_coro::executor);
        EXPECT_EQ(pipe.size(), usual);
        co_await pipe.carry(3);
        EXPECT_EQ(pipe.size(), usual);
        co_await pipe.carry(1);
        EXPECT_EQ(pipe.size(), larger);
        EXPECT_EQ(os::pipe_growth::taken(), std::size_t{larger - usual});
        // 64 KiB are what was asked for, so they are a full read here, too.
        co_await pipe.carry(16);
        EXPECT_EQ(pipe.size(), largest);
        co_await pipe.carry(50);
        EXPECT_EQ(pipe.size(), largest);
        EXPECT_EQ(os::pipe_growth::taken(), std::size_t{largest - usual});
    };
    run_bounded(main());
}

TEST_F(pipe_growth, a_pipe_that_is_written_in_full_grows)
{
    auto main = []() -> awaitable<void> {
        busy_pipe pipe(co_await asio::this_coro::executor, true);
        co_await pipe.carry(3);
        EXPECT_EQ(pipe.size(), usual);
        co_await pipe.carry(1);
        EXPECT_EQ(pipe.size(), larger);
        // Now the same leaves most of it empty.
        co_await pipe.carry(busy_pipe::many);
        EXPECT_EQ(pipe.size(), larger);
        co_await pipe.carry(4, larger);
        EXPECT_EQ(pipe.size(), largest);
    };
    run_bounded(main());
}

// What fits says nothing of what is in the pipe.
TEST_F(pipe_growth, a_long_dialogue_of_short_lines_is_not_busy)
{
    auto main = []() -> awaitable<void> {
        busy_pipe pipe(co_await asio::this_coro::executor, true);
        co_await pipe.carry(20'000, 100);
        EXPECT_EQ(pipe.size(), usual);
    };
    run_bounded(main());
}

TEST_F(pipe_growth, a_childs_pipes_grow_unless_their_size_was_chosen)
{
    auto main = [](bool chosen) -> awaitable<void> {
        const auto before = open_descriptors();
        auto what = child("flood", "8M").out(piped);
        if (chosen)
            what.pipe_size(usual);
        auto flood = co_await create_subprocess(what);
        const auto pipes = new_pipes(before);
        EXPECT_EQ(pipes.size(), 1u);
        // Pages, of which the child writes whole ones: each read is full.
        std::string page(4096, ' ');
        for (int i = 0; i != 1024; ++i)
            co_await asio::async_read(flood.out(), asio::buffer(page),
                                      use_awaitable);
        EXPECT_EQ(size_of(pipes.front()), chosen ? usual : largest);
        EXPECT_EQ((co_await flood.out().read()).size(), std::size_t{4} << 20);
        EXPECT_EQ(co_await flood.wait(), 0);
    };
    run_bounded(main(false));
    run_bounded(main(true));
}

TEST_F(pipe_growth, stays_inside_the_budget_of_the_process)
{
    auto main = []() -> awaitable<void> {
        const auto io = co_await asio::this_coro::executor;
        constexpr std::size_t fit = os::pipe_growth::budget / (largest - usual);
        std::vector<busy_pipe> pipes;
        for (std::size_t i = 0; i != fit + 3; ++i) {
            pipes.emplace_back(io);
            co_await pipes.back().carry(busy_pipe::many);
            EXPECT_LE(os::pipe_growth::taken(), os::pipe_growth::budget);
            if (i < fit) {
                EXPECT_EQ(pipes.back().size(), largest) << i;
            }
        }
        EXPECT_EQ(pipes.back().size(), usual);
        // What one gives back another may have, when it is busy again.
        pipes.erase(pipes.begin(), pipes.begin() + 2);
        co_await pipes.back().carry(busy_pipe::many);
        EXPECT_EQ(pipes.back().size(), largest);
    };
    run_bounded(main());
}

TEST_F(pipe_growth, goes_on_quietly_where_the_kernel_refuses)
{
    auto main = []() -> awaitable<void> {
        busy_pipe pipe(co_await asio::this_coro::executor);
        // As for a user who has used up what he may have. The first call asks
        // how large the pipe is.
        os::fault_injection::arm(1, EPERM);
        co_await pipe.carry(busy_pipe::many);
        os::fault_injection::disarm();
        EXPECT_EQ(os::fault_injection::injected, 1);
        EXPECT_EQ(pipe.size(), usual);
        EXPECT_EQ(os::pipe_growth::taken(), 0u);
        co_await pipe.carry(busy_pipe::many);
        EXPECT_EQ(pipe.size(), usual);
    };
    run_bounded(main());
}

// ------------------------------------------------------------- memory

namespace {

// In a copy: of what a run needs beside the bytes that it returns.
void needs_little_more_than_its_bytes(awaitable<std::size_t> (*body)())
{
    if (sanitized)
        GTEST_SKIP() << "a sanitizer's own memory grows along";
    in_a_copy([body] {
        // Sets the mark back; proc_pid_clear_refs(5).
        std::ofstream("/proc/self/clear_refs") << "5";
        const auto before = peak_memory();
        const auto bytes = brood::run(body());
        require_equal(bytes, std::size_t{40} << 20);
        const auto used = peak_memory() - before;
        require(used <= bytes + bytes / 10, std::to_string(used));
    });
}

}  // namespace

TEST_F(pipe_growth, communicate_needs_little_more_memory_than_it_returns)
{
    needs_little_more_than_its_bytes(+[]() -> awaitable<std::size_t> {
        auto flood =
            co_await create_subprocess(child("flood", "40M").out(piped));
        const auto [out, err] = co_await flood.communicate();
        co_return out.size();
    });
}

TEST_F(pipe_growth, run_process_needs_little_more_memory_than_it_returns)
{
    needs_little_more_than_its_bytes(+[]() -> awaitable<std::size_t> {
        const auto done = co_await run_process(child("flood", "40M"));
        co_return done.out.size();
    });
}
