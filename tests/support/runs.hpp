// runs.hpp: what the tests of runs from start to finish, and of stopping,
// stand on.
//
// What is to be shown is that nobody is left. The tests do not look for
// processes whose numbers they would have to learn first: everybody that a
// command brings into the world holds one end of a pipe, and its other end
// tells when the last of them has ended, also one that hides in a session of
// its own.
#pragma once

#include "async_test.hpp"
#include "descriptors.hpp"
#include "in_a_copy.hpp"

#include <brood/run_process.hpp>

#include <chrono>
#include <csignal>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>

namespace brood_test {

using brood::command;
using brood::completed_process;
using brood::stop_reason;
using brood::stop_sequence;

class witness {
public:
    witness() : witness(make()) {}

    // Whoever comes from it holds the pipe.
    command watching(command what) const { return what.pass_fd(write_end_); }

    // True if none of them is alive. Call once all have been started.
    bool nobody_is_left()
    {
        write_end_.close();
        pollfd asked{read_end_, POLLIN, 0};
        return ::poll(&asked, 1, 0) == 1 && (asked.revents & POLLHUP) != 0;
    }
    // The same for those who are killed by somebody who does not wait.
    bool nobody_stays()
    {
        return wait_until([this] { return nobody_is_left(); });
    }

private:
    struct ends {
        int read;
        int write;
    };
    static ends make()
    {
        int made[2];
        if (::pipe2(made, O_CLOEXEC) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe2");
        return {made[0], made[1]};
    }
    explicit witness(ends made) : read_end_(made.read), write_end_(made.write)
    {
    }

    test_fd read_end_;
    test_fd write_end_;
};

// Kills what a test lets escape; true when it was alive until then.
inline bool put_down(int pid)
{
    if (pid <= 1 || !process_is_alive(pid))
        return false;
    ::kill(pid, SIGKILL);
    return wait_until([pid] { return !process_is_alive(pid); });
}

inline std::vector<int> numbers_in(const std::string& text)
{
    std::istringstream words(text);
    std::vector<int> all;
    for (int number = 0; words >> number;)
        all.push_back(number);
    return all;
}

// Only a broken run takes so long.
inline constexpr std::chrono::seconds far_too_long{60};

inline completed_process run_now(command what)
{
    auto ended = brood::run(brood::run_process(std::move(what)));
    EXPECT_LT(ended.elapsed, far_too_long);
    return ended;
}

// What run(timeout) gives with a timeout that was enough for it.
//
// How long that takes nobody knows, so a run that was stopped too early is
// made again with more time.
template <class Enough, class Run>
auto run_with_time(Enough enough, Run run)
{
    for (auto time = std::chrono::milliseconds(100);; time *= 4) {
        auto ended = run(time);
        if (enough(ended) || time > std::chrono::seconds(20))
            return ended;
    }
}

// The same, enough for it to say `until`.
template <class Run>
completed_process run_until(std::string_view until, Run run)
{
    return run_with_time(
        [until](const completed_process& ended) {
            return ended.out.find(until) != ended.out.npos;
        },
        std::move(run));
}

// What async_run_process hands to a callback.
struct async_result {
    int calls = 0;
    brood::error_code ec;
    std::optional<completed_process> ended;

    auto callback()
    {
        return [this](brood::error_code code, completed_process got) {
            ++calls;
            ec = code;
            ended.emplace(std::move(got));
        };
    }
};

// The text of the exception of type `Error` that a run of `what` throws.
template <class Error>
std::string thrown_by_run(command what)
{
    try {
        static_cast<void>(run_now(std::move(what)));
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

}  // namespace brood_test
