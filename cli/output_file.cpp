#include "cli/output_file.hpp"

#include "cli/program_error.hpp"

#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cli {

output_file::output_file(const std::string& path, const std::string& what,
                         mode how)
    : doing_("write " + what + " to ")
{
    if (path == "-") {
        fd_ = STDOUT_FILENO;
        doing_ += "the standard output";
    } else if (path.starts_with("fd:")) {
        doing_ += "descriptor " + path.substr(3);
        take(path.substr(3));
    } else {
        doing_ += "'" + path + "'";
        open(path, how);
    }
}

output_file::~output_file()
{
    if (owned_)
        ::close(fd_);
}

void output_file::open(const std::string& path, mode how)
{
    // O_APPEND in both modes: two runs that share a file by mistake then mix
    // lines, but never overwrite each other's.
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
    if (how == mode::truncate)
        flags |= O_TRUNC;
    do
        fd_ = ::open(path.c_str(), flags, 0666);
    while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0)
        throw system_failure(doing_, errno);
    owned_ = true;
    if (how == mode::append)
        end_last_line(path);
}

// A run that was cut off may have left half a line. It stays a line of its
// own.
void output_file::end_last_line(const std::string& path)
{
    struct ::stat status{};
    if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size == 0)
        return;
    empty_ = false;
    int reader = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (reader < 0)
        return;  // not ours to read: then it is left as it is
    char last = '\n';
    auto got = ::pread(reader, &last, 1, status.st_size - 1);
    ::close(reader);
    if (got == 1 && last != '\n')
        write("\n");
}

void output_file::take(const std::string& number)
{
    int fd = -1;
    auto end = number.data() + number.size();
    auto [stop, ec] = std::from_chars(number.data(), end, fd);
    if (ec != std::errc() || stop != end || fd < 0)
        throw program_error("cannot " + doing_ +
                            ": that is no number; write fd:3, for example");
    int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0)
        throw program_error("cannot " + doing_ +
                            ": it is not open; the shell opens it with " +
                            number + ">FILE");
    if ((flags & O_ACCMODE) == O_RDONLY)
        throw program_error("cannot " + doing_ + ": it is open for reading");
    // The jobs are not to hold it open.
    if (fd > STDERR_FILENO)
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    fd_ = fd;
}

void output_file::write(std::string_view bytes)
{
    if (output_) {
        output_(fd_ == STDOUT_FILENO ? 0 : 1, bytes);
        return;
    }
    while (!bytes.empty() && !failed_) {
        auto written = ::write(fd_, bytes.data(), bytes.size());
        if (written >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
            continue;
        }
        if (errno == EAGAIN) {
            // Somebody made the pipe that we share with them non-blocking.
            ::pollfd waiting{fd_, POLLOUT, 0};
            ::poll(&waiting, 1, -1);
        } else if (errno != EINTR) {
            failed_ = true;
            throw system_failure(doing_, errno);
        }
    }
}

}  // namespace cli
