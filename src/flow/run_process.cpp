// run_process.cpp: the faces of run_operation for one command.
#include <brood/run_process.hpp>

#include "core/command_data.hpp"
#include "flow/checked_output.hpp"
#include "flow/run_operation.hpp"

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(error.hpp)

#include <stdexcept>
#include <utility>

namespace brood {

namespace {

std::vector<command> just(command only)
{
    std::vector<command> list;
    list.push_back(std::move(only));
    return list;
}

error_code code_of(const completed_process& ended) noexcept
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

}  // namespace

awaitable<completed_process> run_process(command what,
                                         std::source_location where)
{
    auto settings = what.data().run;
    auto ended = co_await detail::run_to_the_end(just(std::move(what)),
                                                 std::move(settings), where);
    co_return std::move(ended.front());
}

awaitable<std::string> check_output(command what, std::source_location where)
{
    auto ended = co_await run_process(std::move(what), where);
    co_return detail::checked_output(std::move(ended));
}

namespace detail {

void start_run(const executor& io, command what, run_handler handler,
               std::source_location where)
{
    auto settings = what.data().run;
    auto kept = std::make_shared<run_handler>(std::move(handler));
    const auto stop = std::make_shared<asio::cancellation_signal>();
    kept->on_cancel([stop] { stop->emit(asio::cancellation_type::all); });
    auto ended = [kept, stop](run_operation::results all) {
        auto& only = all.front();
        const auto ec = code_of(only);
        kept->complete_in_this_turn(ec, std::move(only));
    };
    std::make_shared<run_operation>(io, just(std::move(what)),
                                    std::move(settings), where)
        ->start(
            {asio::bind_cancellation_slot(stop->slot(), std::move(ended)), io});
}

}  // namespace detail

}  // namespace brood
