// run_process.cpp: the faces of run_operation for one command.
#include <brood/run_process.hpp>

#include "async/initiate.hpp"
#include "core/command_data.hpp"
#include "flow/run_operation.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/this_coro.hpp>

#include <utility>

namespace brood {

namespace {

using detail::run_operation;

std::shared_ptr<run_operation> make_run(const executor& io, command what)
{
    auto settings = what.data().run;
    std::vector<command> only;
    only.push_back(std::move(what));
    return std::make_shared<run_operation>(io, std::move(only),
                                           std::move(settings));
}

error_code code_of(const std::exception_ptr& failure) noexcept
try {
    std::rethrow_exception(failure);
} catch (const system_error& error) {
    return error.code();
} catch (const std::invalid_argument&) {
    return asio::error::invalid_argument;
} catch (...) {
    return asio::error::operation_aborted;
}

}  // namespace

awaitable<completed_process> run_process(command what)
{
    // A run that was cancelled before it began starts nothing.
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw system_error(asio::error::operation_aborted);
    const auto io = co_await asio::this_coro::executor;
    const auto run = make_run(io, std::move(what));
    co_await detail::initiate<void(error_code)>(run, &run_operation::start,
                                                use_awaitable);
    if (run->failure())
        std::rethrow_exception(run->failure());
    co_return std::move(run->results().front());
}

awaitable<std::string> check_output(command what)
{
    auto ended = co_await run_process(std::move(what));
    if (!ended.ok() || ended.out_left_out != 0)
        throw called_process_error(std::move(ended));
    co_return std::move(ended.out);
}

namespace detail {

void start_run(const executor& io, command what, run_handler handler)
{
    const auto run = make_run(io, std::move(what));
    auto kept = std::make_shared<run_handler>(std::move(handler));
    const auto stop = std::make_shared<asio::cancellation_signal>();
    kept->on_cancel([stop] { stop->emit(asio::cancellation_type::all); });
    auto ended = [run, kept, stop](error_code ec) {
        if (run->failure())
            ec = code_of(run->failure());
        kept->complete_in_this_turn(ec,
                                    std::move(run->results().front()));
    };
    run->start({asio::bind_cancellation_slot(stop->slot(), std::move(ended)),
                io});
}

}  // namespace detail

}  // namespace brood
