// pipeline.hpp: commands that read each other's output, as a value.
#pragma once

#include <brood/asio.hpp>
#include <brood/command.hpp>
#include <brood/completed_process.hpp>
#include <brood/detail/any_handler.hpp>
#include <brood/detail/has_executor.hpp>
#include <brood/export.hpp>

#include BROOD_ASIO_HEADER(async_result.hpp)

#include <chrono>
#include <cstddef>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood {

/// Commands of which each reads what the one before it writes:
/// `exec("cat", file) | exec("grep", "x") | exec("wc", "-l")`.
///
/// Nothing goes through the parent: the kernel's pipes lie between the
/// commands. What a run needs besides is said of the whole:
/// `(a | b).timeout(5s)`. The first command may say where its input comes
/// from, the last where its output goes.
///
/// Threads: a plain value.
/// See:     run_process, completed_pipeline
class BROOD_API pipeline {
public:
    pipeline(command first, command second);

    /// The commands, in order.
    const std::vector<command>& stages() const noexcept { return stages_; }

    // What stands here means what it means for a command.
    pipeline& input(std::string bytes) &;
    pipeline& timeout(std::chrono::nanoseconds time) &;
    pipeline& idle_timeout(std::chrono::nanoseconds time) &;
    pipeline& output_limit(std::size_t bytes) &;
    pipeline& capture(std::size_t limit, keep part = keep::head) &;
    /// Of the last command's output.
    pipeline& tee_out(tee to) &;

    // The same setters on a temporary.
    pipeline input(std::string bytes) &&
    {
        return std::move(input(std::move(bytes)));
    }
    pipeline timeout(std::chrono::nanoseconds time) &&
    {
        return std::move(timeout(time));
    }
    pipeline idle_timeout(std::chrono::nanoseconds time) &&
    {
        return std::move(idle_timeout(time));
    }
    pipeline output_limit(std::size_t bytes) &&
    {
        return std::move(output_limit(bytes));
    }
    pipeline capture(std::size_t limit, keep part = keep::head) &&
    {
        return std::move(capture(limit, part));
    }
    pipeline tee_out(tee to) && { return std::move(tee_out(std::move(to))); }

    /// For the library: a command without a program, that holds what was said
    /// of the whole.
    const command& whole() const noexcept { return whole_; }

    friend pipeline operator|(pipeline upstream, command downstream);

private:
    std::vector<command> stages_;
    command whole_;
};

[[nodiscard]] BROOD_API pipeline operator|(command upstream,
                                           command downstream);

[[nodiscard]] BROOD_API pipeline operator|(pipeline upstream,
                                           command downstream);

/// The pipeline as one line of shell.
[[nodiscard]] BROOD_API std::string to_string(const pipeline& what);

/// What came of a pipeline: of each command, and of the whole.
///
/// Threads: a plain value.
class [[nodiscard]] BROOD_API completed_pipeline {
public:
    /// Of one empty command; asio::co_spawn needs it for its handler.
    completed_pipeline() : stages(1) {}
    /// Pre: not empty.
    explicit completed_pipeline(std::vector<completed_process> ended);

    /// Of each command, in order; its standard error, too. `out` is empty in
    /// all but the last.
    std::vector<completed_process> stages;

    /// What the last command wrote.
    const std::string& out() const noexcept { return stages.back().out; }
    /// That of the last command that failed; 0 if none did. A command that
    /// died of SIGPIPE (or exited with 141, a shell's word for that) has not
    /// failed where the one that reads from it succeeded: `yes | head`.
    int returncode() const noexcept;
    /// The command that returncode() speaks of; null if none failed.
    const completed_process* failed() const noexcept;
    bool timed_out() const noexcept { return stages.back().timed_out; }
    stop_reason stopped() const noexcept { return stages.back().stopped; }
    bool truncated() const noexcept;
    bool complete() const noexcept;
    bool left_behind() const noexcept { return stages.back().left_behind; }
    std::chrono::nanoseconds elapsed() const noexcept
    {
        return stages.back().elapsed;
    }

    /// True when it ended by itself and no command failed.
    bool ok() const noexcept;
    /// Throws called_process_error, of the command that failed, unless ok();
    /// else gives itself.
    const completed_pipeline& check() const&;
    completed_pipeline check() &&;
};

static_assert(!std::is_aggregate_v<completed_pipeline>);

/// Runs a pipeline from start to finish.
///
/// As run_process(command) with each of its commands, which are all started
/// before the first is waited for. When one of them cannot be started, those
/// before it are killed and collected, and nothing is left.
///
/// Errors: std::invalid_argument also for a command of the pipeline that has
///         a timeout() or the like of its own, or says in() or out() where
///         its neighbour is.
[[nodiscard]] BROOD_API awaitable<completed_pipeline>
run_process(pipeline what,
            std::source_location where = std::source_location::current());

namespace detail {

using pipeline_handler = any_handler<void(error_code, completed_pipeline)>;

BROOD_API void start_run(const executor& io, const pipeline& what,
                         pipeline_handler handler, std::source_location where);

class initiate_pipeline {
public:
    using executor_type = executor;
    initiate_pipeline(const executor& io, pipeline what,
                      std::source_location where)
        : io_(io), what_(std::move(what)), where_(where)
    {
    }
    executor_type get_executor() const noexcept { return io_; }
    template <class Handler>
    void operator()(Handler&& handler) const
    {
        start_run(io_, what_,
                  pipeline_handler(std::forward<Handler>(handler), io_),
                  where_);
    }

private:
    executor io_;
    pipeline what_;
    std::source_location where_;
};

}  // namespace detail

/// The same for any completion token.
///
/// Completion:   void(error_code, completed_pipeline); once; never inline.
///               Nothing is thrown: the code says that a command could not be
///               started, and the failure of each stage holds the exception.
/// Cancellation: every type; the partial results come with operation_aborted.
template <class Token = asio::use_awaitable_t<>>
auto async_run_process(
    const executor& io, pipeline what, Token&& token = Token(),
    std::source_location where = std::source_location::current())
{
    return asio::async_initiate<Token, void(error_code, completed_pipeline)>(
        detail::initiate_pipeline(io, std::move(what), where), token);
}

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context, class Token = asio::use_awaitable_t<>>
auto async_run_process(
    Context& context, pipeline what, Token&& token = Token(),
    std::source_location where = std::source_location::current())
{
    return async_run_process(executor(context.get_executor()), std::move(what),
                             std::forward<Token>(token), where);
}

/// Runs a pipeline and gives what its last command wrote.
///
/// Errors: called_process_error unless completed_pipeline::ok().
[[nodiscard]] BROOD_API awaitable<std::string>
check_output(pipeline what,
             std::source_location where = std::source_location::current());

}  // namespace brood
