// subprocess_protocol.cpp: who is called, for how long, and on which thread.
#include "support/transports.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(executor_work_guard.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(post.hpp)
#include BROOD_ASIO_HEADER(strand.hpp)

#include <stdexcept>
#include <string>
#include <thread>

namespace {

using brood::subprocess_exec;
using namespace brood_test;

using subprocess_protocols = child_test;

// --- the protocol -----------------------------------------------------------

TEST_F(subprocess_protocols, go_on_without_a_handle)
{
    const auto told = std::make_shared<child_record>();
    std::ignore = subprocess_exec(io(), made_of(told), child("echo", "alone"));
    told->on = [&](std::string_view) { told->transport = {}; };
    run_to_the_end(told);
    EXPECT_EQ(told->data[1], "alone\n");
    EXPECT_EQ(told.use_count(), 1) << "held beyond connection_lost()";
}

TEST_F(subprocess_protocols, tell_a_successor)
{
    const auto first = start(child("cat"));
    const auto second = std::make_shared<child_record>();
    first->transport.pipe_writer(0).write("one");
    ASSERT_TRUE(turns_until(io(), [&] { return first->data[1] == "one"; }));
    auto transport = first->transport;
    EXPECT_EQ(transport.protocol(), first);
    transport.set_protocol(second);
    first->transport = {};
    EXPECT_EQ(first.use_count(), 1);
    transport.pipe_writer(0).write("two");
    transport.pipe_writer(0).close();
    ASSERT_TRUE(turns_until(io(), [&] { return second->over; }));
    EXPECT_EQ(first->data[1], "one");
    EXPECT_EQ(second->data[1], "two");
    EXPECT_EQ(count(second->events, "made"), 0);
    EXPECT_THROW(transport.set_protocol(nullptr), std::logic_error);
}

TEST_F(subprocess_protocols, keep_the_protocol_of_a_pipe_of_theirs)
{
    const auto told = start(child("cat"));
    auto input = told->transport.pipe_writer(0);
    auto output = told->transport.pipe_reader(1);
    EXPECT_THROW(input.set_protocol(std::make_shared<write_record>()),
                 std::logic_error);
    EXPECT_THROW(output.set_protocol(std::make_shared<read_record>()),
                 std::logic_error);
    EXPECT_EQ(input.protocol(), nullptr);
    EXPECT_EQ(output.protocol(), nullptr);
    input.close();
    run_to_the_end(told);
}

TEST_F(subprocess_protocols, go_on_when_a_function_throws)
{
    const auto told = start(child("cat"));
    told->on = [&](std::string_view event) {
        if (event == "made") {
            // It takes no more than it can get rid of.
            told->transport.pipe_reader(1).pause_reading();
            told->transport.pipe_writer(0).write(std::string(1 << 20, 'x'));
        }
        if (event == "pause 0")
            told->transport.pipe_reader(1).resume_reading();
        if (event == "resume 0")
            told->transport.pipe_writer(0).close();
        throw std::runtime_error(std::string(event));
    };
    event_list thrown;
    while (!told->over)
        try {
            io().restart();
            ASSERT_NE(io().run_one_for(4 * patience), 0U);
        } catch (const std::runtime_error& error) {
            // Data comes in as many pieces as it likes.
            if (thrown.empty() || thrown.back() != error.what())
                thrown.push_back(error.what());
        }
    EXPECT_EQ(thrown, told->events);
    EXPECT_EQ(count(thrown, "resume 0"), 1);
    EXPECT_EQ(thrown.front(), "made");
    EXPECT_EQ(thrown.back(), "over");
    EXPECT_EQ(count(thrown, "pause 0"), 1);
    EXPECT_EQ(told->data[1].size(), std::size_t{1} << 20);
}

// --- the loop goes first ----------------------------------------------------

TEST_F(subprocess_protocols, may_be_held_longer_than_the_loop)
{
    brood::subprocess_transport kept;
    brood::read_transport output;
    brood::write_transport input;
    {
        asio::io_context io;
        // Whose shared part belongs to the loop.
        const brood::executor strand = asio::make_strand(io);
        const auto told = std::make_shared<child_record>();
        std::tie(kept, std::ignore) =
            subprocess_exec(strand, made_of(told), child("echo", "x"));
        output = kept.pipe_reader(1);
        input = kept.pipe_writer(0);
        ASSERT_TRUE(turns_until(io, [&] { return told->over; }));
    }
    EXPECT_EQ(kept.returncode(), 0);
    EXPECT_TRUE(output.is_closing());
    EXPECT_FALSE(input.write("x"));
}

TEST_F(subprocess_protocols, end_with_their_loop)
{
    for (const bool has_run : {false, true}) {
        std::weak_ptr<child_record> protocol;
        brood::subprocess_transport kept;
        {
            asio::io_context io;
            // It holds its transport, and that one it: neither may stay.
            const auto told = std::make_shared<child_record>();
            protocol = told;
            std::tie(kept, std::ignore) =
                subprocess_exec(io, made_of(told), child("ready-then-pause"));
            told->transport = kept;
            kept.pipe_reader(2).pause_reading();
            kept.pipe_writer(0).write(std::string(1 << 20, 'x'));
            const auto is_seen = [&] { return told->data.count(1) != 0; };
            if (has_run) {
                ASSERT_TRUE(turns_until(io, is_seen));
            }
        }
        EXPECT_TRUE(protocol.expired());
        EXPECT_GT(kept.pid(), 0);
        EXPECT_TRUE(kept.is_closing());
        EXPECT_FALSE(kept.kill());
        EXPECT_FALSE(kept.pipe_writer(0).write("x"));
        kept.pipe_reader(2).resume_reading();
        kept.pipe_reader(1).close();
        kept.close();
    }
}

// --- threads ----------------------------------------------------------------

TEST_F(subprocess_protocols, can_be_started_from_another_thread)
{
    const auto told = std::make_shared<child_record>();
    const auto loop = std::this_thread::get_id();
    told->on = [&](std::string_view) {
        EXPECT_EQ(std::this_thread::get_id(), loop);
    };
    auto work = asio::make_work_guard(io());
    std::thread elsewhere([&] {
        std::ignore =
            subprocess_exec(io(), made_of(told), child("flood", "1M"));
        work.reset();
    });
    run_to_the_end(told);
    elsewhere.join();
    EXPECT_TRUE(told->data[1] == pattern(1 << 20));
}

}  // namespace
