#include "cli/output_port.hpp"

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(post.hpp)

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace cli {

namespace {

// What may wait here: past it the jobs are held up.
constexpr std::size_t high_water = 1u << 20;
// What a pipe or terminal that poll calls writable takes without blocking.
constexpr std::size_t safe_piece = 4096;

}  // namespace

output_port::output_port(brood::asio::io_context& io, int number)
    : io_(io), number_(number), fd_(number), watch_(io)
{
    struct stat about{};
    if (fstat(number, &about) != 0) {
        error_ = EBADF;
        return;
    }
    if (S_ISSOCK(about.st_mode)) {
        kind_ = kind::socket;
    } else if (S_ISFIFO(about.st_mode) || S_ISCHR(about.st_mode)) {
        const auto path = "/proc/self/fd/" + std::to_string(number);
        const int again =
            open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        kind_ = again < 0 ? kind::shared : kind::own_description;
        if (again >= 0)
            fd_ = again;
    }
}

output_port::~output_port()
{
    if (watch_.is_open()) {
        brood::error_code ignored;
        watch_.close(ignored);
    }
    if (kind_ == kind::own_description)
        close(fd_);
}

bool output_port::has_room() const noexcept
{
    return pending_.size() - sent_ < high_water;
}

std::ptrdiff_t output_port::try_write(std::string_view bytes)
{
    if (kind_ == kind::socket)
        return send(fd_, bytes.data(), bytes.size(),
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    if (kind_ == kind::shared) {
        pollfd ready{fd_, POLLOUT, 0};
        if (poll(&ready, 1, 0) == 0) {
            errno = EAGAIN;
            return -1;
        }
        bytes = bytes.substr(0, safe_piece);
    }
    return ::write(fd_, bytes.data(), bytes.size());
}

bool output_port::write(std::string_view bytes)
{
    if (error_ != 0 || bytes.empty())
        return true;
    if (before_)
        before_();
    while (pending_.empty() && !bytes.empty()) {
        const auto done = try_write(bytes);
        if (done >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(done));
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            fail(errno);
            return true;
        }
    }
    if (!bytes.empty()) {
        pending_.append(bytes);
        wait();
    }
    if (after_)
        after_();
    return has_room();
}

void output_port::note(std::string_view bytes)
{
    if (error_ != 0 || bytes.empty())
        return;
    if (before_)
        before_();
    while (pending_.empty() && !bytes.empty()) {
        const auto done = try_write(bytes);
        if (done >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(done));
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            bytes = {};
    }
    if (!bytes.empty()) {
        pending_.append(bytes);
        wait();
    }
    if (after_)
        after_();
}

void output_port::when_room(std::function<void()> then)
{
    waiters_.push_back(std::move(then));
    if (has_room() || error_ != 0)
        brood::asio::post(io_, [this] { tell_room(); });
}

void output_port::tell_room()
{
    auto told = std::move(waiters_);
    waiters_.clear();
    for (const auto& each : told)
        each();
}

void output_port::wait()
{
    if (waiting_)
        return;
    if (!watch_.is_open()) {
        const int watched = fcntl(fd_, F_DUPFD_CLOEXEC, 3);
        brood::error_code failed;
        if (watched < 0 || watch_.assign(watched, failed)) {
            // Nothing can tell when there is room: block.
            drain();
            return;
        }
    }
    waiting_ = true;
    watch_.async_wait(brood::asio::posix::descriptor_base::wait_write,
                      [this](brood::error_code failed) {
                          waiting_ = false;
                          if (failed != brood::asio::error::operation_aborted)
                              flush();
                      });
}

void output_port::flush()
{
    if (before_)
        before_();
    while (sent_ < pending_.size() && error_ == 0) {
        const auto done = try_write(std::string_view(pending_).substr(sent_));
        if (done >= 0)
            sent_ += static_cast<std::size_t>(done);
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            fail(errno);
    }
    if (after_)
        after_();
    if (sent_ == pending_.size()) {
        pending_.clear();
        sent_ = 0;
    } else {
        // The front goes when it is most of it, so that little is moved.
        if (sent_ > pending_.size() / 2) {
            pending_.erase(0, sent_);
            sent_ = 0;
        }
        wait();
    }
    if (has_room())
        tell_room();
    if (idle() && idle_)
        idle_();
}

void output_port::drain(const std::function<bool()>& given_up)
{
    while (sent_ < pending_.size() && error_ == 0) {
        const auto done = try_write(std::string_view(pending_).substr(sent_));
        if (done >= 0) {
            sent_ += static_cast<std::size_t>(done);
        } else if (errno == EAGAIN) {
            if (given_up && given_up())
                break;
            pollfd ready{fd_, POLLOUT, 0};
            poll(&ready, 1, given_up ? 100 : -1);
        } else if (errno != EINTR) {
            fail(errno);
        }
    }
    pending_.clear();
    sent_ = 0;
}

void output_port::fail(int error)
{
    error_ = error;
    if (failed_)
        failed_(error);
    discard();
}

void output_port::discard()
{
    if (error_ == 0)
        error_ = ECANCELED;
    pending_.clear();
    sent_ = 0;
    brood::asio::post(io_, [this] {
        tell_room();
        if (idle_)
            idle_();
    });
}

}  // namespace cli
