// launcher.cpp: see launcher.hpp.
#include <brood/launcher.hpp>

#include "flow/checked_output.hpp"

#include <brood/run_process.hpp>

#include <utility>

namespace brood {

launcher::~launcher() = default;

awaitable<std::string> launcher::check_output(command what,
                                              std::source_location where)
{
    auto ended = co_await run_process(std::move(what), where);
    co_return detail::checked_output(std::move(ended));
}

awaitable<std::string> launcher::check_output(pipeline what,
                                              std::source_location where)
{
    auto ended = co_await run_process(std::move(what), where);
    co_return detail::checked_output(std::move(ended));
}

namespace {

class real_launcher final : public launcher {
public:
    awaitable<process> create_subprocess(command what,
                                         std::source_location where) override
    {
        return brood::create_subprocess(std::move(what), where);
    }
    awaitable<completed_process>
    run_process(command what, std::source_location where) override
    {
        return brood::run_process(std::move(what), where);
    }
    awaitable<completed_pipeline>
    run_process(pipeline what, std::source_location where) override
    {
        return brood::run_process(std::move(what), where);
    }
};

}  // namespace

launcher& system_launcher() noexcept
{
    static real_launcher only;
    return only;
}

}  // namespace brood
