// scripted_launcher.cpp: see scripted_launcher.hpp.
#include <brood/testing/scripted_launcher.hpp>

#include "core/command_data.hpp"
#include "testing/stand_in.hpp"

#include <brood/shlex.hpp>

#include BROOD_ASIO_HEADER(post.hpp)
#include BROOD_ASIO_HEADER(this_coro.hpp)

#include <algorithm>
#include <utility>

namespace brood::testing {

unexpected_command::unexpected_command(command what, const std::string& message)
    : std::logic_error(message),
      what_(std::make_shared<const command>(std::move(what)))
{
}
unexpected_command::~unexpected_command() = default;

class scripted_launcher::expectation {
public:
    expectation(matcher which, replies with)
        : which_(std::move(which)), replies_(std::move(with))
    {
    }

    bool meets(const command& what) const
    {
        return (left() != 0 || replies_.is_repeated()) && which_(what);
    }
    const scripted_reply& take()
    {
        const auto& list = replies_.list();
        if (left() == 0)
            return list.back();
        return list[next_++];
    }
    std::size_t left() const { return replies_.list().size() - next_; }
    std::string in_words() const
    {
        const auto count = left();
        std::string words = which_.description() + " (";
        if (count != 0)
            words += std::to_string(count) +
                     (count == 1 ? " reply left" : " replies left");
        if (replies_.is_repeated())
            words += count != 0 ? ", the last one repeated" : "repeated";
        else if (count == 0)
            words += "no reply left";
        return words + ")";
    }

private:
    matcher which_;
    replies replies_;
    std::size_t next_ = 0;
};

scripted_launcher::scripted_launcher() = default;
scripted_launcher::~scripted_launcher() = default;

scripted_launcher& scripted_launcher::on(matcher which, replies with)
{
    expected_.emplace_back(std::move(which), std::move(with));
    return *this;
}

std::vector<std::string> scripted_launcher::unused() const
{
    std::vector<std::string> lines;
    for (const auto& each : expected_)
        if (each.left() != 0)
            lines.push_back(each.in_words());
    return lines;
}

scripted_reply scripted_launcher::take(const command& what)
{
    calls_.push_back(what);
    const auto found = std::ranges::find_if(
        expected_, [&what](const auto& each) { return each.meets(what); });
    if (found == expected_.end()) {
        auto message = "brood: unexpected command: " + to_string(what);
        message += expected_.empty() ? "\nnothing is expected"
                                     : "\nexpected is one of:";
        for (const auto& each : expected_)
            message += "\n  " + each.in_words();
        throw unexpected_command(what, message);
    }
    auto reply = found->take();
    if (reply.failure)
        throw spawn_error(*reply.failure);
    if (reply.fails)
        throw spawn_error(reply.code, reply.step, what.program(),
                          "cannot start " + shlex::quote(what.program()) +
                              ": " + std::string(to_string(reply.step)));
    return reply;
}

namespace {

using kind = redirection::kind;

bool is_captured(const std::optional<redirection>& to)
{
    return !to || to->what() == kind::pipe;
}

}  // namespace

completed_process scripted_launcher::run(const command& what)
{
    auto reply = take(what);
    const auto& data = what.data();
    completed_process ended(what);
    if (is_captured(data.out))
        ended.out = std::move(reply.out);
    if (is_captured(data.err))
        ended.err = std::move(reply.err);
    else if (data.err->what() == kind::merged && is_captured(data.out))
        ended.out += reply.err;
    ended.status = reply.status;
    ended.returncode = reply.status.returncode();
    ended.timed_out = reply.timed_out;
    if (reply.timed_out)
        ended.stopped = stop_reason::timeout;
    return ended;
}

awaitable<process>
scripted_launcher::create_subprocess(command what, std::source_location where)
{
    auto reply = take(what);
    auto started = start_stand_in(std::move(what), std::move(reply), where);
    co_return co_await std::move(started);
}

// A turn of the loop comes first, as with a real one: who depends on what
// happens meanwhile is found out.
awaitable<completed_process>
scripted_launcher::run_process(command what, std::source_location)
{
    const auto io = co_await asio::this_coro::executor;
    co_await asio::post(io, use_awaitable);
    co_return run(what);
}

awaitable<completed_pipeline>
scripted_launcher::run_process(pipeline what, std::source_location)
{
    const auto io = co_await asio::this_coro::executor;
    co_await asio::post(io, use_awaitable);
    std::vector<completed_process> ended;
    for (const auto& each : what.stages())
        ended.push_back(run(each));
    const bool timed_out =
        std::ranges::any_of(ended, &completed_process::timed_out);
    for (auto& each : ended) {
        if (&each != &ended.back())
            each.out.clear();  // the next one read it
        each.timed_out = timed_out;
        if (timed_out)
            each.stopped = stop_reason::timeout;
    }
    co_return completed_pipeline(std::move(ended));
}

}  // namespace brood::testing
