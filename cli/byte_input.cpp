#include "cli/byte_input.hpp"

#include "cli/job.hpp"

#include <brood/connect_pipe.hpp>
#include <brood/protocol.hpp>
#include <brood/transport.hpp>

#include BROOD_ASIO_HEADER(redirect_error.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)
#include BROOD_ASIO_HEADER(this_coro.hpp)

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cli {

namespace {

constexpr std::size_t piece = 64 * 1024;

[[noreturn]] void fail(const std::string& path, const std::string& why)
{
    throw input_error(
        "cannot read " +
        (path == "-" ? std::string("the standard input") : "'" + path + "'") +
        ": " + why);
}

[[noreturn]] void fail(const std::string& path, int error)
{
    fail(path, std::generic_category().message(error));
}

class descriptor {
public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor()
    {
        if (fd_ > STDERR_FILENO)
            ::close(fd_);
    }

    int number() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

// What a transport has read and nobody has taken yet.
class arrivals : public brood::read_protocol {
public:
    explicit arrivals(const brood::executor& io) : bell_(io)
    {
        bell_.expires_at(std::chrono::steady_clock::time_point::max());
    }

    void connection_made(brood::read_transport transport) override
    {
        transport_ = std::move(transport);
    }
    void data_received(std::string_view bytes) override
    {
        bytes_ += bytes;
        // One piece is enough until it is taken: the rest is for whoever
        // reads the same pipe after us, and its writer is to wait.
        transport_.pause_reading();
        bell_.cancel();
    }
    void eof_received() override
    {
        ended_ = true;
        bell_.cancel();
    }
    void connection_lost(brood::error_code why) override
    {
        ended_ = true;
        why_ = why;
        bell_.cancel();
    }

    brood::awaitable<bool> take(std::string& into)
    {
        if (bytes_.empty() && !ended_) {
            transport_.resume_reading();
            brood::error_code rung;
            co_await bell_.async_wait(
                brood::asio::redirect_error(brood::use_awaitable, rung));
            const auto cancellation =
                co_await brood::asio::this_coro::cancellation_state;
            if (cancellation.cancelled() !=
                brood::asio::cancellation_type::none)
                throw brood::system_error(
                    brood::asio::error::operation_aborted);
        }
        if (!bytes_.empty()) {
            into += bytes_;
            bytes_.clear();
            co_return true;
        }
        if (why_)
            throw brood::system_error(why_);
        co_return !ended_;
    }

    void close() { transport_.close(); }

private:
    // Rung (cancelled) when something has come.
    brood::asio::steady_timer bell_;
    brood::read_transport transport_;
    std::string bytes_;
    bool ended_ = false;
    brood::error_code why_;
};

}  // namespace

struct byte_input::state {
    state(std::string name, int fd) : path(std::move(name)), file(fd) {}

    std::string path;
    descriptor file;
    bool is_regular = false;
    std::shared_ptr<arrivals> waiting;
};

byte_input::byte_input(const std::string& path)
{
    const int fd = path == "-"
                       ? STDIN_FILENO
                       : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        fail(path, errno);
    state_ = std::make_unique<state>(path, fd);
    struct stat about = {};
    if (::fstat(fd, &about) != 0)
        fail(path, errno);
    if (S_ISDIR(about.st_mode))
        fail(path, EISDIR);
    state_->is_regular = S_ISREG(about.st_mode);
}

byte_input::byte_input(byte_input&&) noexcept = default;
byte_input& byte_input::operator=(byte_input&&) noexcept = default;

byte_input::~byte_input()
{
    if (state_ && state_->waiting)
        state_->waiting->close();
}

void byte_input::give_back(std::size_t bytes) noexcept
{
    if (state_->is_regular)
        ::lseek(state_->file.number(), -static_cast<off_t>(bytes), SEEK_CUR);
}

brood::awaitable<bool> byte_input::read_into(std::string& bytes)
{
    if (state_->is_regular) {
        const std::size_t before = bytes.size();
        bytes.resize(before + piece);
        ssize_t count = -1;
        do {
            count = ::read(state_->file.number(), bytes.data() + before, piece);
        } while (count < 0 && errno == EINTR);
        const int error = errno;
        bytes.resize(before + static_cast<std::size_t>(count > 0 ? count : 0));
        if (count < 0)
            fail(state_->path, error);
        co_return count > 0;
    }

    std::string why;
    try {
        if (!state_->waiting) {
            const brood::executor io =
                co_await brood::asio::this_coro::executor;
            auto make = [io] { return std::make_shared<arrivals>(io); };
            auto connected = brood::connect_read_pipe(io, std::move(make),
                                                      state_->file.release());
            state_->waiting = std::move(connected.second);
        }
        const bool more = co_await state_->waiting->take(bytes);
        co_return more;
    } catch (const brood::system_error& error) {
        if (error.code() == brood::asio::error::operation_aborted)
            throw;
        why = error.code().message();
    }
    fail(state_->path, why);
}

}  // namespace cli
