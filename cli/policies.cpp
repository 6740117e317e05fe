#include "cli/policies.hpp"

#include "cli/quantities.hpp"

#include <csignal>

namespace cli {

std::optional<halt_policy> parse_halt(std::string_view text)
{
    halt_policy policy;
    if (text == "never")
        return policy;

    const std::size_t comma = text.find(',');
    const std::size_t equals = text.find('=');
    if (comma == std::string_view::npos || equals == std::string_view::npos ||
        equals < comma)
        return {};
    const std::string_view when = text.substr(0, comma);
    const std::string_view what = text.substr(comma + 1, equals - comma - 1);
    const std::string_view limit = text.substr(equals + 1);

    if (when == "soon")
        policy.at = halt_policy::when::soon;
    else if (when == "now")
        policy.at = halt_policy::when::now;
    else
        return {};
    if (what == "fail")
        policy.what = halt_policy::counted::fail;
    else if (what == "success")
        policy.what = halt_policy::counted::success;
    else if (what == "done")
        policy.what = halt_policy::counted::done;
    else
        return {};

    if (const auto percent = parse_percent(limit)) {
        if (*percent <= 0 || *percent > 100)
            return {};
        policy.limit = *percent;
        policy.percent = true;
        return policy;
    }
    const auto count = parse_count(limit);
    if (!count || *count == 0)
        return {};
    policy.limit = static_cast<double>(*count);
    return policy;
}

namespace {

std::optional<retry_policy::cause> parse_retry_cause(std::string_view text)
{
    using kind = retry_policy::cause::kind;
    if (text == "fail")
        return retry_policy::cause{kind::fail, 0};
    if (text == "timeout")
        return retry_policy::cause{kind::timeout, 0};
    if (text == "signal")
        return retry_policy::cause{kind::signal, 0};
    if (text.starts_with("signal=")) {
        const auto signal = parse_signal(text.substr(7));
        if (!signal)
            return {};
        return retry_policy::cause{kind::signal, *signal};
    }
    if (text.starts_with("exit=")) {
        const auto code = parse_count(text.substr(5));
        if (!code || *code < 1 || *code > 255)
            return {};
        return retry_policy::cause{kind::exit, static_cast<int>(*code)};
    }
    return {};
}

}  // namespace

std::optional<std::vector<retry_policy::cause>>
parse_retry_causes(std::string_view text)
{
    std::vector<retry_policy::cause> causes;
    for (const std::string_view part : split_at(text, ',')) {
        const auto cause = parse_retry_cause(part);
        if (!cause)
            return {};
        causes.push_back(*cause);
    }
    return causes;
}

bool parse_retry_delay(std::string_view text, retry_policy& into)
{
    const auto parts = split_at(text, ',');
    if (parts.size() > 3)
        return false;
    const auto delay = parse_duration(parts[0]);
    if (!delay)
        return false;
    retry_policy result = into;
    result.delay = *delay;
    result.factor = 1;
    result.longest = retry_policy().longest;
    if (parts.size() > 1) {
        if (!parts[1].starts_with('x'))
            return false;
        const auto factor = parse_number(parts[1].substr(1));
        if (!factor || *factor < 1)
            return false;
        result.factor = *factor;
    }
    if (parts.size() > 2) {
        const auto longest = parse_duration(parts[2]);
        if (!longest)
            return false;
        result.longest = *longest;
    }
    // A first delay that is longer than the default bound is still meant.
    if (parts.size() < 3 && result.longest < result.delay)
        result.longest = result.delay;
    into = std::move(result);
    return true;
}

std::optional<std::vector<std::pair<std::string, std::uint64_t>>>
parse_resource_limits(std::string_view text)
{
    std::vector<std::pair<std::string, std::uint64_t>> limits;
    for (const std::string_view part : split_at(text, ',')) {
        const std::size_t equals = part.find('=');
        if (equals == std::string_view::npos)
            return {};
        const std::string_view name = part.substr(0, equals);
        const std::string_view amount = part.substr(equals + 1);
        std::optional<std::uint64_t> value;
        if (name == "mem" || name == "fsize") {
            value = parse_size(amount);
        } else if (name == "nproc" || name == "nofile") {
            value = parse_count(amount);
        } else if (name == "cpu") {
            // The kernel counts whole seconds; a shorter limit than asked for
            // would end a job that keeps to it.
            if (const auto time = parse_duration(amount))
                value = static_cast<std::uint64_t>(
                    std::chrono::ceil<std::chrono::seconds>(*time).count());
        }
        if (!value || *value == 0)
            return {};
        limits.emplace_back(name, *value);
    }
    return limits;
}

std::optional<std::vector<std::pair<int, duration>>>
parse_term_seq(std::string_view text)
{
    const auto parts = split_at(text, ',');
    std::vector<std::pair<int, duration>> steps;
    for (std::size_t i = 0; i < parts.size(); i += 2) {
        const auto signal = parse_signal(parts[i]);
        if (!signal)
            return {};
        // Nothing outlives a SIGKILL; after another last signal, the usual
        // patience.
        duration wait =
            *signal == SIGKILL ? duration::zero() : time_options().kill_after;
        if (i + 1 < parts.size()) {
            const auto ms = parse_number(parts[i + 1]);
            if (!ms || *ms > 1e12)
                return {};
            wait = duration(static_cast<std::int64_t>(*ms * 1e6));
        }
        steps.emplace_back(*signal, wait);
    }
    return steps;
}

}  // namespace cli
