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

// Makes all that the start needs, and begins to start the child; or throws.
using start_attempt =
    std::function<std::shared_ptr<process_core>(const start_site&)>;

// Will it be different once somebody has ended?
bool is_shortage(error_code ec) noexcept;

// Completes with the child, once it has called exec, or with why there is none;
// after a wait for room, a spawn_error says how often it was tried and how
// long. After each attempt that failed, `gave_up` lets go of what somebody else
// might be waiting for. Cancelling ends it with operation_aborted, and with the
// child if there was one: it was killed and has ended. A child whose completion
// nobody lives to see is treated as its command's on_drop says.
void start_child(const executor& io, start_site site, start_attempt attempt,
                 std::function<void()> gave_up, start_handler handler);

// The same as an awaitable, by process_core::begin_start; the site's command
// must live until it is awaited.
awaitable<std::shared_ptr<process_core>>
start_child(executor io, command_data what, start_site site);

}  // namespace brood::detail
