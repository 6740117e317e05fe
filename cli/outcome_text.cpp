// How a job ended, in words that every format shares.

#include "cli/report_converter.hpp"

#include "cli/amounts.hpp"
#include "cli/plain_text.hpp"

#include <csignal>
#include <cstring>

namespace cli {

namespace {

std::string signal_text(int number)
{
    auto text = "signal " + std::to_string(number);
    // glibc 2.32 and later; null for a number that has no name.
    if (auto name = ::sigabbrev_np(number))
        text += " (" + std::string(name) + ")";
    return text;
}

// What was done about it, if anything.
std::string stopped_by(const job_record& job)
{
    if (job.kill_path.empty())
        return {};
    std::string text = ", stopped with ";
    for (const auto& sent : job.kill_path) {
        if (&sent != &job.kill_path.front())
            text += ", ";
        text += sent.name;
    }
    return text;
}

}  // namespace

std::string outcome_text(const job_record& job)
{
    switch (job.status) {
    case job_status::ok: return "ok";
    case job_status::exit:
        return job.code && *job.code != 0
                   ? "exit code " + std::to_string(*job.code)
                   : "failed" + (job.error.empty() ? "" : ": " + job.error);
    case job_status::signal:
        return (job.signal ? "ended by " + signal_text(*job.signal)
                           : std::string("ended by a signal")) +
               (job.core ? ", core dumped" : "");
    case job_status::timeout:
        return "timed out after " + duration_text(job.wall_s) + stopped_by(job);
    case job_status::idle: return "no output for too long" + stopped_by(job);
    case job_status::output: return "too much output" + stopped_by(job);
    case job_status::canceled: return "canceled" + stopped_by(job);
    case job_status::spawn:
        // The name of what was not found is others' words.
        return "not started" +
               (job.error.empty() ? "" : ": " + plain_line(job.error));
    case job_status::skipped: return "skipped";
    }
    return "?";
}

}  // namespace cli
