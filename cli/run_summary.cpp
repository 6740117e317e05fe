#include "cli/run_summary.hpp"

#include "cli/amounts.hpp"

#include <cstdio>

namespace cli {

std::string summary_text(const end_record& end, std::int64_t maxrss,
                         std::uint64_t maxrss_seq)
{
    auto all = end.ok + end.failed + end.timed_out + end.canceled + end.skipped;
    std::string text = "brood: " + count_text(all, "job") + ": " +
                       std::to_string(end.ok) + " ok";
    auto add = [&](std::uint64_t count, const char* what) {
        if (count != 0)
            text += ", " + std::to_string(count) + " " + what;
    };
    add(end.failed, "failed");
    add(end.timed_out, "timed out");
    add(end.canceled, "canceled");
    add(end.skipped, "skipped");
    if (end.retried != 0)
        text += "; " + count_text(end.retried, "attempt") + " repeated";
    text += "\nbrood: " + duration_text(end.wall_s) + " elapsed, " +
            duration_text(end.user_s) + " user, " + duration_text(end.sys_s) +
            " system";
    if (maxrss > 0)
        text += "; largest process " +
                size_text(static_cast<std::uint64_t>(maxrss)) + " (job " +
                std::to_string(maxrss_seq) + ")";
    text += '\n';
    if (!end.halted.empty())
        text += "brood: ended early: " + end.halted + "\n";
    return text;
}

void run_summary::job_ended(const job_record& job)
{
    if (job.maxrss > maxrss_) {
        maxrss_ = job.maxrss;
        maxrss_seq_ = job.seq;
    }
}

void run_summary::run_ended(const end_record& end)
{
    auto text = summary_text(end, maxrss_, maxrss_seq_);
    if (output_)
        output_(1, text);
    else
        std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace cli
