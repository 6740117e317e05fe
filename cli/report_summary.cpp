// --to summary: a page for a person: totals, the slowest jobs, the failures.

#include "cli/report_converter.hpp"

#include "cli/amounts.hpp"
#include "cli/command_text.hpp"
#include "cli/json_text.hpp"
#include "cli/plain_text.hpp"

#include <algorithm>
#include <array>
#include <iomanip>
#include <map>
#include <sstream>

namespace cli {

namespace {

constexpr std::size_t slowest_shown = 10;
constexpr std::size_t failures_shown = 20;
constexpr std::size_t tail_lines = 10;
constexpr std::size_t command_bytes = 200;

struct slow_job {
    double wall_s;
    double cpu_s;
    std::int64_t maxrss;
    std::uint64_t seq;
    std::string command;
};

struct failed_job {
    std::string command;
    std::string outcome;
    std::string err_tail;
    unsigned attempt;
};

// One line of a table, not the megabytes that a shell's script can have.
std::string short_command(const job_record& job)
{
    auto text =
        plain_line(job.name.empty() ? command_text(job)
                                    : job.name + ": " + command_text(job));
    if (text.size() > command_bytes) {
        std::size_t end = command_bytes;
        while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
            --end;
        text = text.substr(0, end) + " ...";
    }
    return text;
}

class summary_converter : public report_converter {
public:
    explicit summary_converter(converted_text& out) : out_(out) {}

    // Of runs that went on in one file, the last.
    void run(const run_record& run) override
    {
        ++runs_;
        command_ = plain_line(command_text(run.argv, false));
        machine_ = plain_line(run.host) + ", in " + plain_line(run.cwd);
    }

    void job(const job_record& job) override;

    void end(const end_record& end) override
    {
        wall_s_ += end.wall_s;
        ended_ = true;
        halted_ = plain_line(end.halted);
    }

    void finish(bool cut_off) override;

private:
    void keep_slow(const job_record& job);
    void count_once(const job_record& job);
    void totals(bool cut_off);
    void slowest();
    void failures();

    converted_text& out_;
    std::string command_;
    std::string machine_;
    std::string halted_;
    unsigned runs_ = 0;
    bool ended_ = false;
    double wall_s_ = 0;
    double first_start_ = 0;
    double last_end_ = 0;
    double user_s_ = 0;
    double sys_s_ = 0;
    std::int64_t maxrss_ = 0;
    std::uint64_t maxrss_seq_ = 0;
    std::uint64_t retried_ = 0;
    std::uint64_t leftovers_ = 0;
    std::map<job_status, std::uint64_t> counts_;
    std::vector<bool> was_ok_;
    // Not in order of time but as a heap: the least of them is on top.
    std::vector<slow_job> slow_;
    // By number: a resumed run takes back what an earlier one said. Of those
    // beyond what is shown, only that they failed.
    std::map<std::uint64_t, std::pair<job_status, failed_job>> failed_;
};

void summary_converter::keep_slow(const job_record& job)
{
    auto slower = [](const slow_job& a, const slow_job& b) {
        return a.wall_s > b.wall_s;
    };
    if (job.status == job_status::skipped || job.status == job_status::spawn)
        return;
    if (slow_.size() == slowest_shown) {
        if (job.wall_s <= slow_.front().wall_s)
            return;
        std::pop_heap(slow_.begin(), slow_.end(), slower);
        slow_.pop_back();
    }
    slow_.push_back({job.wall_s, job.user_s + job.sys_s, job.maxrss, job.seq,
                     short_command(job)});
    std::push_heap(slow_.begin(), slow_.end(), slower);
}

// A resumed run repeats a job that was ok when its command has changed. A bit
// for each is enough to see that.
void summary_converter::count_once(const job_record& job)
{
    constexpr std::uint64_t most = 1u << 28;
    if (job.seq >= most)
        return;
    auto at = static_cast<std::size_t>(job.seq);
    if (at >= was_ok_.size())
        was_ok_.resize(std::max(at + 1, was_ok_.size() * 2));
    if (was_ok_[at])
        --counts_[job_status::ok];
    was_ok_[at] = true;
}

void summary_converter::job(const job_record& job)
{
    user_s_ += job.user_s;
    sys_s_ += job.sys_s;
    leftovers_ += job.leftover.size();
    if (first_start_ == 0 || (job.start > 0 && job.start < first_start_))
        first_start_ = job.start;
    last_end_ = std::max(last_end_, job.start + job.wall_s);
    if (job.maxrss > maxrss_) {
        maxrss_ = job.maxrss;
        maxrss_seq_ = job.seq;
    }
    keep_slow(job);
    if (!job.final) {
        ++retried_;
        return;
    }
    if (job.status != job_status::ok && job.seq < was_ok_.size() &&
        was_ok_[static_cast<std::size_t>(job.seq)]) {
        was_ok_[static_cast<std::size_t>(job.seq)] = false;
        --counts_[job_status::ok];
    }
    if (auto earlier = failed_.find(job.seq); earlier != failed_.end()) {
        --counts_[earlier->second.first];
        failed_.erase(earlier);
    }
    ++counts_[job.status];
    if (job.status == job_status::ok) {
        count_once(job);
        return;
    }
    failed_job failed;
    bool worth_showing = job.status != job_status::skipped;
    if (worth_showing && failed_.size() < failures_shown * 4)
        failed = {short_command(job), outcome_text(job),
                  std::string(last_lines(plain_text(job.err_tail), tail_lines)),
                  job.attempt};
    failed_.emplace(job.seq, std::pair(job.status, std::move(failed)));
}

void summary_converter::totals(bool cut_off)
{
    constexpr std::pair<job_status, const char*> words[] = {
        {job_status::ok, "ok"},
        {job_status::exit, "failed"},
        {job_status::signal, "ended by a signal"},
        {job_status::timeout, "timed out"},
        {job_status::idle, "without output for too long"},
        {job_status::output, "with too much output"},
        {job_status::spawn, "not started"},
        {job_status::canceled, "canceled"},
        {job_status::skipped, "skipped"},
    };
    std::uint64_t all = 0;
    for (auto [status, count] : counts_)
        all += count;
    std::string text = "Jobs      " + std::to_string(all);
    const char* separator = ": ";
    for (auto [status, word] : words)
        if (counts_[status] != 0) {
            text += separator + std::to_string(counts_[status]) + " " + word;
            separator = ", ";
        }
    if (retried_ != 0)
        text += "; " + count_text(retried_, "attempt") + " repeated";
    // A run that was cut off never said how long it took.
    auto wall = ended_ && !cut_off ? wall_s_ : last_end_ - first_start_;
    text += "\nTime      " + duration_text(wall) + " elapsed, " +
            duration_text(user_s_) + " user, " + duration_text(sys_s_) +
            " system\n";
    if (maxrss_ > 0)
        text += "Memory    largest process " +
                size_text(static_cast<std::uint64_t>(maxrss_)) + " (job " +
                std::to_string(maxrss_seq_) + ")\n";
    if (leftovers_ != 0)
        text += "Leftover  " + std::to_string(leftovers_) +
                (leftovers_ == 1 ? " process" : " processes") +
                " that outlived a job\n";
    if (cut_off)
        text += "Cut off   the run was killed, or still goes on\n";
    if (runs_ != 0)
        out_ << "Command   " << command_ << "\nMachine   " << machine_ << "\n";
    if (runs_ > 1)
        out_ << "Runs      " << runs_
             << ", each going on where the one before ended\n";
    out_ << text;
    if (!halted_.empty())
        out_ << "Halted    " << halted_ << "\n";
}

std::string column(const std::string& text, int width)
{
    std::ostringstream out;
    out << std::setw(width) << text;
    return out.str();
}

void summary_converter::slowest()
{
    if (slow_.empty())
        return;
    std::sort(slow_.begin(), slow_.end(), [](const auto& a, const auto& b) {
        return a.wall_s != b.wall_s ? a.wall_s > b.wall_s : a.seq < b.seq;
    });
    out_ << "\nSlowest jobs\n"
         << "       job       elapsed           CPU    memory  command\n";
    for (const auto& one : slow_)
        out_ << column(std::to_string(one.seq), 10)
             << column(duration_text(one.wall_s), 14)
             << column(duration_text(one.cpu_s), 14)
             << column(size_text(static_cast<std::uint64_t>(
                           std::max<std::int64_t>(one.maxrss, 0))),
                       10)
             << "  " << one.command << "\n";
}

void summary_converter::failures()
{
    std::size_t shown = 0;
    std::size_t passed = 0;
    for (const auto& [seq, entry] : failed_) {
        const auto& [status, failed] = entry;
        if (status == job_status::skipped)
            continue;
        if (shown == failures_shown || failed.outcome.empty()) {
            ++passed;
            continue;
        }
        out_ << (shown++ == 0 ? "\nFailures\n" : "") << "  job " << seq << ": "
             << failed.outcome;
        if (failed.attempt > 1)
            out_ << " (attempt " << failed.attempt << ")";
        out_ << "\n      " << failed.command << "\n";
        std::istringstream lines(failed.err_tail);
        for (std::string line; std::getline(lines, line);)
            out_ << "      | " << line << "\n";
    }
    if (passed != 0)
        out_ << "  and " << passed << " more; --to csv has all of them\n";
}

void summary_converter::finish(bool cut_off)
{
    totals(cut_off);
    slowest();
    failures();
}

}  // namespace

std::unique_ptr<report_converter> make_summary_converter(converted_text& out)
{
    return std::make_unique<summary_converter>(out);
}

}  // namespace cli
