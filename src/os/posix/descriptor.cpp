// descriptor.cpp: see descriptor.hpp.
#include "os/posix/descriptor.hpp"

#include "os/posix/system_call.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace brood::os {

void descriptor::close() noexcept
{
    if (number_ < 0)
        return;
    // Never repeated on EINTR: Linux has closed it all the same (close(2)).
    const int number = std::exchange(number_, -1);
#if defined(__SANITIZE_THREAD__)
    // ThreadSanitizer remembers who used a number. It has to see it closed, or
    // it takes the next use of the number, by another thread, for a race.
    ::close(number);
#else
    system_call(SYS_close, number);
#endif
}

opened above_standard(long result) noexcept
{
    if (result < 0)
        return {descriptor(), static_cast<int>(-result)};
    descriptor made(static_cast<int>(result));
    if (result > 2)
        return {std::move(made), 0};
    return duplicate(made.number());
}

namespace {

opened open_path(const char* path, int flags) noexcept
{
    // O_NONBLOCK only for the opening: a FIFO without a peer would block the
    // loop for ever. O_NOCTTY: a terminal must not become ours.
    // EINTR: a file system in user space may take its time.
    long number = 0;
    do
        number = system_call(SYS_openat, AT_FDCWD, path,
                             flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    while (number == -EINTR);
    auto made = above_standard(number);
    if (made.error)
        return made;
    const long status = system_call(SYS_fcntl, made.fd.number(), F_GETFL);
    const long restored =
        status < 0 ? status
                   : system_call(SYS_fcntl, made.fd.number(), F_SETFL,
                                 status & ~static_cast<long>(O_NONBLOCK));
    if (restored < 0)
        return {descriptor(), static_cast<int>(-restored)};
    return made;
}

// EISDIR for a directory: open(2) refuses to write one, not to read it, and a
// child could do nothing with it.
// ENXIO for a FIFO without a writer. Opening it for reading does not fail with
// O_NONBLOCK, but the child would read an end of file that only means "nobody
// there yet". tee(2) looks without taking: 0 without a writer, EAGAIN with one
// that has written nothing so far.
int check_readable(int number) noexcept
{
    const auto type = file_type(number);
    if (S_ISDIR(type))
        return EISDIR;
    if (!S_ISFIFO(type))
        return 0;
    auto probe = make_pipe(0);
    if (probe.error)
        return probe.error;
    const long seen = system_call(SYS_tee, number, probe.write_end.number(), 1,
                                  SPLICE_F_NONBLOCK);
    return seen == 0 ? ENXIO : 0;
}

}  // namespace

opened duplicate(int number, int above) noexcept
{
    const long made = system_call(SYS_fcntl, number, F_DUPFD_CLOEXEC, above);
    if (made < 0)
        return {descriptor(), static_cast<int>(-made)};
    return {descriptor(static_cast<int>(made)), 0};
}

opened open_file(const std::string& path, file_mode mode) noexcept
{
    int flags = O_RDONLY;
    if (mode == file_mode::truncate)
        flags = O_WRONLY | O_CREAT | O_TRUNC;
    else if (mode == file_mode::append)
        flags = O_WRONLY | O_CREAT | O_APPEND;
    auto made = open_path(path.c_str(), flags);
    if (!made.error && mode == file_mode::read)
        if (const int error = check_readable(made.fd.number()))
            return {descriptor(), error};
    return made;
}

opened open_null_device() noexcept
{
    return open_path("/dev/null", O_RDWR);
}

int check_open(int number) noexcept
{
    const long flags = system_call(SYS_fcntl, number, F_GETFD);
    return flags < 0 ? static_cast<int>(-flags) : 0;
}

mode_t file_type(int number) noexcept
{
    struct stat about{};
    const bool is_open =
        system_call(SYS_newfstatat, number, "", &about, AT_EMPTY_PATH) == 0;
    return is_open ? about.st_mode & S_IFMT : 0;
}

bool is_pipe(int number) noexcept
{
    return S_ISFIFO(file_type(number));
}

bool is_regular_file(int number) noexcept
{
    return S_ISREG(file_type(number));
}

bool is_inheritable(int number) noexcept
{
    const long flags = system_call(SYS_fcntl, number, F_GETFD);
    return flags >= 0 && !(flags & FD_CLOEXEC);
}

pipe_ends make_pipe(std::size_t capacity) noexcept
{
    pipe_ends ends;
    int numbers[2] = {-1, -1};
    const long made = system_call(SYS_pipe2, numbers, O_CLOEXEC);
    if (made < 0) {
        ends.error = static_cast<int>(-made);
        return ends;
    }
    auto read_end = above_standard(numbers[0]);
    auto write_end = above_standard(numbers[1]);
    ends.error = read_end.error ? read_end.error : write_end.error;
    if (!ends.error && capacity != 0) {
        const long sized = system_call(SYS_fcntl, write_end.fd.number(),
                                       F_SETPIPE_SZ, capacity);
        if (sized < 0)
            ends.error = static_cast<int>(-sized);
    }
    if (!ends.error) {
        ends.read_end = std::move(read_end.fd);
        ends.write_end = std::move(write_end.fd);
    }
    return ends;
}

long status_flags(int number) noexcept
{
    return system_call(SYS_fcntl, number, F_GETFL);
}

long set_status_flags(int number, long flags) noexcept
{
    return system_call(SYS_fcntl, number, F_SETFL, flags);
}

int set_nonblocking(int number) noexcept
{
    const long flags = status_flags(number);
    if (flags < 0)
        return static_cast<int>(-flags);
    const long set = set_status_flags(number, flags | O_NONBLOCK);
    return set < 0 ? static_cast<int>(-set) : 0;
}

std::size_t bytes_waiting(int number) noexcept
{
    int bytes = 0;
    if (system_call(SYS_ioctl, number, FIONREAD, &bytes) < 0 || bytes < 0)
        return 0;
    return static_cast<std::size_t>(bytes);
}

std::size_t pipe_capacity(int number) noexcept
{
    const long bytes = system_call(SYS_fcntl, number, F_GETPIPE_SZ);
    return bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
}

}  // namespace brood::os
