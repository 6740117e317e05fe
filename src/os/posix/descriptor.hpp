// descriptor.hpp: one open descriptor of ours, closed when its owner goes.
//
// Every descriptor made here is close-on-exec from birth and numbered 3 or
// above, also in a process that runs with 0, 1 or 2 closed: a child's
// standard streams must never land on something of ours.
#pragma once

#include <brood/redirection.hpp>

#include <string>
#include <utility>

namespace brood::os {

class descriptor {
public:
    descriptor() noexcept = default;
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(descriptor&& other) noexcept : number_(other.release()) {}
    descriptor& operator=(descriptor&& other) noexcept
    {
        if (this != &other) {
            close();
            number_ = other.release();
        }
        return *this;
    }
    ~descriptor() { close(); }

    int number() const noexcept { return number_; }
    bool is_open() const noexcept { return number_ >= 0; }
    int release() noexcept { return std::exchange(number_, -1); }
    void close() noexcept;

private:
    int number_ = -1;
};

// A descriptor, or the errno of why there is none.
struct opened {
    descriptor fd;
    int error = 0;
};

// What a system call gave, a descriptor or -errno, moved up if it landed on
// 0, 1 or 2.
opened above_standard(long result) noexcept;

// Opens a file or device. A FIFO nobody is at the other end of is refused
// (ENXIO) instead of waited for.
opened open_file(const std::string& path, file_mode mode) noexcept;
opened open_null_device() noexcept;

// A close-on-exec copy, numbered `above` or higher.
opened duplicate(int number, int above = 3) noexcept;

// 0 when the descriptor is open, else EBADF.
int check_open(int number) noexcept;

// What S_ISREG and its like ask about; 0 for what is not open.
mode_t file_type(int number) noexcept;
bool is_pipe(int number) noexcept;
bool is_regular_file(int number) noexcept;

// True when a program that is run would find it open.
bool is_inheritable(int number) noexcept;

struct pipe_ends {
    descriptor read_end;
    descriptor write_end;
    int error = 0;
};

// A pipe of `capacity` bytes (0: the system's default).
pipe_ends make_pipe(std::size_t capacity) noexcept;

// 0, or errno. Only for descriptions that nobody else shares.
int set_nonblocking(int number) noexcept;

// What fcntl(2) calls F_GETFL and F_SETFL; -errno where it fails.
long status_flags(int number) noexcept;
long set_status_flags(int number, long flags) noexcept;

// How many bytes wait in a pipe, and how many it can hold; 0 if unknown.
std::size_t bytes_waiting(int number) noexcept;
std::size_t pipe_capacity(int number) noexcept;

}  // namespace brood::os
