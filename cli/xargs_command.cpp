#include "cli/xargs_command.hpp"

#include "cli/byte_input.hpp"
#include "cli/help_text.hpp"
#include "cli/job.hpp"
#include "cli/xargs_items.hpp"
#include "cli/xargs_run.hpp"

#include <brood/run.hpp>

#include BROOD_ASIO_HEADER(signal_set.hpp)
#include BROOD_ASIO_HEADER(this_coro.hpp)

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include <limits.h>
#include <unistd.h>

namespace cli {

namespace {

xargs_limits find_limits(const xargs_options& asked)
{
    // POSIX asks for this room, so that a command may add to its environment.
    constexpr std::size_t headroom = 2048;
    // Longer command lines gain nothing.
    constexpr std::size_t usual = 128 * 1024;
    xargs_limits limits;
    for (char** variable = environ; *variable != nullptr; ++variable)
        limits.environment += std::strlen(*variable) + 1;
    const long system = ::sysconf(_SC_ARG_MAX);
    const std::size_t all =
        system > 0 ? static_cast<std::size_t>(system) : _POSIX_ARG_MAX;
    if (all < headroom + limits.environment)
        throw xargs_failure("environment is too large for exec");
    limits.most = all - headroom - limits.environment;
    limits.used = std::min(limits.most, asked.max_chars.value_or(usual));
    return limits;
}

void print_limits(const xargs_limits& limits)
{
    std::fprintf(stderr,
                 "Your environment variables take up %zu bytes\n"
                 "POSIX upper limit on argument length (this system): %zu\n"
                 "POSIX smallest allowable upper limit on argument length "
                 "(all systems): %d\n"
                 "Maximum length of command we could actually use: %zu\n"
                 "Size of command buffer we are actually using: %zu\n"
                 "Maximum parallelism (--max-procs must be no greater): %d\n",
                 limits.environment, limits.most, _POSIX_ARG_MAX, limits.most,
                 limits.used, INT_MAX);
}

// One run of xargs, from its input to its exit code.
class xargs_session {
public:
    xargs_session(std::string program, const xargs_options& asked,
                  std::size_t max_chars, const brood::executor& io)
        : program_(std::move(program)), asked_(asked), splitter_(asked),
          builder_(asked, max_chars), run_(program_, asked, io),
          signals_(io, SIGUSR1, SIGUSR2)
    {
        wait_for_signal();
    }

    brood::awaitable<int> go(byte_input input)
    {
        std::string failure;
        try {
            co_await read_all(input);
        } catch (const xargs_failure& error) {
            failure = error.what();
        } catch (const input_error& error) {
            failure = error.what();
        }
        if (!failure.empty())
            say(failure);
        co_await run_.finish();
        signals_.cancel();
        co_return run_.over() || failure.empty() ? run_.exit_code() : 1;
    }

private:
    void say(const std::string& text) const
    {
        const std::string line = program_ + ": " + text + "\n";
        std::fputs(line.c_str(), stderr);
    }

    void wait_for_signal()
    {
        signals_.async_wait([this](brood::error_code ec, int number) {
            if (ec)
                return;
            run_.change_limit(number == SIGUSR1 ? 1 : -1);
            wait_for_signal();
        });
    }

    brood::awaitable<void> read_all(byte_input& input)
    {
        std::string bytes;
        bool more = true;
        while (more && !run_.over()) {
            bytes.clear();
            more = co_await input.read_into(bytes);
            std::size_t at = 0;
            while (at < bytes.size() && more && !run_.over()) {
                more = !take_byte(bytes[at++]);
                if (builder_.has_command())
                    co_await run_commands();
                if (failure_)
                    std::rethrow_exception(failure_);
                if (!more)
                    input.give_back(bytes.size() - at);
            }
        }
        if (run_.over())
            co_return;
        end_input();
        co_await run_commands();
        if (failure_)
            std::rethrow_exception(failure_);
    }

    // True: it is the logical end of the input.
    bool take_byte(char byte)
    {
        bool ended = false;
        try {
            ended = splitter_.take(byte);
        } catch (const xargs_failure&) {
            give_up();
        }
        take_items();
        return ended;
    }

    void end_input()
    {
        try {
            splitter_.finish();
        } catch (const xargs_failure&) {
            give_up();
        }
        take_items();
        if (!failure_)
            builder_.finish();
    }

    void give_up()
    {
        failure_ = std::current_exception();
        builder_.finish_early();
    }

    // No coroutine: it is called for each byte. What fails does so after the
    // commands that are complete by then.
    void take_items()
    {
        while (!failure_) {
            const std::optional<xargs_splitter::item> item = splitter_.next();
            if (!item)
                break;
            try {
                builder_.add(*item);
            } catch (const xargs_failure&) {
                failure_ = std::current_exception();
            }
        }
        if (splitter_.saw_nul())
            say("WARNING: a NUL character occurred in the input.  It cannot "
                "be passed through in the argument list.  Did you mean to use "
                "the --null option?");
    }

    brood::awaitable<void> run_commands()
    {
        std::optional<std::vector<std::string>> command = builder_.next();
        while (command && !run_.over()) {
            co_await run_.start(std::move(*command));
            command = builder_.next();
        }
    }

    std::string program_;
    const xargs_options& asked_;
    xargs_splitter splitter_;
    xargs_builder builder_;
    xargs_run run_;
    brood::asio::signal_set signals_;
    std::exception_ptr failure_;
};

brood::awaitable<int> run_session(std::string program,
                                  const xargs_options& asked,
                                  std::size_t max_chars, byte_input input)
{
    const brood::executor io = co_await brood::asio::this_coro::executor;
    auto session = std::make_unique<xargs_session>(std::move(program), asked,
                                                   max_chars, io);
    const int code = co_await session->go(std::move(input));
    co_return code;
}

int run_xargs(const std::string& program, xargs_options& asked)
{
    const xargs_limits limits = find_limits(asked);
    if (asked.max_chars && *asked.max_chars > limits.most)
        asked.warnings.push_back(
            "value " + std::to_string(*asked.max_chars) +
            " for -s option should be <= " + std::to_string(limits.most));
    for (const std::string& warning : asked.warnings)
        std::fputs((program + ": " + warning + "\n").c_str(), stderr);
    if (asked.show_limits)
        print_limits(limits);
    byte_input input(asked.arg_file.empty() ? "-" : asked.arg_file);
    try {
        return brood::run(
            run_session(program, asked, limits.used, std::move(input)));
    } catch (const brood::keyboard_interrupt&) {
        // Die of it, as xargs does: whoever waits for us is to see it.
        std::signal(SIGINT, SIG_DFL);
        std::raise(SIGINT);
        return 128 + SIGINT;
    }
}

}  // namespace

int xargs_command(const std::string& program,
                  const std::vector<std::string>& words)
{
    try {
        xargs_options asked = parse_xargs(program, words);
        if (asked.help)
            return print(help_text(options::form::xargs)) ? 0 : 1;
        if (asked.version)
            return print("xargs (" + version_text() + ")\n") ? 0 : 1;
        return run_xargs(program, asked);
    } catch (const xargs_usage_error& error) {
        const std::string text = error.what();
        if (!text.empty())
            std::fputs((program + ": " + text + "\n").c_str(), stderr);
        if (error.hint)
            std::fputs(("Try '" + program + " --help' for more information.\n")
                           .c_str(),
                       stderr);
    } catch (const std::exception& error) {
        std::fputs((program + ": " + error.what() + "\n").c_str(), stderr);
    }
    return 1;
}

}  // namespace cli
