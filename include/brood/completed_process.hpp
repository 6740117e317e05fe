// completed_process.hpp: what came of a run from start to finish.
#pragma once

#include <brood/asio.hpp>
#include <brood/command.hpp>
#include <brood/exit_status.hpp>
#include <brood/export.hpp>
#include <brood/resource_usage.hpp>
#include <brood/stop_reason.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace brood {

/// What came of run_process(): how the child ended, what it wrote, and why it
/// was ended if it did not end by itself.
///
/// How it ended, whether it was stopped, and whether all its output is here
/// are separate facts, each with a place of its own.
///
/// Threads: a plain value.
/// See:     subprocess.CompletedProcess
class [[nodiscard]] BROOD_API completed_process {
public:
    /// Of no command; asio::co_spawn needs it for its handler.
    completed_process();
    explicit completed_process(command what);

    /// The command as it was given.
    command args;
    /// The exit code, -N for death by signal N; 255 when it is not known.
    int returncode = 255;
    exit_status status;
    /// What was captured; empty for a stream that led elsewhere.
    std::string out;
    std::string err;

    /// Why it was stopped; none: it ended by itself.
    stop_reason stopped = stop_reason::none;
    /// It was stopped because timeout or idle_timeout was over.
    bool timed_out = false;
    /// More came than was to be kept: out_left_out and err_left_out say how
    /// many bytes.
    bool truncated = false;
    /// False: somebody held a pipe open for longer than drain, and what he
    /// wrote after that is not here. What the child itself wrote is.
    bool complete = true;
    /// True: not even SIGKILL ended all of its family in time, the child or
    /// one that it brought along. What is left of it goes on.
    bool left_behind = false;
    std::uint64_t out_left_out = 0;
    std::uint64_t err_left_out = 0;

    /// From the start to the moment when all was over.
    std::chrono::nanoseconds elapsed{};
    resource_usage usage;
    /// Why no child could be started, or what a tee's function threw. Only
    /// seen by users of async_run_process; run_process throws it.
    std::exception_ptr failure;

    /// True when it ended by itself with exit code 0 and left nobody behind.
    bool ok() const noexcept;

    /// Throws called_process_error unless ok(); else gives itself.
    const completed_process& check() const&;
    completed_process check() &&;
};

static_assert(!std::is_aggregate_v<completed_process>);

/// How it ended, in words: "timed out, killed by SIGTERM (15)".
[[nodiscard]] BROOD_API std::string to_string(const completed_process& ended);

/// A command did not end by itself with exit code 0, but somebody counted on
/// it.
///
/// what() holds the quoted command, how it ended in words, and the last lines
/// of its standard error.
///
/// See: subprocess.CalledProcessError
class BROOD_API called_process_error : public std::runtime_error {
public:
    explicit called_process_error(completed_process ended);
    ~called_process_error() override;

    /// All that is known, with the output.
    const completed_process& process() const noexcept { return *ended_; }
    int returncode() const noexcept { return ended_->returncode; }

private:
    std::shared_ptr<const completed_process> ended_;
};

}  // namespace brood
