// channel.hpp: a descriptor to read or write without ever waiting in a call.
//
// One that we made is simply non-blocking. One that somebody gave us may share
// its open file description with others, in this process or another, who would
// find O_NONBLOCK on it as well (open(2)): on a terminal, everybody who uses
// it. So what we are given keeps its flags.
#pragma once

#include "os/posix/descriptor.hpp"

#include <cstddef>
#include <mutex>
#include <string>
#include <utility>

namespace brood::os {

// What keeps a call from waiting.
enum class io_manner {
    nonblocking,  // O_NONBLOCK, on a description that is ours alone or has it
    per_call,     // a socket: each call says so
    for_a_call,   // O_NONBLOCK, taken away again behind each call
    not_needed,   // a file: it is always ready, and epoll refuses it
};

struct channel_kind {
    io_manner manner = io_manner::nonblocking;
    // Where the other side of a terminal is gone, EIO is the end of file.
    bool is_terminal = false;
    // What is read comes in messages, and what does not fit is cut off.
    bool has_messages = false;
    // They may be empty, and have no end.
    bool is_datagram = false;
    // A FIFO that may have had no writer yet: to read it would be its end.
    bool waits_first = false;
    // A pipe of our own making whose size nobody chose.
    bool may_grow = false;
};

struct channel {
    // One of our own makes: non-blocking, as soon as it is in a reactor.
    channel(descriptor end = {}, channel_kind its = {}) noexcept
        : fd(std::move(end)), kind(its)
    {
    }

    descriptor fd;
    channel_kind kind;
};

enum class channel_use { read, write };

// Turns a descriptor that somebody gave us into a channel; `given` is closed
// if that fails. Where the description can be had once more (a pipe, a FIFO, a
// terminal), the channel is a description of its own.
struct opened_channel {
    channel made;
    int error = 0;
    std::string why;  // what is wrong with the descriptor
};
opened_channel make_channel(descriptor given, channel_use use);

// Like read(2) and write(2), without waiting, and without a SIGPIPE: the count
// (0: end of file), or -errno, -EAGAIN where it would have to wait.
long read_channel(int number, channel_kind kind, void* data,
                  std::size_t size) noexcept;
long write_channel(int number, channel_kind kind, const void* data,
                   std::size_t size) noexcept;

// Held by whoever in this process sets O_NONBLOCK for a moment, or asks
// whether it is there: what one sets, another must not take for lasting, or
// take away.
std::unique_lock<std::mutex> lock_status_flags() noexcept;

// Once nobody is left at the other end: the error that a socket has of it, or
// 0. Before that: -1.
int hang_up(int number, channel_kind kind) noexcept;

// Lets the other side of a socket see the end, also if somebody else has the
// socket open. Nothing where it is no socket.
void shut_down_writing(int number) noexcept;

}  // namespace brood::os
