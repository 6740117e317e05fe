// outcome.hpp: runs one child from start to finish, for the tests that ask
// what it saw; and the ways in which a start can fail.
#pragma once

#include "fixture.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>

namespace brood_test {

namespace asio = brood::asio;

class outcome {
public:
    outcome(int returncode, brood::output written)
        : code(returncode), out(std::move(written.out)),
          err(std::move(written.err))
    {
    }

    int code;
    std::string out;
    std::string err;
};

// Starts `what`, feeds it `input`, reads what it writes into pipes, and waits
// for its end.
inline brood::awaitable<outcome> run_to_the_end(brood::command what,
                                                std::string input)
{
    auto p = co_await brood::create_subprocess(std::move(what));
    auto written = co_await p.communicate(std::move(input));
    const int code = co_await p.wait();
    outcome made(code, std::move(written));
    co_return made;
}

inline outcome outcome_of(brood::command what, std::string input = {})
{
    return brood::run(run_to_the_end(std::move(what), std::move(input)));
}

// What `what` writes to a piped standard output, when it ends with code 0.
inline std::string output_of(brood::command what, std::string input = {})
{
    what.out(brood::piped);
    auto ended = outcome_of(std::move(what), std::move(input));
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.out;
}

// Runs a test whose body is a coroutine: a callable that returns one. The
// callable lives until the coroutine has ended.
template <class Body>
void run_test(Body body)
{
    brood::run(body());
}

// An errno as a spawn_error carries it.
inline brood::error_code system_error_code(int error)
{
    return {error, brood::system_category()};
}

// The error that `what` fails to start with; none: it was started, which the
// caller reports.
inline std::optional<brood::spawn_error>
spawn_failure_of(const brood::command& what)
{
    asio::io_context io;
    try {
        const auto started = brood::spawn_process(io, what);
    } catch (const brood::spawn_error& error) {
        return error;
    }
    return std::nullopt;
}

// The text of the std::invalid_argument that `what` is refused with; none:
// it was not refused.
inline std::optional<std::string> refusal_of(const brood::command& what)
{
    asio::io_context io;
    try {
        const auto started = brood::spawn_process(io, what);
    } catch (const std::invalid_argument& error) {
        return error.what();
    } catch (const brood::spawn_error&) {
    }
    return std::nullopt;
}

}  // namespace brood_test
