// xargs_run: starts the commands of xargs, some at a time, and judges how they
// end.

#pragma once

#include "cli/xargs_options.hpp"

#include <brood/asio.hpp>
#include <brood/process.hpp>

#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace cli {

class xargs_run {
public:
    xargs_run(std::string program, const xargs_options& asked,
              const brood::executor& io);
    xargs_run(const xargs_run&) = delete;
    xargs_run& operator=(const xargs_run&) = delete;
    ~xargs_run();

    // Waits for room, starts it, and waits for nothing more. False: no more
    // commands are to be started, as over() says.
    brood::awaitable<bool> start(std::vector<std::string> command);
    // Waits for all that run.
    brood::awaitable<void> finish();

    // A command has ended in a way that ends everything.
    bool over() const noexcept { return fatal_ != 0; }
    int exit_code() const noexcept { return fatal_ != 0 ? fatal_ : worst_; }

    // SIGUSR1, SIGUSR2.
    void change_limit(int by);

private:
    struct slot {
        brood::process child;
        std::string name;
        bool busy = false;
    };

    brood::awaitable<std::size_t> free_slot();
    brood::awaitable<bool> start_in(std::size_t index,
                                    std::vector<std::string> command);
    brood::awaitable<bool> wanted(const std::vector<std::string>& command);
    void ended(std::size_t index);
    void say(const std::string& text) const;

    std::string program_;
    xargs_options asked_;
    std::size_t limit_;
    std::vector<std::unique_ptr<slot>> slots_;
    std::size_t running_ = 0;
    // Rung (cancelled) when a command has ended, or the limit was changed.
    brood::asio::steady_timer bell_;
    int fatal_ = 0;
    int worst_ = 0;
};

}  // namespace cli
