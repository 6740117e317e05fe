// launcher.hpp: what starts commands, as an object that can be passed in.
//
// Code that takes a launcher& can be tested without starting anything: see
// brood::testing.
#pragma once

#include <brood/asio.hpp>
#include <brood/command.hpp>
#include <brood/completed_process.hpp>
#include <brood/export.hpp>
#include <brood/pipeline.hpp>
#include <brood/process.hpp>

#include <source_location>
#include <string>

namespace brood {

/// Starts commands. system_launcher() starts them for real; a test passes
/// one that does not.
///
/// Each function means what the function of that name in brood means.
///
/// Threads:  as the launcher says; system_launcher() is safe from any thread.
/// Lifetime: the launcher must live until what it returned has completed.
class BROOD_API launcher {
public:
    launcher() = default;
    launcher(const launcher&) = delete;
    launcher& operator=(const launcher&) = delete;
    virtual ~launcher();

    [[nodiscard]] virtual awaitable<process> create_subprocess(
        command what,
        std::source_location where = std::source_location::current()) = 0;
    [[nodiscard]] virtual awaitable<completed_process> run_process(
        command what,
        std::source_location where = std::source_location::current()) = 0;
    [[nodiscard]] virtual awaitable<completed_pipeline> run_process(
        pipeline what,
        std::source_location where = std::source_location::current()) = 0;

    // By way of run_process().
    [[nodiscard]] awaitable<std::string>
    check_output(command what,
                 std::source_location where = std::source_location::current());
    [[nodiscard]] awaitable<std::string>
    check_output(pipeline what,
                 std::source_location where = std::source_location::current());
};

/// The launcher that starts real children: the functions of brood.
[[nodiscard]] BROOD_API launcher& system_launcher() noexcept;

}  // namespace brood
