// pipeline.cpp: see pipeline.hpp; run_operation does the work.
#include <brood/pipeline.hpp>

#include "core/command_data.hpp"
#include "flow/checked_output.hpp"
#include "flow/start_stages.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace brood {

pipeline::pipeline(command first, command second)
    : whole_(exec(std::vector<std::string>()))
{
    stages_.push_back(std::move(first));
    stages_.push_back(std::move(second));
}

pipeline& pipeline::input(std::string bytes) &
{
    whole_.input(std::move(bytes));
    return *this;
}
pipeline& pipeline::timeout(std::chrono::nanoseconds time) &
{
    whole_.timeout(time);
    return *this;
}
pipeline& pipeline::idle_timeout(std::chrono::nanoseconds time) &
{
    whole_.idle_timeout(time);
    return *this;
}
pipeline& pipeline::output_limit(std::size_t bytes) &
{
    whole_.output_limit(bytes);
    return *this;
}
pipeline& pipeline::capture(std::size_t limit, keep part) &
{
    whole_.capture(limit, part);
    return *this;
}
pipeline& pipeline::tee_out(tee to) &
{
    whole_.tee_out(std::move(to));
    return *this;
}

pipeline operator|(command upstream, command downstream)
{
    return pipeline(std::move(upstream), std::move(downstream));
}

pipeline operator|(pipeline upstream, command downstream)
{
    upstream.stages_.push_back(std::move(downstream));
    return upstream;
}

std::string to_string(const pipeline& what)
{
    std::string line;
    for (const auto& each : what.stages())
        line += (line.empty() ? "" : " | ") + to_string(each);
    return line;
}

completed_pipeline::completed_pipeline(std::vector<completed_process> ended)
    : stages(std::move(ended))
{
}

const completed_process* completed_pipeline::failed() const noexcept
{
    constexpr int broken_pipe = 13;  // SIGPIPE
    bool downstream_succeeded = false;
    for (auto each = stages.rbegin(); each != stages.rend(); ++each) {
        const auto& status = each->status;
        const bool died_of_pipe = status.signal() == broken_pipe ||
                                  status.code() == 128 + broken_pipe;
        const bool succeeded =
            status.success() || (died_of_pipe && downstream_succeeded);
        if (!succeeded)
            return &*each;
        downstream_succeeded = true;
    }
    return nullptr;
}

int completed_pipeline::returncode() const noexcept
{
    const auto* const which = failed();
    return which ? which->returncode : 0;
}

bool completed_pipeline::truncated() const noexcept
{
    return std::ranges::any_of(stages, &completed_process::truncated);
}

bool completed_pipeline::complete() const noexcept
{
    return std::ranges::all_of(stages, &completed_process::complete);
}

bool completed_pipeline::ok() const noexcept
{
    return stopped() == stop_reason::none && !failed() && !left_behind();
}

const completed_pipeline& completed_pipeline::check() const&
{
    if (!ok())
        throw called_process_error(failed() ? *failed() : stages.back());
    return *this;
}

completed_pipeline completed_pipeline::check() &&
{
    static_cast<const completed_pipeline&>(*this).check();
    return std::move(*this);
}

namespace {

void check_stages(const pipeline& what)
{
    for (const auto& each : what.stages()) {
        const auto setter = each.data().run.last_set;
        if (!setter.empty())
            throw std::invalid_argument(
                "brood: " + std::string(setter) +
                "() of one command of a "
                "pipeline; say it of the whole: (a | b)." +
                std::string(setter) + "(...)");
    }
}

}  // namespace

awaitable<completed_pipeline> run_process(pipeline what,
                                          std::source_location where)
{
    check_stages(what);
    auto ended = co_await detail::run_to_the_end(
        what.stages(), what.whole().data().run, where);
    co_return completed_pipeline(std::move(ended));
}

namespace detail {

void start_run(const executor& io, const pipeline& what,
               pipeline_handler handler, std::source_location where)
{
    try {
        check_stages(what);
    } catch (const std::invalid_argument&) {
        std::vector<completed_process> none;
        for (const auto& each : what.stages())
            none.emplace_back(each).failure = std::current_exception();
        return handler.complete(asio::error::invalid_argument,
                                completed_pipeline(std::move(none)));
    }
    start_stages(io, what.stages(), what.whole().data().run, where,
                 std::move(handler), [](run_operation::results all) {
                     return completed_pipeline(std::move(all));
                 });
}

}  // namespace detail

awaitable<std::string> check_output(pipeline what, std::source_location where)
{
    auto ended = co_await run_process(std::move(what), where);
    co_return detail::checked_output(std::move(ended));
}

}  // namespace brood
