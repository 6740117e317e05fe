// output_port: our standard output, or error, as the engine writes it.
//
// Never blocks the loop, and leaves the flags of a description that others
// share alone: a pipe or terminal is opened once more. (A file may block.)

#pragma once

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(posix/stream_descriptor.hpp)

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

class output_port {
public:
    output_port(brood::asio::io_context& io, int number);
    output_port(const output_port&) = delete;
    output_port& operator=(const output_port&) = delete;
    ~output_port();

    // Takes all of it. False: enough is waiting now; call when_room before
    // there is more.
    bool write(std::string_view bytes);
    // As write, but that it cannot be written is no failure of the run.
    void note(std::string_view bytes);
    // Calls once, when there is room; never inline.
    void when_room(std::function<void()> then);
    bool has_room() const noexcept;
    bool idle() const noexcept { return pending_.empty(); }
    // The error that ended it; 0: none. Everything is dropped from then on.
    int error() const noexcept { return error_; }
    void on_error(std::function<void(int)> then) { failed_ = std::move(then); }
    // When all that was waiting has been written.
    void on_idle(std::function<void()> then) { idle_ = std::move(then); }
    // Around each write, for a display.
    void around(std::function<void()> before, std::function<void()> after)
    {
        before_ = std::move(before);
        after_ = std::move(after);
    }
    // Drops what is waiting, and all that comes.
    void discard();
    // Waits, by blocking, until all is written: at the end of the program. Is
    // given up, where there is no room, as soon as `given_up` says so.
    void drain(const std::function<bool()>& given_up = {});

private:
    enum class kind { file, own_description, socket, shared };

    std::ptrdiff_t try_write(std::string_view bytes);
    void flush();
    void wait();
    void fail(int error);
    void tell_room();

    brood::asio::io_context& io_;
    int number_;
    kind kind_ = kind::file;
    int fd_;
    brood::asio::posix::stream_descriptor watch_;
    std::string pending_;
    std::size_t sent_ = 0;  // of pending_
    bool waiting_ = false;
    int error_ = 0;
    std::vector<std::function<void()>> waiters_;
    std::function<void(int)> failed_;
    std::function<void()> idle_;
    std::function<void()> before_;
    std::function<void()> after_;
};

}  // namespace cli
