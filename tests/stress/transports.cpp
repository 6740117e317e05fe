// transports.cpp: callbacks of many children, on loops that many threads run.
//
// Each test asks for results that are right, not for a time.
#include "support/transports.hpp"
#include "support/fixture.hpp"
#include "support/pipes_by_hand.hpp"
#include "support/sanitized.hpp"

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(strand.hpp)
#include BROOD_ASIO_HEADER(thread_pool.hpp)

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace brood_test;

using crowded_transports = clean_test;

constexpr int count_of_children = sanitized ? 100 : 400;

// Sends a text in pieces, and expects it back. What it holds is guarded by
// nothing: its strand has to do.
class echoed_text : public brood::subprocess_protocol {
public:
    echoed_text(int number, std::atomic<int>& right)
        : text_(std::to_string(number) + pattern(20'000)), right_(right)
    {
    }
    void connection_made(brood::subprocess_transport transport) override
    {
        transport_ = std::move(transport);
        enter();
        auto input = transport_.pipe_writer(0);
        for (std::size_t at = 0; at < text_.size(); at += 1000)
            input.write(std::string_view(text_).substr(at, 1000));
        input.close();
        leave();
    }
    void pipe_data_received(int, std::string_view bytes) override
    {
        enter();
        echo_ += bytes;
        leave();
    }
    void process_exited() override
    {
        enter();
        has_exited_ = true;
        leave();
    }
    void connection_lost() override
    {
        enter();
        right_ += has_exited_ && echo_ == text_ && !is_wrong_ &&
                  transport_.returncode() == 0;
        leave();
    }

private:
    void enter()
    {
        if (is_busy_.exchange(true))
            is_wrong_ = true;
    }
    void leave() { is_busy_ = false; }

    const std::string text_;
    std::atomic<int>& right_;
    brood::subprocess_transport transport_;
    std::string echo_;
    bool has_exited_ = false;
    bool is_wrong_ = false;
    std::atomic<bool> is_busy_ = false;
};

template <class Context>
void start_on_a_strand(Context& context, int number, std::atomic<int>& right)
{
    const brood::executor io = asio::make_strand(context);
    std::ignore = brood::subprocess_exec(
        io, [&] { return std::make_shared<echoed_text>(number, right); },
        child("cat"));
}

TEST_F(crowded_transports, keep_to_their_strands_on_a_loop_of_many_threads)
{
    std::atomic<int> right = 0;
    asio::io_context io;
    // Some before it runs, the others meanwhile, from threads of no loop.
    for (int i = 0; i != count_of_children / 2; ++i)
        start_on_a_strand(io, i, right);
    std::vector<std::thread> all;
    for (int i = 0; i != 4; ++i)
        all.emplace_back([&] { io.run(); });
    for (int i = count_of_children / 2; i != count_of_children; ++i)
        start_on_a_strand(io, i, right);
    for (auto& each : all)
        each.join();
    io.restart();
    io.run();
    EXPECT_EQ(right, count_of_children);
}

TEST_F(crowded_transports, share_a_terminal_between_two_loops)
{
    // Both set O_NONBLOCK for their calls, on the one description of the
    // master; a write that the other takes it from waits until the terminal
    // is read, which here is done by the thread that waits.
    auto [slave, master] = a_master_that_writes();
    brood::os::set_nonblocking(slave.number());
    std::atomic<bool> is_over = false;
    std::atomic<long> rounds = 0;
    std::thread reads([&, other = copy_of(master)]() mutable {
        asio::io_context io;
        const auto told = std::make_shared<read_record>();
        auto [transport, unused] =
            brood::connect_read_pipe(io, made_of(told), other.release());
        EXPECT_TRUE(turns_until(io, [&] {
            told->data.clear();
            return is_over.load();
        }));
        transport.close();
        run_out(io);
    });
    std::thread watches([&] {
        for (long seen = -1; !is_over && seen != rounds;) {
            seen = rounds;
            static_cast<void>(wait_until(
                [&] { return is_over || rounds != seen; }, patience));
        }
        EXPECT_TRUE(is_over) << "a call waits, after " << rounds << " rounds";
        while (!is_over)
            read_some(slave);
    });
    asio::io_context io;
    const auto told = std::make_shared<write_record>();
    auto [transport, unused] =
        brood::connect_write_pipe(io, made_of(told), master.release());
    for (; rounds != 20 * count_of_children; ++rounds) {
        // More than there is room for, at every attempt.
        if (transport.write_buffer_size() < 100'000)
            transport.write(std::string(100'000, 'x'));
        for (int i = 0; i != 10; ++i) {
            std::ignore = ::write(slave.number(), "y", 1);
            io.poll();
        }
        std::ignore = read_some(slave);
    }
    is_over = true;
    reads.join();
    watches.join();
    transport.abort();
    run_out(io);
}

TEST_F(crowded_transports, run_on_a_thread_pool)
{
    std::atomic<int> right = 0;
    asio::thread_pool pool(4);
    for (int i = 0; i != count_of_children; ++i)
        start_on_a_strand(pool, i, right);
    pool.join();
    EXPECT_EQ(right, count_of_children);
}

TEST_F(crowded_transports, end_with_loops_in_many_threads)
{
    std::vector<std::thread> all;
    for (int thread = 0; thread != 4; ++thread)
        all.emplace_back([] {
            for (int i = 0; i != count_of_children / 20; ++i) {
                asio::io_context io;
                std::atomic<int> right = 0;
                start_on_a_strand(io, i, right);
                const auto told = std::make_shared<child_record>();
                std::ignore = brood::subprocess_exec(io, made_of(told),
                                                     child("ready-then-pause"));
                // Left at any point.
                for (int turn = 0; turn != i; ++turn)
                    io.poll_one();
            }
        });
    for (auto& each : all)
        each.join();
    EXPECT_TRUE(wait_until([] { return children().empty(); }));
}

}  // namespace
