// starter.hpp: starts a child as an operation, for every verb that does.
//
// While a gather with a limit runs on the execution context, a start that
// fails for want of descriptors, memory or processes waits its turn in the
// context's start_queue and is tried again (core::start_patience). At any
// other time the first error is the answer, as in process_core::start.
#pragma once

#include "async/observation.hpp"
#include "core/command_data.hpp"

#include <brood/detail/any_handler.hpp>

#include <exception>
#include <functional>
#include <memory>

namespace brood::detail {

class process_core;

using start_handler =
    any_handler<void(std::exception_ptr, std::shared_ptr<process_core>)>;

// Makes all that the start needs, and the child; or throws, and leaves nothing
// open that somebody else might be waiting for.
using start_attempt =
    std::function<std::shared_ptr<process_core>(const start_site&)>;

// Will it be different once somebody has ended?
bool is_shortage(error_code ec) noexcept;

// Whether a start on `io` may have to wait. If not, it is over at once.
bool starts_are_patient(const executor& io);

// Completes with the child, or with what the last attempt threw; after a wait,
// a spawn_error says how often it was tried and how long. Cancelling ends the
// wait, with operation_aborted, and starts nothing. A child whose completion
// nobody lives to see is treated as its command's on_drop says.
void start_child(const executor& io, start_site site, start_attempt attempt,
                 start_handler handler);

// The same as an awaitable, by process_core::try_to_start; the site's command
// must live until it is awaited.
awaitable<std::shared_ptr<process_core>>
start_child(executor io, command_data what, start_site site);

}  // namespace brood::detail
