// connect_pipe.cpp: descriptors that a program has, for those who are called.
#include "support/in_a_copy.hpp"
#include "support/pipes_by_hand.hpp"
#include "support/refused_calls.hpp"

#include <brood/brood.hpp>

#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace {

using brood::connect_read_pipe;
using brood::connect_write_pipe;
using namespace brood_test;

using connected_pipes = pipe_test;

// --- all kinds --------------------------------------------------------------

TEST_F(connected_pipes, read_every_kind_to_its_end)
{
    for (const auto& [name, make] : kinds) {
        SCOPED_TRACE(name);
        auto [reads, writes] = make();
        const auto told = read_from(std::move(reads));
        EXPECT_TRUE(told->events.empty()) << "told within the call";
        write_all(writes, "hello");
        ASSERT_TRUE(turns_until(io(), [&] { return told->data == "hello"; }));
        EXPECT_FALSE(told->transport.is_closing());
        writes.close();
        run_until_lost(told);
        EXPECT_EQ(told->events, (event_list{"made", "data", "eof", "lost"}));
        EXPECT_TRUE(told->transport.is_closing());
        EXPECT_FALSE(told->transport.is_reading());
        EXPECT_EQ(told->transport.protocol(), nullptr);
    }
}

TEST_F(connected_pipes, write_every_kind)
{
    for (const auto& [name, make] : kinds) {
        SCOPED_TRACE(name);
        auto [reads, writes] = make();
        const auto told = write_to(std::move(writes));
        EXPECT_TRUE(told->transport.write("hello"));
        EXPECT_TRUE(told->events.empty()) << "told within the call";
        EXPECT_EQ(read_some(reads), "hello");
        told->transport.close();
        EXPECT_FALSE(told->transport.write("more"));
        run_until_lost(told);
        EXPECT_EQ(told->events, (event_list{"made", "lost"}));
        EXPECT_EQ(read_some(reads), "");
    }
}

TEST_F(connected_pipes, leave_no_flag_on_what_others_share)
{
    for (const auto& [name, make] : kinds) {
        SCOPED_TRACE(name);
        auto [reads, writes] = make();
        const auto shared_reads = copy_of(reads);
        const auto shared_writes = copy_of(writes);
        const auto reader = read_from(std::move(reads));
        const auto writer = write_to(std::move(writes));
        const auto is_untouched = [&] {
            return !(flags_of(shared_reads) & O_NONBLOCK) &&
                   !(flags_of(shared_writes) & O_NONBLOCK);
        };
        EXPECT_TRUE(is_untouched()) << "when connected";
        const auto much = pattern(300'000);
        writer->transport.write(much);
        EXPECT_TRUE(is_untouched()) << "when written";
        ASSERT_TRUE(turns_until(io(), [&] {
            EXPECT_TRUE(is_untouched()) << "meanwhile";
            return reader->data.size() >= much.size();
        }));
        EXPECT_TRUE(reader->data == much);
        reader->transport.close();
        writer->transport.close();
        run_until_lost(reader);
        run_until_lost(writer);
        EXPECT_TRUE(is_untouched()) << "when closed";
    }
}

TEST_F(connected_pipes, leave_no_flag_where_nothing_can_be_opened_again)
{
    in_a_copy([] {
        auto [reads, writes] = a_pipe();
        refuse({{SYS_openat, EACCES}});
        asio::io_context io;
        const auto reader = std::make_shared<read_record>();
        const auto writer = std::make_shared<write_record>();
        const auto shared_reads = copy_of(reads);
        const auto shared_writes = copy_of(writes);
        std::ignore = connect_read_pipe(io, made_of(reader), reads.release());
        auto [transport, unused] =
            connect_write_pipe(io, made_of(writer), writes.release());
        const auto much = pattern(300'000);
        transport.write(much);
        transport.close();
        bool is_untouched = true;
        require(turns_until(io,
                            [&] {
                                if ((flags_of(shared_reads) & O_NONBLOCK) ||
                                    (flags_of(shared_writes) & O_NONBLOCK))
                                    is_untouched = false;
                                return reader->data.size() == much.size();
                            }),
                "all is read");
        require(is_untouched, "no flag is left");
        require(reader->data == much, "in order");
    });
}

TEST_F(connected_pipes, keep_a_flag_that_was_there)
{
    for (const auto& [name, make] : kinds) {
        SCOPED_TRACE(name);
        auto [reads, writes] = make();
        EXPECT_EQ(::fcntl(reads.number(), F_SETFL, O_NONBLOCK), 0);
        const auto shared = copy_of(reads);
        const auto told = read_from(std::move(reads));
        write_all(writes, "x");
        ASSERT_TRUE(turns_until(io(), [&] { return told->data == "x"; }));
        told->transport.close();
        run_until_lost(told);
        EXPECT_TRUE(flags_of(shared) & O_NONBLOCK);
    }
}

TEST_F(connected_pipes, notice_a_reader_that_goes_without_a_write)
{
    for (const auto& [name, make] : kinds) {
        SCOPED_TRACE(name);
        auto [reads, writes] = make();
        const auto told = write_to(std::move(writes));
        settle(io());
        EXPECT_EQ(told->events, event_list{"made"}) << "a false alarm";
        reads.close();
        run_until_lost(told);
        EXPECT_EQ(told->events, (event_list{"made", "lost"}));
        EXPECT_FALSE(told->transport.write("x"));
    }
}

TEST_F(connected_pipes, notice_a_reader_that_was_gone_before)
{
    for (const auto& [name, make] : kinds) {
        SCOPED_TRACE(name);
        auto [reads, writes] = make();
        reads.close();
        const auto told = write_to(std::move(writes));
        run_until_lost(told);
        EXPECT_EQ(told->events, (event_list{"made", "lost"}));
    }
}

TEST_F(connected_pipes, say_that_what_was_unsent_is_lost)
{
    for (const auto& [name, make] : kinds) {
        SCOPED_TRACE(name);
        auto [reads, writes] = make();
        const auto told = write_to(std::move(writes));
        told->transport.write(std::string(1 << 20, 'x'));
        EXPECT_GT(told->transport.write_buffer_size(), 0U);
        reads.close();
        run_until_lost(told);
        EXPECT_EQ(told->events,
                  (event_list{"made", "pause", "lost: Broken pipe"}));
    }
}

TEST_F(connected_pipes, take_unread_bytes_for_no_disconnection)
{
    auto [reads, writes] = a_fifo();
    const auto told = write_to(std::move(writes));
    told->transport.write("unread");
    settle(io());
    EXPECT_EQ(told->events, event_list{"made"});
    EXPECT_EQ(read_some(reads), "unread");
    settle(io());
    EXPECT_EQ(told->events, event_list{"made"});
    told->transport.close();
    run_until_lost(told);
}

TEST_F(connected_pipes, use_both_directions_of_a_terminal)
{
    auto [master, slave] = a_terminal();
    const auto output = read_from(copy_of(master));
    const auto input = write_to(std::move(master));
    input->transport.write("typed");
    EXPECT_EQ(read_some(slave), "typed");
    settle(io());
    // What is typed is no hang-up, and neither is what is printed.
    write_all(slave, "printed");
    ASSERT_TRUE(turns_until(io(), [&] { return output->data == "printed"; }));
    EXPECT_EQ(input->events, event_list{"made"});
    slave.close();
    run_until_lost(output);
    run_until_lost(input);
    EXPECT_EQ(output->events, (event_list{"made", "data", "eof", "lost"}));
    EXPECT_EQ(input->events, (event_list{"made", "lost"}));
}

TEST_F(connected_pipes, serve_a_terminal_on_this_side)
{
    auto [master, slave] = a_terminal();
    const auto reader = read_from(copy_of(slave));
    const auto writer = write_to(std::move(slave));
    EXPECT_TRUE(writer->transport.can_write_eof());
    write_all(master, "typed");
    ASSERT_TRUE(turns_until(io(), [&] { return reader->data == "typed"; }));
    writer->transport.write("printed");
    EXPECT_EQ(read_some(master), "printed");
    master.close();
    run_until_lost(reader);
    run_until_lost(writer);
    EXPECT_EQ(reader->events.back(), "lost");
}

// --- what epoll refuses -----------------------------------------------------

TEST_F(connected_pipes, read_and_write_files)
{
    const temp_dir folder;
    const auto path = folder / "file";
    const auto content = pattern(3 << 20);
    const auto writer = write_to(
        descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
    EXPECT_TRUE(writer->transport.write(content));
    EXPECT_EQ(writer->transport.write_buffer_size(), 0U);
    writer->transport.write_eof();
    run_until_lost(writer);
    EXPECT_EQ(writer->events, (event_list{"made", "lost"}));
    EXPECT_TRUE(read_file(path) == content);

    const auto reader =
        read_from(descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
    run_until_lost(reader);
    EXPECT_EQ(reader->events, (event_list{"made", "data", "eof", "lost"}));
    EXPECT_TRUE(reader->data == content);
}

TEST_F(connected_pipes, pause_and_close_a_file_at_any_point)
{
    const temp_dir folder;
    const auto path = folder / "file";
    const auto content = pattern(3 << 20);
    write_file(path, content);
    const auto told =
        read_from(descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
    told->on = [&](std::string_view event) {
        if (event == "data")
            told->transport.pause_reading();
    };
    ASSERT_TRUE(turns_until(io(), [&] { return !told->data.empty(); }));
    const auto so_far = told->data.size();
    settle(io());
    EXPECT_EQ(told->data.size(), so_far);
    // Between the order to read on and the reading.
    told->transport.resume_reading();
    told->transport.pause_reading();
    settle(io());
    EXPECT_EQ(told->data.size(), so_far);
    told->on = nullptr;
    told->transport.resume_reading();
    ASSERT_TRUE(turns_until(io(), [&] { return told->data.size() > so_far; }));
    told->transport.close();
    run_until_lost(told);
    EXPECT_TRUE(content.starts_with(told->data));
    EXPECT_EQ(count(told->events, "eof"), 0);
}

TEST_F(connected_pipes, read_and_write_devices)
{
    const auto empty = read_from(descriptor(::open("/dev/null", O_RDWR)));
    run_until_lost(empty);
    EXPECT_EQ(empty->events, (event_list{"made", "eof", "lost"}));

    const auto zeros = read_from(descriptor(::open("/dev/zero", O_RDONLY)));
    zeros->on = [&](std::string_view event) {
        if (event == "data" && zeros->data.size() > 1'000'000)
            zeros->transport.close();
    };
    run_until_lost(zeros);
    EXPECT_EQ(zeros->data.find_first_not_of('\0'), std::string::npos);

    const auto hole = write_to(descriptor(::open("/dev/null", O_WRONLY)));
    EXPECT_TRUE(hole->transport.write(std::string(1 << 20, 'x')));
    hole->transport.close();
    run_until_lost(hole);
    EXPECT_EQ(hole->events, (event_list{"made", "lost"}));

    const auto full = write_to(descriptor(::open("/dev/full", O_WRONLY)));
    EXPECT_FALSE(full->transport.write("x"));
    run_until_lost(full);
    EXPECT_EQ(full->events,
              (event_list{"made", "lost: No space left on device"}));
}

TEST_F(connected_pipes, tell_an_error_of_the_system)
{
    // A socket that nobody is connected to: the reading itself fails.
    const auto told =
        read_from(descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    run_until_lost(told);
    EXPECT_EQ(
        told->events,
        (event_list{"made", "lost: Transport endpoint is not connected"}));
}

// --- what cannot be connected -----------------------------------------------

class refused_pipes : public pipe_test {
protected:
    // What is said of it; and it is closed then.
    std::string refusal(int number, bool to_read)
    {
        std::string said = "was taken";
        try {
            if (to_read)
                std::ignore = connect_read_pipe(io(), made_of(read_), number);
            else
                std::ignore = connect_write_pipe(io(), made_of(write_), number);
        } catch (const brood::system_error& error) {
            said = error.what();
        }
        EXPECT_EQ(::fcntl(number, F_GETFD), -1) << "left open";
        return said;
    }
    void TearDown() override
    {
        run_out(io());
        EXPECT_TRUE(read_->events.empty());
        EXPECT_TRUE(write_->events.empty());
        pipe_test::TearDown();
    }

private:
    std::shared_ptr<read_record> read_ = std::make_shared<read_record>();
    std::shared_ptr<write_record> write_ = std::make_shared<write_record>();
};

std::string about(const char* verb, int number, const char* what)
{
    return std::string("brood: connect_") + verb + "_pipe: descriptor " +
           std::to_string(number) + what;
}

TEST_F(refused_pipes, are_said_to_be_wrong_at_once)
{
    EXPECT_EQ(refusal(-1, true),
              about("read", -1, " is not open: Bad file descriptor"));
    EXPECT_EQ(refusal(1'000'000, false),
              about("write", 1'000'000, " is not open: Bad file descriptor"));
    int number = ::open("/", O_RDONLY | O_DIRECTORY);
    EXPECT_EQ(refusal(number, true),
              about("read", number, " is a directory: Is a directory"));
    number = ::open("/dev/null", O_PATH);
    EXPECT_EQ(refusal(number, true),
              about("read", number,
                    " is open as a mere path (O_PATH): Bad file descriptor"));

    auto [reads, writes] = a_pipe();
    number = reads.release();
    EXPECT_EQ(refusal(number, false),
              about("write", number,
                    " is open for reading only: Bad file descriptor"));
    number = writes.release();
    EXPECT_EQ(refusal(number, true),
              about("read", number,
                    " is open for writing only: Bad file descriptor"));
}

TEST_F(refused_pipes, are_not_lost_when_the_factory_fails)
{
    auto [reads, writes] = a_pipe();
    const int number = reads.release();
    EXPECT_THROW(
        std::ignore = connect_read_pipe(
            io(), [] { return std::shared_ptr<read_record>(); }, number),
        std::invalid_argument);
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
    const int other = writes.release();
    EXPECT_THROW(std::ignore = connect_write_pipe(
                     io(),
                     []() -> std::shared_ptr<write_record> {
                         throw std::runtime_error("no protocol today");
                     },
                     other),
                 std::runtime_error);
    EXPECT_EQ(::fcntl(other, F_GETFD), -1);
}

TEST_F(connected_pipes, never_close_a_standard_stream)
{
    auto [reads, writes] = a_pipe();
    const descriptor usual(::fcntl(0, F_DUPFD_CLOEXEC, 3));
    const bool was_open = usual.is_open();
    ::dup2(reads.number(), 0);
    auto [transport, told] = connect_read_pipe(io(), made_of<read_record>(), 0);
    write_all(writes, "input");
    writes.close();
    run_until_lost(told);
    EXPECT_EQ(told->data, "input");
    EXPECT_EQ(::fcntl(0, F_GETFL), flags_of(reads));
    if (was_open)
        ::dup2(usual.number(), 0);
    else
        ::close(0);
}

}  // namespace
