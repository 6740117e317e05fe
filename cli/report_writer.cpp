#include "cli/report_writer.hpp"

#include "cli/command_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace cli {

report_writer::report_writer(const std::string& path, output_file::mode how)
    : file_(path, "the report", how)
{
}

void report_writer::run_started(const run_record& run)
{
    cwd_ = run.cwd;
    write(run);
}

void report_writer::job_ended(const job_record& job)
{
    auto complete = job;
    // Who runs the jobs need not know where.
    if (complete.cwd.empty())
        complete.cwd = cwd_;
    write(std::move(complete));
}

void report_writer::write(const record& what)
{
    auto line = to_json_line(what);
    line += '\n';
    file_.write(line);
}

joblog_writer::joblog_writer(const std::string& path, output_file::mode how)
    : file_(path, "the job log", how)
{
    if (file_.empty())
        file_.write(std::string(joblog_header) + "\n");
}

void joblog_writer::job_ended(const job_record& job)
{
    if (auto line = to_joblog_line(job); !line.empty())
        file_.write(line);
}

std::string to_joblog_line(const job_record& job)
{
    // A line says "done" to whoever resumes.
    if (!job.final || job.status == job_status::canceled ||
        job.status == job_status::skipped)
        return {};
    int code = job.code.value_or(0);
    int signal = job.signal.value_or(0);
    // As GNU parallel has it: -1 for what it ended itself, 127 for what could
    // not be started.
    switch (job.status) {
    case job_status::timeout:
    case job_status::idle:
    case job_status::output: code = -1; break;
    case job_status::spawn: code = job.code.value_or(127); break;
    // For what it left behind (--leftover fail): 0 would say that all is well.
    case job_status::exit: code = code == 0 && signal == 0 ? 123 : code; break;
    default: break;
    }
    std::array<char, 160> start;
    std::snprintf(start.data(), start.size(), "\t:\t%.3f\t%10.3f\t0\t%llu",
                  job.start, job.wall_s,
                  static_cast<unsigned long long>(job.out_bytes.value_or(0)));
    auto command = command_text(job);
    // A newline in the command would be the end of the line; GNU parallel
    // writes a NUL.
    std::replace(command.begin(), command.end(), '\n', '\0');
    return std::to_string(job.seq) + start.data() + "\t" +
           std::to_string(code) + "\t" + std::to_string(signal) + "\t" +
           command + "\n";
}

}  // namespace cli
