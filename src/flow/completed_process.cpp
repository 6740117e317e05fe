// completed_process.cpp: see completed_process.hpp.
#include <brood/completed_process.hpp>

#include "core/redaction.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace brood {

namespace {

std::string_view reason_text(stop_reason reason) noexcept
{
    switch (reason) {
    case stop_reason::none: return "";
    case stop_reason::timeout: return "timed out, ";
    case stop_reason::idle_timeout: return "no output for too long, ";
    case stop_reason::output_limit: return "too much output, ";
    case stop_reason::cancelled: return "cancelled, ";
    }
    return "";
}

// The last lines, and not too much of them: they end up in a log.
std::string_view last_lines(std::string_view text) noexcept
{
    constexpr std::size_t most_lines = 10;
    constexpr std::size_t most_bytes = 2000;
    while (text.ends_with('\n'))
        text.remove_suffix(1);
    auto begin = text.size();
    auto before = text.size();  // what comes before is not looked at yet
    for (std::size_t line = 0; line != most_lines && before != 0; ++line) {
        const auto newline = text.rfind('\n', before - 1);
        begin = newline == text.npos ? 0 : newline + 1;
        before = newline == text.npos ? 0 : newline;
    }
    begin = std::max(begin, text.size() - std::min(text.size(), most_bytes));
    return text.substr(begin);
}

std::string error_text(const completed_process& ended)
{
    std::string text = to_string(ended.args) + ": " + to_string(ended);
    if (ended.out_left_out != 0)
        text += "; " + std::to_string(ended.out_left_out) +
                " bytes of its output were left out";
    // A program that complains tends to repeat what it was given. Before the
    // lines are cut, or half a secret could be left.
    const auto& command = ended.args.data();
    const auto shown = detail::without_secrets(command, ended.err);
    const auto lines = last_lines(shown);
    if (!lines.empty())
        text += "\n" + std::string(lines);
    return text;
}

}  // namespace

completed_process::completed_process() : args(exec(std::vector<std::string>()))
{
}
completed_process::completed_process(command what) : args(std::move(what)) {}

bool completed_process::ok() const noexcept
{
    return stopped == stop_reason::none && status.success() && !left_behind;
}

const completed_process& completed_process::check() const&
{
    if (!ok())
        throw called_process_error(*this);
    return *this;
}

completed_process completed_process::check() &&
{
    if (!ok())
        throw called_process_error(std::move(*this));
    return std::move(*this);
}

std::string to_string(const completed_process& ended)
{
    return std::string(reason_text(ended.stopped)) + to_string(ended.status) +
           (ended.left_behind ? ", somebody could not be killed" : "");
}

called_process_error::called_process_error(completed_process ended)
    : std::runtime_error(error_text(ended)),
      ended_(std::make_shared<const completed_process>(std::move(ended)))
{
}
called_process_error::~called_process_error() = default;

}  // namespace brood
