// testing/recording_launcher.hpp: runs with their results, kept in a file and
// given again.
#pragma once

#include <brood/launcher.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <source_location>
#include <stdexcept>

namespace brood::testing {

class recording;

/// A recording cannot be read or written, or is asked for what it does not
/// hold.
class recording_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    ~recording_error() override;
};

/// A launcher that has another one do the work, and writes down what came of
/// it, for a replaying_launcher.
///
/// The file is JSON: of each run the commands as lines of shell, the input,
/// and the result, also that a command could not be started. Bytes that are
/// no UTF-8 are in base64. It is written anew after each run, so it is whole
/// at any time. A run that was cancelled is left out.
///
/// What is redacted of a command is not written. What a command reads and
/// writes is, as it is: look at the file before it goes anywhere.
///
/// Errors:   recording_error when the file cannot be written; std::logic_error
///           of create_subprocess: what happens there is not a result.
/// Threads:  one at a time.
/// Lifetime: `real` must live as long.
class recording_launcher final : public launcher {
public:
    recording_launcher(launcher& real, std::filesystem::path file);
    ~recording_launcher() override;

    [[nodiscard]] awaitable<process> create_subprocess(
        command what,
        std::source_location where = std::source_location::current()) override;
    [[nodiscard]] awaitable<completed_process> run_process(
        command what,
        std::source_location where = std::source_location::current()) override;
    [[nodiscard]] awaitable<completed_pipeline> run_process(
        pipeline what,
        std::source_location where = std::source_location::current()) override;

private:
    launcher& real_;
    std::filesystem::path file_;
    std::unique_ptr<recording> kept_;
};

/// A launcher that gives the results of a recording, in the order in which
/// the runs were begun, and starts nothing.
///
/// What is asked for must be what was recorded: the commands as lines of
/// shell, with directory, files and variables, and the input.
///
/// Errors:  recording_error, also when something else is asked for than was
///          recorded: it says what, and at which place.
/// Threads: one at a time.
class replaying_launcher final : public launcher {
public:
    /// Reads the file.
    explicit replaying_launcher(std::filesystem::path file);
    ~replaying_launcher() override;

    /// How many recorded runs were not asked for yet.
    [[nodiscard]] std::size_t left() const noexcept;

    [[nodiscard]] awaitable<process> create_subprocess(
        command what,
        std::source_location where = std::source_location::current()) override;
    [[nodiscard]] awaitable<completed_process> run_process(
        command what,
        std::source_location where = std::source_location::current()) override;
    [[nodiscard]] awaitable<completed_pipeline> run_process(
        pipeline what,
        std::source_location where = std::source_location::current()) override;

private:
    std::filesystem::path file_;
    std::unique_ptr<recording> kept_;
    std::size_t next_ = 0;
};

}  // namespace brood::testing
