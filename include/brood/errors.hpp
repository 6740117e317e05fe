// errors.hpp: what can go wrong, as error codes and as exceptions.
//
// Plain verbs throw the classes below; async_x operations complete with the
// codes. A setting that can never work is a std::invalid_argument, a call at
// the wrong time a std::logic_error.
#pragma once

#include <brood/asio.hpp>
#include <brood/export.hpp>
#include <brood/spawn_step.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>

namespace brood {

/// brood's own error codes.
enum class errc {
    limit_overrun = 1,  ///< A line is longer than the limit.
    incomplete_read,    ///< The stream ended before the read was satisfied.
    already_reading,    ///< Another read of this stream is waiting.
    already_writing,    ///< Another async_write_some is waiting.
    stream_closed,      ///< The stream was closed on our side.
    not_stopped,        ///< Not even SIGKILL ended the child in time.
    context_closed,     ///< The execution context has been shut down.
    sigchld_ignored,    ///< SIGCHLD is ignored, so it cannot tell of an end.
};

BROOD_API const error_category& brood_category() noexcept;

inline error_code make_error_code(errc code) noexcept
{
    return {static_cast<int>(code), brood_category()};
}

/// A code in words: what() is "<message>: <the code's own message>".
///
/// brood throws its errors as this class or one derived from it, so that they
/// read the same with either Asio: Boost's system_error would add the code's
/// number and category. Only a cancelled operation is a bare system_error.
///
/// Threads: a value: distinct objects are independent.
class BROOD_API described_error : public system_error {
public:
    described_error(error_code code, const std::string& message);
    ~described_error() override;

    const char* what() const noexcept override { return what_.c_str(); }

private:
    std::string what_;
};

/// A child could not be started. No child exists.
///
/// code() is the system's error as the child itself saw it; it compares with
/// std::errc.
///
/// Threads: a value: distinct objects are independent.
class BROOD_API spawn_error : public described_error {
public:
    spawn_error(error_code code, spawn_step step, std::string path,
                const std::string& message, std::string interpreter = {});
    ~spawn_error() override;

    /// What was being done.
    spawn_step step() const noexcept { return step_; }
    /// What it was done with: the program as it was given (exec), the
    /// directory (chdir), the file (open), the name (look_up).
    const std::string& path() const noexcept { return path_; }
    /// The interpreter that the script path() names and that is missing;
    /// empty when it is not that which is missing.
    const std::string& interpreter() const noexcept { return interpreter_; }

private:
    spawn_step step_;
    std::string path_;
    std::string interpreter_;
};

/// A stream ended before a readexactly() or readuntil() was satisfied.
///
/// Threads: a value: distinct objects are independent.
/// See: asyncio.IncompleteReadError
class BROOD_API incomplete_read_error : public described_error {
public:
    incomplete_read_error(std::string partial,
                          std::optional<std::size_t> expected);
    ~incomplete_read_error() override;

    /// What was there; it has been consumed.
    const std::string& partial() const noexcept { return partial_; }
    /// How many bytes were wanted; none for a separator.
    std::optional<std::size_t> expected() const noexcept { return expected_; }

private:
    std::string partial_;
    std::optional<std::size_t> expected_;
};

/// A line, or the wait for a separator, went over the limit. Nothing was
/// consumed: read(consumed()) takes what is there, or the same call with a
/// higher limit.
///
/// Threads: a value: distinct objects are independent.
/// See: asyncio.LimitOverrunError
class BROOD_API limit_overrun_error : public described_error {
public:
    limit_overrun_error(std::size_t consumed, bool separator_found);
    ~limit_overrun_error() override;

    /// How many bytes surely come before the separator.
    std::size_t consumed() const noexcept { return consumed_; }

private:
    std::size_t consumed_;
};

}  // namespace brood

template <>
struct brood::error_types::is_error_code_enum<brood::errc> : std::true_type {};
