// pipe_transport.cpp: what can be done with the transport of a pipe.
#include "support/pipes_by_hand.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(strand.hpp)

#include <limits>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace {

using brood::connect_read_pipe;
using brood::connect_write_pipe;
using namespace brood_test;

using pipe_transports = pipe_test;

// --- pausing ----------------------------------------------------------------

TEST_F(pipe_transports, read_nothing_while_paused)
{
    for (const auto& [name, make] : kinds) {
        SCOPED_TRACE(name);
        auto [reads, writes] = make();
        const auto told = read_from(std::move(reads));
        settle(io());
        EXPECT_TRUE(told->transport.is_reading());
        // With the bytes, and even the reading of them, under way.
        write_all(writes, "hello");
        told->transport.pause_reading();
        settle(io());
        EXPECT_EQ(told->data, "");
        // A terminal that is hung up forgets what was not read.
        const bool forgets = make == a_master_that_writes;
        if (!forgets)
            writes.close();
        settle(io());
        EXPECT_EQ(told->events, event_list{"made"}) << "told of the end";
        told->transport.resume_reading();
        ASSERT_TRUE(turns_until(io(), [&] { return told->data == "hello"; }));
        writes.close();
        run_until_lost(told);
    }
}

TEST_F(pipe_transports, can_be_closed_in_every_state)
{
    for (const bool paused : {false, true})
        for (const bool begun : {false, true}) {
            auto [reads, writes] = a_pipe();
            const auto told = read_from(std::move(reads));
            if (begun)
                settle(io());
            if (paused)
                told->transport.pause_reading();
            write_all(writes, "unread");
            told->transport.close();
            told->transport.close();
            told->transport.pause_reading();
            told->transport.resume_reading();
            EXPECT_TRUE(told->transport.is_closing());
            run_until_lost(told);
            EXPECT_EQ(told->events, (event_list{"made", "lost"}));
        }
}

TEST_F(pipe_transports, tell_a_successor)
{
    auto [reads, writes] = a_pipe();
    const auto first = read_from(std::move(reads));
    const auto writer = write_to(std::move(writes));
    const auto second = std::make_shared<read_record>();
    settle(io());
    EXPECT_EQ(first->transport.protocol(), first);
    first->transport.set_protocol(second);
    const auto late = std::make_shared<write_record>();
    writer->transport.set_protocol(late);
    writer->transport.write("for the second");
    writer->transport.close();
    ASSERT_TRUE(turns_until(io(), [&] { return second->is_lost(); }));
    EXPECT_EQ(second->data, "for the second");
    EXPECT_EQ(first->events, event_list{"made"});
    EXPECT_TRUE(late->is_lost());
    EXPECT_THROW(first->transport.set_protocol(nullptr), std::logic_error);
}

// --- water marks ------------------------------------------------------------

TEST_F(pipe_transports, pause_at_the_high_mark_and_resume_at_the_low_one)
{
    auto [reads, writes] = a_pipe();
    const auto told = write_to(std::move(writes));
    settle(io());
    auto& transport = told->transport;
    EXPECT_EQ(transport.write_buffer_limits().high, 64U * 1024);
    EXPECT_EQ(transport.write_buffer_limits().low, 16U * 1024);
    transport.set_write_buffer_limits(1000, 10);
    transport.write(std::string(64 * 1024, 'x'));  // a pipe full
    transport.write(std::string(1000, 'x'));
    EXPECT_EQ(told->events, event_list{"made"});
    transport.write("x");
    EXPECT_EQ(told->events, (event_list{"made", "pause"}));
    transport.write("x");
    EXPECT_EQ(transport.write_buffer_size(), 1002U);
    settle(io());
    EXPECT_EQ(told->events, (event_list{"made", "pause"}));
    std::string got = read_some(reads);
    ASSERT_TRUE(turns_until(io(), [&] { return told->events.size() == 3; }));
    EXPECT_EQ(told->events.back(), "resume");
    EXPECT_LE(transport.write_buffer_size(), 10U);
    transport.close();
    run_until_lost(told);
    while (got.size() != 64 * 1024 + 1002) {
        const auto more = read_some(reads);
        ASSERT_FALSE(more.empty());
        got += more;
    }
}

TEST_F(pipe_transports, set_one_water_mark_by_the_other)
{
    auto [reads, writes] = a_pipe();
    const auto told = write_to(std::move(writes));
    auto& transport = told->transport;
    const auto limits = [&] {
        const auto now = transport.write_buffer_limits();
        return std::pair(now.high, now.low);
    };
    transport.set_write_buffer_limits(4000);
    EXPECT_EQ(limits(), std::pair(std::size_t{4000}, std::size_t{1000}));
    transport.set_write_buffer_limits({}, 500);
    EXPECT_EQ(limits(), std::pair(std::size_t{2000}, std::size_t{500}));
    constexpr auto most = std::numeric_limits<std::size_t>::max();
    transport.set_write_buffer_limits({}, most / 2);
    EXPECT_EQ(limits(), std::pair(most, most / 2));
    transport.set_write_buffer_limits(2000, 500);
    try {
        transport.set_write_buffer_limits(10, 11);
        ADD_FAILURE() << "was accepted";
    } catch (const std::invalid_argument& error) {
        EXPECT_STREQ(error.what(),
                     "brood: set_write_buffer_limits: the low mark (11) must "
                     "not be above the high one (10)");
    }
    EXPECT_EQ(limits(), std::pair(std::size_t{2000}, std::size_t{500}));
    transport.set_write_buffer_limits();
    EXPECT_EQ(limits(),
              std::pair(std::size_t{64} * 1024, std::size_t{16} * 1024));

    settle(io());
    transport.set_write_buffer_limits(0);
    transport.write(std::string(64 * 1024, 'x'));
    EXPECT_EQ(told->events, event_list{"made"});
    transport.write("x");
    EXPECT_EQ(told->events.back(), "pause");
    transport.abort();
    run_until_lost(told);
}

TEST_F(pipe_transports, send_all_before_they_close)
{
    auto [reads, writes] = a_pipe();
    const auto reader = read_from(std::move(reads));
    reader->transport.pause_reading();
    const auto told = write_to(std::move(writes));
    const auto much = pattern(1 << 20);
    EXPECT_TRUE(told->transport.write(""));
    EXPECT_TRUE(told->transport.write(much));
    told->transport.write_eof();
    told->transport.close();
    EXPECT_FALSE(told->transport.write("more"));
    settle(io());
    EXPECT_FALSE(told->is_lost());
    reader->transport.resume_reading();
    run_until_lost(told);
    run_until_lost(reader);
    EXPECT_TRUE(reader->data == much);
    EXPECT_EQ(told->events.back(), "lost");
}

TEST_F(pipe_transports, drop_what_waits_by_abort)
{
    auto [reads, writes] = a_pipe();
    const auto told = write_to(std::move(writes));
    told->transport.write(std::string(1 << 20, 'x'));
    told->transport.abort();
    told->transport.abort();
    EXPECT_EQ(told->transport.write_buffer_size(), 0U);
    run_until_lost(told);
    EXPECT_EQ(told->events, (event_list{"made", "lost"}));
    std::size_t got = 0;
    for (auto piece = read_some(reads); !piece.empty();
         piece = read_some(reads))
        got += piece.size();
    EXPECT_EQ(got, 64U * 1024);
}

TEST_F(pipe_transports, do_not_resume_what_is_aborted)
{
    auto [reads, writes] = a_pipe();
    const auto told = write_to(std::move(writes));
    settle(io());
    told->transport.write(std::string(1 << 20, 'x'));
    told->transport.abort();
    run_until_lost(told);
    EXPECT_EQ(told->events, (event_list{"made", "pause", "lost"}));
}

TEST_F(pipe_transports, may_be_held_longer_than_the_loop)
{
    brood::read_transport input;
    brood::write_transport output;
    {
        asio::io_context io;
        // Whose shared part belongs to the loop.
        const brood::executor strand = asio::make_strand(io);
        auto [reads, writes] = a_pipe();
        const auto told = std::make_shared<read_record>();
        std::tie(input, std::ignore) =
            connect_read_pipe(strand, made_of(told), reads.release());
        std::tie(output, std::ignore) = connect_write_pipe(
            strand, made_of<write_record>(), writes.release());
        output.close();
        ASSERT_TRUE(turns_until(io, [&] { return told->is_lost(); }));
    }
    EXPECT_TRUE(input.is_closing());
    EXPECT_FALSE(output.write("x"));
}

TEST_F(pipe_transports, go_on_when_a_function_throws)
{
    auto [reads, writes] = a_pipe();
    const auto reader = read_from(std::move(reads));
    const auto writer = write_to(std::move(writes));
    event_list thrown;
    const auto to_throw = [](std::string_view event) {
        throw std::runtime_error(std::string(event));
    };
    reader->on = to_throw;
    writer->on = to_throw;
    writer->transport.write("hello");
    writer->transport.close();
    while (!reader->is_lost() || !writer->is_lost())
        try {
            io().restart();
            ASSERT_NE(io().run_one_for(4 * patience), 0U);
        } catch (const std::runtime_error& error) {
            thrown.push_back(error.what());
        }
    for (const auto* each : {"data", "eof"})
        EXPECT_EQ(count(thrown, each), 1) << each;
    for (const auto* each : {"made", "lost"})
        EXPECT_EQ(count(thrown, each), 2) << each;
    EXPECT_EQ(reader->data, "hello");
}

TEST_F(pipe_transports, end_with_their_loop)
{
    std::weak_ptr<read_record> reading;
    std::weak_ptr<write_record> writing;
    brood::read_transport input;
    brood::write_transport output;
    auto [reads, writes] = a_pipe();
    auto [others_reads, others_writes] = a_pipe();
    {
        asio::io_context io;
        // Each holds its transport, and that one it.
        auto reader = std::make_shared<read_record>();
        auto writer = std::make_shared<write_record>();
        reading = reader;
        writing = writer;
        std::tie(input, std::ignore) =
            connect_read_pipe(io, made_of(reader), reads.release());
        std::tie(output, std::ignore) =
            connect_write_pipe(io, made_of(writer), others_writes.release());
        output.write(std::string(1 << 20, 'x'));
        settle(io);
        EXPECT_EQ(writer->events.back(), "pause");
        input.pause_reading();
    }
    EXPECT_TRUE(reading.expired());
    EXPECT_TRUE(writing.expired());
    EXPECT_TRUE(input.is_closing());
    EXPECT_FALSE(output.write("x"));
    input.resume_reading();
    input.close();
    output.close();
    output.abort();
}

TEST_F(pipe_transports, do_nothing_where_there_is_none)
{
    brood::read_transport reading;
    brood::write_transport writing;
    reading.pause_reading();
    reading.resume_reading();
    reading.close();
    EXPECT_TRUE(reading.is_closing());
    EXPECT_FALSE(reading.is_reading());
    EXPECT_FALSE(writing.write("x"));
    EXPECT_FALSE(writing.can_write_eof());
    writing.write_eof();
    writing.abort();
    EXPECT_EQ(writing.write_buffer_size(), 0U);
    EXPECT_EQ(writing.protocol(), nullptr);
    reading.set_protocol(std::make_shared<read_record>());
}

}  // namespace
