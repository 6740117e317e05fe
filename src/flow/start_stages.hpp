// start_stages.hpp: run_operation behind a handler that takes an error_code.
#pragma once

#include "flow/run_operation.hpp"

#include <brood/completed_process.hpp>
#include <brood/detail/any_handler.hpp>

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(error.hpp)

#include <exception>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <utility>
#include <vector>

namespace brood::detail {

// What async_run_process() says of a run; every stage knows of a failure.
inline error_code code_of(const completed_process& ended) noexcept
try {
    if (ended.failure)
        std::rethrow_exception(ended.failure);
    return ended.stopped == stop_reason::cancelled
               ? error_code(asio::error::operation_aborted)
               : error_code();
} catch (const system_error& error) {
    return error.code();
} catch (const std::invalid_argument&) {
    return asio::error::invalid_argument;
} catch (...) {  // of a tee's function
    return asio::error::operation_aborted;
}

// `convert` makes the handler's Result of what came of the stages.
template <class Result, class Convert>
void start_stages(const executor& io, std::vector<command> stages,
                  run_settings settings, std::source_location where,
                  any_handler<void(error_code, Result)> handler,
                  Convert convert)
{
    auto kept = std::make_shared<any_handler<void(error_code, Result)>>(
        std::move(handler));
    const auto stop = std::make_shared<asio::cancellation_signal>();
    kept->on_cancel([stop] { stop->emit(asio::cancellation_type::all); });
    auto ended = [kept, stop, convert](run_operation::results all) {
        const auto ec = code_of(all.front());
        kept->complete_in_this_turn(ec, convert(std::move(all)));
    };
    std::make_shared<run_operation>(io, std::move(stages), std::move(settings),
                                    where)
        ->start(
            {asio::bind_cancellation_slot(stop->slot(), std::move(ended)), io});
}

}  // namespace brood::detail
