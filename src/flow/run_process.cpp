// run_process.cpp: the faces of run_operation for one command.
#include <brood/run_process.hpp>

#include "core/command_data.hpp"
#include "flow/checked_output.hpp"
#include "flow/start_stages.hpp"

#include <utility>

namespace brood {

namespace {

std::vector<command> just(command only)
{
    std::vector<command> list;
    list.push_back(std::move(only));
    return list;
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
    start_stages(io, just(std::move(what)), std::move(settings), where,
                 std::move(handler), [](run_operation::results all) {
                     return std::move(all.front());
                 });
}

}  // namespace detail

}  // namespace brood
