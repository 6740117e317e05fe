// replies.cpp: see replies.hpp.
#include <brood/testing/replies.hpp>

#include <csignal>
#include <stdexcept>

namespace brood::testing {

namespace {

// signal(7)
bool ends_a_process(int signal) noexcept
{
    constexpr int last_signal = 64;
    switch (signal) {
    case SIGCHLD:
    case SIGCONT:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGURG:
    case SIGWINCH: return false;
    default: return signal > 0 && signal <= last_signal;
    }
}

[[noreturn]] void refuse(const std::string& why)
{
    throw std::invalid_argument("brood: " + why);
}

}  // namespace

replies& replies::out(std::string bytes) &
{
    list_.back().out = std::move(bytes);
    return *this;
}

replies& replies::err(std::string bytes) &
{
    list_.back().err = std::move(bytes);
    return *this;
}

replies& replies::code(int number) &
{
    if (number < 0 || number > 255)
        refuse("code(" + std::to_string(number) +
               "): an exit code is from 0 to 255");
    list_.back().status = exit_status::exited(number);
    return *this;
}

replies& replies::signaled(int number) &
{
    if (!ends_a_process(number))
        refuse("signaled(" + std::to_string(number) +
               "): no signal that ends a process");
    list_.back().status = exit_status::signaled(number, false);
    return *this;
}

replies& replies::timed_out() &
{
    list_.back().timed_out = true;
    return signaled(SIGTERM);
}

replies& replies::fails_to_start(std::errc why, spawn_step step) &
{
    auto& last = list_.back();
    last.fails = true;
    last.code = error_code(static_cast<int>(why), system_category());
    last.step = step;
    return *this;
}

replies& replies::fails_to_start(spawn_error error) &
{
    list_.back().fails = true;
    list_.back().failure.emplace(std::move(error));
    return *this;
}

replies& replies::then() &
{
    list_.emplace_back();
    return *this;
}

replies& replies::repeated() &
{
    repeated_ = true;
    return *this;
}

}  // namespace brood::testing
