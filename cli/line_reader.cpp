#include "cli/line_reader.hpp"

#include "cli/program_error.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace cli {

namespace {

constexpr std::size_t chunk = 1u << 18;
// The arguments of one command can hold 6 MB (a quarter of the largest stack,
// execve(2)); escaped, six times that.
constexpr std::size_t longest_line = 64u << 20;

}  // namespace

line_reader::line_reader(const std::string& path, const std::string& what)
    : doing_("read " + what + " ")
{
    if (path == "-") {
        fd_ = STDIN_FILENO;
        doing_ += "on the standard input";
        return;
    }
    doing_ += "'" + path + "'";
    do
        fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0)
        throw system_failure(doing_, errno);
    owned_ = true;
}

line_reader::~line_reader()
{
    if (owned_)
        ::close(fd_);
}

bool line_reader::next(std::string_view& line)
{
    std::size_t searched = at_;
    for (;;) {
        auto end = buffer_.find('\n', searched);
        if (end != std::string::npos) {
            line = std::string_view(buffer_).substr(at_, end - at_);
            at_ = end + 1;
            ++number_;
            return true;
        }
        if (buffer_.size() - at_ > longest_line)
            throw program_error("cannot " + doing_ + ": line " +
                                std::to_string(number_ + 1) +
                                " is too long for one of brood's");
        buffer_.erase(0, at_);
        at_ = 0;
        searched = buffer_.size();
        if (!fill())
            break;
    }
    if (buffer_.empty())
        return false;
    unended_ = true;
    line = buffer_;
    at_ = buffer_.size();
    ++number_;
    return true;
}

bool line_reader::fill()
{
    auto had = buffer_.size();
    buffer_.resize(had + chunk);
    ssize_t got = 0;
    do
        got = ::read(fd_, buffer_.data() + had, chunk);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        throw system_failure(doing_, errno);
    buffer_.resize(had + static_cast<std::size_t>(got));
    return got > 0;
}

}  // namespace cli
