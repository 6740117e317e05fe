#include "cli/run_policy.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>

namespace cli {

bool has_failed(const job_record& ended, const cleaning_options& asked)
{
    if (ended.status == job_status::skipped)
        return false;
    if (ended.status != job_status::ok)
        return true;
    return asked.leftover == cleaning_options::leftover_use::fail &&
           !ended.leftover.empty();
}

bool is_tried_again(const job_record& ended, const retry_policy& asked)
{
    if (ended.attempt >= asked.attempts ||
        ended.status == job_status::canceled ||
        ended.status == job_status::skipped)
        return false;
    if (asked.causes.empty())
        return true;
    using kind = retry_policy::cause::kind;
    const auto is = [&](const retry_policy::cause& cause) {
        switch (cause.of) {
        case kind::fail:
            return ended.status == job_status::exit ||
                   ended.status == job_status::spawn;
        case kind::timeout:
            return ended.status == job_status::timeout ||
                   ended.status == job_status::idle;
        case kind::signal:
            return ended.status == job_status::signal &&
                   (cause.code == 0 || cause.code == ended.signal);
        case kind::exit:
            return ended.status == job_status::exit &&
                   (cause.code == 0 || cause.code == ended.code);
        }
        return false;
    };
    return std::any_of(asked.causes.begin(), asked.causes.end(), is);
}

namespace {

constexpr std::uint64_t fewest_of_a_part = 3;

}  // namespace

duration retry_pause(const retry_policy& asked, unsigned attempt,
                     std::minstd_rand& random)
{
    const double longest = static_cast<double>(asked.longest.count());
    const double wanted =
        static_cast<double>(asked.delay.count()) *
        std::pow(std::max(1.0, asked.factor), static_cast<double>(attempt - 1));
    // Not only against overflow: an infinite one compares as it should.
    const double pause = std::min(wanted, longest);
    std::uniform_real_distribution<double> part(0.5, 1.0);
    return duration(static_cast<duration::rep>(pause * part(random)));
}

unsigned jobs_ahead(const options& asked, unsigned slots, bool has_jobserver)
{
    const auto& limits = asked.limits;
    const auto names_slot = [](const std::string& word) {
        return word.find("{%}") != std::string::npos;
    };
    const auto& tag = asked.output.tag;
    const bool decides =
        has_jobserver || limits.load || limits.memfree || limits.mem_per_job ||
        limits.delay > duration::zero() ||
        asked.halt.at != halt_policy::when::never || asked.retry.attempts > 1 ||
        asked.output.print_commands || !asked.output.results.empty() ||
        std::any_of(asked.command.begin(), asked.command.end(), names_slot) ||
        (tag && names_slot(*tag));
    return decides || slots < 2 ? 0 : 16;
}

void halt_count::count(bool failed)
{
    ++(failed ? failed_ : succeeded_);
}

std::optional<std::string>
halt_count::verdict(std::optional<std::uint64_t> total,
                    std::uint64_t read) const
{
    if (asked_.at == halt_policy::when::never)
        return {};
    using counted = halt_policy::counted;
    std::uint64_t number = 0;
    std::string what;
    switch (asked_.what) {
    case counted::fail:
        number = failed_;
        what = "failed";
        break;
    case counted::success:
        number = succeeded_;
        what = "succeeded";
        break;
    case counted::done:
        number = failed_ + succeeded_;
        what = "ended";
        break;
    }
    const double limit =
        asked_.percent
            ? asked_.limit / 100 * static_cast<double>(total.value_or(read))
            : asked_.limit;
    const std::uint64_t least = asked_.percent && !total ? fewest_of_a_part : 1;
    if (number < least || static_cast<double>(number) < limit)
        return {};
    return std::to_string(number) + (number == 1 ? " job " : " jobs ") + what;
}

void running_median::add(double value)
{
    if (!low_.empty() && value < *low_.rbegin())
        low_.insert(value);
    else
        high_.insert(value);
    if (low_.size() > high_.size()) {
        high_.insert(*low_.rbegin());
        low_.erase(std::prev(low_.end()));
    } else if (high_.size() > low_.size() + 1) {
        low_.insert(*high_.begin());
        high_.erase(high_.begin());
    }
}

std::optional<double> running_median::value() const
{
    if (low_.size() + high_.size() < 3)
        return {};
    return *high_.begin();
}

namespace {

int exit_code_of_one(const job_record& only)
{
    switch (only.status) {
    case job_status::timeout:
    case job_status::idle: return 124;
    case job_status::spawn: return only.code.value_or(125);
    case job_status::output: return 125;
    default: break;
    }
    if (only.signal)
        return 128 + *only.signal;
    return only.code.value_or(125);
}

}  // namespace

int exit_code_of(const run_result& result, const options& asked)
{
    if (result.own_failure)
        return 125;
    if (result.signal != 0)
        return 128 + result.signal;
    if (asked.as == options::form::one && result.last) {
        const int code = exit_code_of_one(*result.last);
        return code == 0 && result.failed != 0 ? 123 : code;
    }
    if (result.halted_by_success || result.failed == 0)
        return 0;
    if (asked.exit_code_count)
        return static_cast<int>(std::min<std::uint64_t>(result.failed, 101));
    if (result.not_found == result.failed)
        return 127;
    if (result.not_executable == result.failed)
        return 126;
    if (result.timed_out == result.failed)
        return 124;
    return 123;
}

}  // namespace cli
