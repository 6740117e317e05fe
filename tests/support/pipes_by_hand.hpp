// pipes_by_hand.hpp: two ends of a pipe of each kind, made as a program would
// make them, and a fixture that gives them transports.
#pragma once

#include "support/transports.hpp"

#include "os/posix/descriptor.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

namespace brood_test {

using brood::os::descriptor;

// Two ends of something; by hand, as a program would make them.
struct ends {
    descriptor reads;
    descriptor writes;
};

inline ends a_pipe()
{
    int numbers[2] = {};
    EXPECT_EQ(::pipe2(numbers, O_CLOEXEC), 0);
    return {descriptor(numbers[0]), descriptor(numbers[1])};
}

inline ends a_socket()
{
    int numbers[2] = {};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, numbers), 0);
    return {descriptor(numbers[0]), descriptor(numbers[1])};
}

inline ends a_fifo()
{
    const temp_dir folder;
    const auto path = folder / "fifo";
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    descriptor reads(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    descriptor writes(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(::fcntl(reads.number(), F_SETFL, 0), 0);
    return {std::move(reads), std::move(writes)};
}

struct terminal_ends {
    descriptor master;
    descriptor slave;
};

inline terminal_ends a_terminal()
{
    int master = -1;
    int slave = -1;
    struct termios raw{};
    ::cfmakeraw(&raw);
    EXPECT_EQ(::openpty(&master, &slave, nullptr, &raw, nullptr), 0);
    return {descriptor(master), descriptor(slave)};
}

// Reads from the master what is written to the terminal, and the other way.
inline ends a_master_that_reads()
{
    auto [master, slave] = a_terminal();
    return {std::move(master), std::move(slave)};
}
inline ends a_master_that_writes()
{
    auto [master, slave] = a_terminal();
    return {std::move(slave), std::move(master)};
}

struct kind_of_pipe {
    const char* name;
    ends (*make)();
};
inline constexpr kind_of_pipe kinds[] = {
    {"pipe", a_pipe},
    {"socket", a_socket},
    {"FIFO", a_fifo},
    {"master that reads", a_master_that_reads},
    {"master that writes", a_master_that_writes},
};

inline descriptor copy_of(const descriptor& one)
{
    return descriptor(::fcntl(one.number(), F_DUPFD_CLOEXEC, 3));
}

inline long flags_of(const descriptor& one)
{
    return ::fcntl(one.number(), F_GETFL);
}

inline void write_all(const descriptor& to, std::string_view bytes)
{
    EXPECT_EQ(::write(to.number(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
}

inline std::string read_some(const descriptor& from)
{
    std::string bytes(4096, '\0');
    const auto got = ::read(from.number(), bytes.data(), bytes.size());
    bytes.resize(static_cast<std::size_t>(got > 0 ? got : 0));
    return bytes;
}

class pipe_test : public loop_test {
protected:
    std::shared_ptr<read_record> read_from(descriptor end)
    {
        auto [transport, protocol] = brood::connect_read_pipe(
            io(), made_of<read_record>(), end.release());
        protocol->transport = transport;
        return protocol;
    }
    std::shared_ptr<write_record> write_to(descriptor end)
    {
        auto [transport, protocol] = brood::connect_write_pipe(
            io(), made_of<write_record>(), end.release());
        protocol->transport = transport;
        return protocol;
    }
    template <class Record>
    void run_until_lost(const std::shared_ptr<Record>& record)
    {
        ASSERT_TRUE(turns_until(io(), [&] { return record->is_lost(); }));
    }
};

}  // namespace brood_test
