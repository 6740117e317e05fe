// recording_launcher.cpp: see recording_launcher.hpp.
#include <brood/testing/recording_launcher.hpp>

#include "testing/recording.hpp"

#include BROOD_ASIO_HEADER(post.hpp)
#include BROOD_ASIO_HEADER(this_coro.hpp)

#include <utility>

namespace brood::testing {

namespace {

[[noreturn]] void refuse_process()
{
    throw std::logic_error(
        "brood: a recording holds what run_process() and check_output() "
        "gave; what happens with create_subprocess() cannot be recorded");
}

// Saved at once: the program may end with the next run.
void keep(recording& kept, std::size_t number, recorded_run run,
          const std::filesystem::path& file)
{
    kept.runs.emplace(number, std::move(run));
    kept.save(file);
}

}  // namespace

recording_launcher::recording_launcher(launcher& real,
                                       std::filesystem::path file)
    : real_(real), file_(std::move(file)), kept_(std::make_unique<recording>())
{
}
recording_launcher::~recording_launcher() = default;

awaitable<process> recording_launcher::create_subprocess(command,
                                                         std::source_location)
{
    refuse_process();
}

awaitable<completed_process>
recording_launcher::run_process(command what, std::source_location where)
{
    const auto number = kept_->begun++;
    recorded_run run{request(what)};
    try {
        auto ended = co_await real_.run_process(std::move(what), where);
        run.results.push_back(ended);
        keep(*kept_, number, std::move(run), file_);
        co_return ended;
    } catch (const spawn_error& error) {
        run.failure.emplace(error);
        keep(*kept_, number, std::move(run), file_);
        throw;
    }
}

awaitable<completed_pipeline>
recording_launcher::run_process(pipeline what, std::source_location where)
{
    const auto number = kept_->begun++;
    recorded_run run{request(what)};
    try {
        auto ended = co_await real_.run_process(std::move(what), where);
        run.results = ended.stages;
        keep(*kept_, number, std::move(run), file_);
        co_return ended;
    } catch (const spawn_error& error) {
        run.failure.emplace(error);
        keep(*kept_, number, std::move(run), file_);
        throw;
    }
}

replaying_launcher::replaying_launcher(std::filesystem::path file)
    : file_(std::move(file)),
      kept_(std::make_unique<recording>(recording::load(file_)))
{
}
replaying_launcher::~replaying_launcher() = default;

std::size_t replaying_launcher::left() const noexcept
{
    return kept_->runs.size() - next_;
}

namespace {

std::string difference(const request& recorded, const request& came)
{
    if (recorded.commands != came.commands)
        return "asked for is" + came.in_words() + "\nrecorded is" +
               recorded.in_words();
    return "the input of" + came.in_words() +
           "\nis not what was recorded: " + std::to_string(came.input.size()) +
           " bytes instead of " + std::to_string(recorded.input.size());
}

// The next run, if it is what was asked for; else it is still the next.
const recorded_run& next_of(const recording& kept, std::size_t& next,
                            const std::filesystem::path& file,
                            const request& came)
{
    const auto where =
        "brood: run " + std::to_string(next + 1) + " of " + file.string();
    if (next == kept.runs.size())
        throw recording_error(where +
                              ": the recording ends here; asked for is" +
                              came.in_words());
    const auto& run = kept.runs.at(next);
    if (!(run.asked == came))
        throw recording_error(where + ": " + difference(run.asked, came));
    ++next;
    if (run.failure)
        throw spawn_error(*run.failure);
    return run;
}

}  // namespace

awaitable<process> replaying_launcher::create_subprocess(command,
                                                         std::source_location)
{
    refuse_process();
}

awaitable<completed_process>
replaying_launcher::run_process(command what, std::source_location)
{
    // The place is taken at once, the loop has its turn after that.
    const auto& run = next_of(*kept_, next_, file_, request(what));
    const auto io = co_await asio::this_coro::executor;
    co_await asio::post(io, use_awaitable);
    auto ended = run.results.front();
    ended.args = std::move(what);
    co_return ended;
}

awaitable<completed_pipeline>
replaying_launcher::run_process(pipeline what, std::source_location)
{
    const auto& run = next_of(*kept_, next_, file_, request(what));
    const auto io = co_await asio::this_coro::executor;
    co_await asio::post(io, use_awaitable);
    auto ended = run.results;
    for (std::size_t i = 0; i != ended.size(); ++i)
        ended[i].args = what.stages()[i];
    co_return completed_pipeline(std::move(ended));
}

}  // namespace brood::testing
