#include "cli/xargs_run.hpp"

#include "cli/xargs_items.hpp"

#include <brood/errors.hpp>
#include <brood/process.hpp>

#include BROOD_ASIO_HEADER(redirect_error.hpp)

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace cli {

namespace {

// Until whoever holds up the bell is told.
brood::awaitable<void> wait_for(brood::asio::steady_timer& bell)
{
    bell.expires_at(std::chrono::steady_clock::time_point::max());
    brood::error_code rung;
    co_await bell.async_wait(
        brood::asio::redirect_error(brood::use_awaitable, rung));
}

std::string one_line(const std::vector<std::string>& command)
{
    std::string line;
    for (const std::string& word : command)
        line += (line.empty() ? "" : " ") + xargs_quote(word);
    return line;
}

// The first letter of what the user types; 0 for none.
char ask_on_terminal(int terminal)
{
    char first = 0;
    char byte = 0;
    bool at_start = true;
    while (::read(terminal, &byte, 1) == 1 && byte != '\n') {
        if (at_start)
            first = byte;
        at_start = false;
    }
    return first;
}

}  // namespace

xargs_run::xargs_run(std::string program, const xargs_options& asked,
                     const brood::executor& io)
    : program_(std::move(program)), asked_(asked), limit_(asked.max_procs),
      bell_(io)
{
}

xargs_run::~xargs_run()
{
    // Nobody waits for them any more, and they are not ours to end.
    for (const auto& one : slots_)
        if (one->busy)
            one->child.detach();
}

void xargs_run::say(const std::string& text) const
{
    const std::string line = program_ + ": " + text + "\n";
    std::fputs(line.c_str(), stderr);
}

void xargs_run::change_limit(int by)
{
    // 0 is no limit already.
    if (by > 0 && limit_ > 0)
        ++limit_;
    else if (by < 0 && limit_ > 1)
        --limit_;
    bell_.cancel();
}

brood::awaitable<std::size_t> xargs_run::free_slot()
{
    while (limit_ > 0 && running_ >= limit_ && !over())
        co_await wait_for(bell_);
    for (std::size_t i = 0; i < slots_.size(); ++i)
        if (!slots_[i]->busy)
            co_return i;
    slots_.push_back(std::make_unique<slot>());
    co_return slots_.size() - 1;
}

brood::awaitable<bool>
xargs_run::wanted(const std::vector<std::string>& command)
{
    if (!asked_.print_commands)
        co_return true;
    std::string line = one_line(command);
    if (!asked_.ask) {
        line += '\n';
        std::fputs(line.c_str(), stderr);
        co_return true;
    }
    line += "?...";
    std::fputs(line.c_str(), stderr);
    const int terminal = ::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0)
        throw xargs_failure("failed to open /dev/tty for reading: " +
                            std::generic_category().message(errno));
    const char answer = ask_on_terminal(terminal);
    ::close(terminal);
    co_return answer == 'y' || answer == 'Y';
}

brood::awaitable<bool> xargs_run::start(std::vector<std::string> command)
{
    const std::size_t index = co_await free_slot();
    if (over())
        co_return false;
    const bool run_it = co_await wanted(command);
    if (!run_it)
        co_return true;
    const bool started = co_await start_in(index, std::move(command));
    co_return started;
}

brood::awaitable<bool> xargs_run::start_in(std::size_t index,
                                           std::vector<std::string> command)
{
    brood::command what = brood::exec(command);
    // What they inherit from us through xargs, they have always inherited.
    what.close_fds(false).keep_ignored_signals();
    if (asked_.open_tty)
        what.in(brood::file("/dev/tty", brood::file_mode::read));
    else if (asked_.arg_file.empty())
        what.in(brood::devnull);
    if (!asked_.slot_variable.empty())
        what.env(asked_.slot_variable, std::to_string(index));

    std::optional<brood::spawn_error> failure;
    try {
        slots_[index]->child = co_await brood::create_subprocess(what);
    } catch (const brood::spawn_error& error) {
        failure.emplace(error);
    }
    if (failure) {
        const int error = failure->code().value();
        const std::size_t least = asked_.command.size() + 1;
        if (error == E2BIG && !asked_.replace && command.size() > least) {
            // The system's limit is tighter than ours: it counts pointers.
            const auto start =
                static_cast<std::ptrdiff_t>(asked_.command.size());
            const auto half =
                start +
                (static_cast<std::ptrdiff_t>(command.size()) - start) / 2;
            std::vector<std::string> second(command.begin(),
                                            command.begin() + start);
            second.insert(second.end(), command.begin() + half, command.end());
            command.resize(static_cast<std::size_t>(half));
            const bool first_started =
                co_await start_in(index, std::move(command));
            if (!first_started)
                co_return false;
            const std::size_t next = co_await free_slot();
            if (over())
                co_return false;
            const bool started = co_await start_in(next, std::move(second));
            co_return started;
        }
        say(command[0] + ": " + failure->code().message());
        fatal_ = error == ENOENT ? 127 : 126;
        co_return false;
    }
    slots_[index]->name = command[0];
    slots_[index]->busy = true;
    ++running_;
    slots_[index]->child.async_wait(
        [this, index](brood::error_code, int) { ended(index); });
    co_return true;
}

void xargs_run::ended(std::size_t index)
{
    slot& done = *slots_[index];
    const brood::exit_status status =
        done.child.status().value_or(brood::exit_status());
    done.busy = false;
    --running_;
    bell_.cancel();
    if (status.how() == brood::exit_status::kind::signaled) {
        say(done.name + ": terminated by signal " +
            std::to_string(status.signal()));
        fatal_ = fatal_ != 0 ? fatal_ : 125;
    } else if (status.code() == 255) {
        say(done.name + ": exited with status 255; aborting");
        fatal_ = fatal_ != 0 ? fatal_ : 124;
    } else if (!status.success()) {
        worst_ = 123;
    }
}

brood::awaitable<void> xargs_run::finish()
{
    while (running_ > 0)
        co_await wait_for(bell_);
}

}  // namespace cli
