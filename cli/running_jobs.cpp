#include "cli/running_jobs.hpp"

#include "cli/amounts.hpp"
#include "cli/plain_text.hpp"
#include "cli/terminal_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include <sched.h>
#include <unistd.h>

namespace cli {

namespace {

double seconds(std::chrono::steady_clock::duration time)
{
    return std::chrono::duration<double>(time).count();
}

template <class... Values>
std::string format(const char* how, Values... values)
{
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), how, values...);
    return text.data();
}

// A script of a thousand lines is one line of as many characters as can be
// seen.
std::string shown_command(const running_job& job)
{
    constexpr std::size_t enough = 4000;
    auto command = plain_line(std::string_view(job.display).substr(0, enough));
    return job.name.empty() ? command : plain_line(job.name) + ": " + command;
}

std::string waiting_text(wait_reason why)
{
    switch (why) {
    case wait_reason::none: return {};
    case wait_reason::load: return "waiting for less load";
    case wait_reason::memory: return "waiting for memory";
    case wait_reason::jobserver: return "waiting for the jobserver";
    case wait_reason::delay: return "waiting for --delay";
    case wait_reason::output: return "waiting for the output to be read";
    case wait_reason::resources:
        return "waiting for a job to end: no processes or files left";
    case wait_reason::retry: return "waiting to retry";
    }
    return {};
}

}  // namespace

std::string age_text(double age)
{
    if (age < 0)
        age = 0;
    if (age < 99.95)
        return format("%.1fs", age);
    auto whole = static_cast<long long>(age);
    if (whole < 6000)
        return format("%lldm%02llds", whole / 60, whole % 60);
    return format("%lldh%02lldm", whole / 3600, whole / 60 % 60);
}

unsigned usable_cpus()
{
    ::cpu_set_t set;
    if (::sched_getaffinity(0, sizeof set, &set) == 0)
        return static_cast<unsigned>(CPU_COUNT(&set));
    // More CPUs than the set has room for.
    return static_cast<unsigned>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
}

void running_jobs::begin(const run_record& run, time_point now)
{
    began_ = now;
    total_ = run.total;
}

void running_jobs::started(const running_job& job)
{
    jobs_.insert_or_assign(job.seq, shown_job{job, {}});
    widest_ = std::max(widest_, columns_of(shown_command(job)));
}

void running_jobs::printed(const output_news& news)
{
    auto found = jobs_.find(news.seq);
    if (found == jobs_.end() || news.last_line.empty())
        return;
    // What cannot be seen on any terminal is not kept.
    constexpr std::size_t enough = 2000;
    auto line = plain_line(plain_text(news.last_line.substr(0, enough)));
    if (line.find_first_not_of(' ') != std::string::npos)
        found->second.last_line = std::move(line);
}

void running_jobs::ended(const job_record& job)
{
    jobs_.erase(job.seq);
    if (!job.final)
        return;
    if (job.status == job_status::ok)
        ++ok_;
    else if (job.status == job_status::canceled ||
             job.status == job_status::skipped)
        ++passed_over_;
    else
        ++failed_;
}

void running_jobs::look(time_point now)
{
    std::vector<int> pids;
    pids.reserve(jobs_.size());
    for (const auto& [seq, shown] : jobs_)
        pids.push_back(shown.job.pid);
    usage_.sample(pids, now);
}

std::uint64_t running_jobs::done() const noexcept
{
    return ok_ + failed_ + passed_over_;
}

// From how fast it went so far; half of each running job counts as done.
std::optional<double> running_jobs::seconds_left(time_point now) const
{
    auto ran = ok_ + failed_;
    if (!total_ || ran == 0 || *total_ < done())
        return std::nullopt;
    auto worked =
        static_cast<double>(ran) + static_cast<double>(jobs_.size()) / 2;
    auto left = static_cast<double>(*total_ - done()) -
                static_cast<double>(jobs_.size()) / 2;
    return std::max(left, 0.0) * seconds(now - began_) / worked;
}

std::string running_jobs::status_line(time_point now, std::size_t columns,
                                      std::string_view fail_on,
                                      std::string_view fail_off,
                                      std::size_t& used) const
{
    // In the order of the line; each with how soon it goes for want of room.
    struct part {
        std::string text;
        int rank;
        bool marked = false;
    };
    std::vector<part> parts;
    parts.push_back({std::to_string(done()) +
                         (total_ ? "/" + std::to_string(*total_) : " done"),
                     0});
    parts.push_back({"ok " + std::to_string(ok_), 3});
    if (failed_ != 0)
        parts.push_back({"fail " + std::to_string(failed_), 1, true});
    parts.push_back({"run " + std::to_string(jobs_.size()), 2});
    auto clock = clock_text(seconds(now - began_));
    auto left = seconds_left(now);
    if (left && stopping_.empty())
        clock += " left " + clock_text(*left);
    parts.push_back({clock, 4});
    if (!jobs_.empty() && usage_.memory() != 0) {
        parts.push_back(
            {format("cpu %.1f/%u", usage_.cpus(), usable_cpus()), 6});
        parts.push_back({"mem " + short_size_text(usage_.memory()), 5});
    }
    if (!stopping_.empty())
        parts.push_back({plain_line(stopping_), 1});
    else if (waiting_ != wait_reason::none)
        parts.push_back({waiting_text(waiting_), 5});

    auto width = [&] {
        std::size_t sum = 1;
        for (const auto& one : parts)
            sum += columns_of(one.text) + 2;
        return sum - 2;
    };
    while (parts.size() > 1 && width() > columns) {
        auto least = std::max_element(
            parts.begin(), parts.end(),
            [](const auto& a, const auto& b) { return a.rank < b.rank; });
        parts.erase(least);
    }
    used = std::min(width(), columns);
    if (width() > columns)
        return clipped(" " + parts.front().text, columns);
    std::string line;
    for (const auto& one : parts) {
        line += line.empty() ? " " : "  ";
        line += one.marked
                    ? std::string(fail_on) + one.text + std::string(fail_off)
                    : one.text;
    }
    return line;
}

std::string running_jobs::job_line(const shown_job& shown, time_point now,
                                   std::size_t columns,
                                   std::size_t digits) const
{
    auto seq = "#" + std::to_string(shown.job.seq);
    auto memory = usage_.memory_of(shown.job.pid);
    auto head =
        format(" %-*s %7s %5s  ", static_cast<int>(digits + 1), seq.c_str(),
               age_text(seconds(now - shown.job.started)).c_str(),
               memory == 0 ? "" : short_size_text(memory).c_str());
    if (head.size() >= columns)
        return clipped(head, columns);
    auto room = columns - head.size();
    auto command = shown_command(shown.job);
    // Where there is room, what it said last stands beside the command.
    if (shown.last_line.empty() || room < 40)
        return head + clipped(command, room);
    // As wide as the widest command so far: a column that followed those that
    // run now would jump to and fro.
    auto wide = std::min((room - 3) / 2, widest_);
    return head + fitted(command, wide) + " | " +
           clipped(shown.last_line, room - 3 - wide);
}

std::vector<std::string> running_jobs::job_lines(time_point now,
                                                 std::size_t columns,
                                                 std::size_t most) const
{
    std::vector<const shown_job*> oldest;
    for (const auto& [seq, shown] : jobs_)
        oldest.push_back(&shown);
    std::stable_sort(oldest.begin(), oldest.end(),
                     [](const auto* a, const auto* b) {
                         return a->job.started < b->job.started;
                     });
    auto fit = std::min(most, oldest.size());
    if (fit < oldest.size() && fit > 0)
        --fit;
    std::size_t digits = 1;
    for (std::size_t at = 0; at < fit; ++at)
        digits = std::max(digits, std::to_string(oldest[at]->job.seq).size());
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < fit; ++at)
        lines.push_back(job_line(*oldest[at], now, columns, digits));
    if (fit < oldest.size() && most > 0)
        lines.push_back(clipped(
            " and " + std::to_string(oldest.size() - fit) + " more", columns));
    return lines;
}

std::string running_jobs::listing(time_point now) const
{
    std::string text = "brood: " + std::to_string(done()) +
                       (total_ ? " of " + std::to_string(*total_) : "") +
                       " done, " + std::to_string(jobs_.size()) + " running\n";
    for (const auto& [seq, shown] : jobs_) {
        text += "#" + std::to_string(seq) + " pid " +
                std::to_string(shown.job.pid) + "  " +
                age_text(seconds(now - shown.job.started));
        if (auto memory = usage_.memory_of(shown.job.pid); memory != 0)
            text += "  " + short_size_text(memory);
        if (shown.job.attempt > 1)
            text += "  attempt " + std::to_string(shown.job.attempt);
        text += "  " + shown_command(shown.job);
        if (!shown.last_line.empty())
            text += " | " + shown.last_line;
        text += '\n';
    }
    return text;
}

}  // namespace cli
