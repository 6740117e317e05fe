// report_writer: the listeners that write a run down: --report and --joblog.
//
// A line is given to the system when its job has ended, by one write: whatever
// happens to this process later, the line is there. What cannot be written
// throws program_error, which ends the run.

#pragma once

#include "cli/output_file.hpp"
#include "cli/run_events.hpp"

#include <string>

namespace cli {

// --report: NDJSON, see docs/report-format.md.
class report_writer : public run_listener {
public:
    report_writer(const std::string& path, output_file::mode how);

    void use_output(const run_output& output) override { file_.use(output); }
    void run_started(const run_record& run) override;
    void job_ended(const job_record& job) override;
    void run_ended(const end_record& end) override { write(end); }

private:
    void write(const record& what);

    output_file file_;
    std::string cwd_;
};

// --joblog: the columns of GNU parallel's, which its --resume reads, too.
class joblog_writer : public run_listener {
public:
    joblog_writer(const std::string& path, output_file::mode how);

    void use_output(const run_output& output) override { file_.use(output); }
    void job_ended(const job_record& job) override;

private:
    output_file file_;
};

constexpr std::string_view joblog_header =
    "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand";

// One line with its line feed; empty for a job that is not over: it will run
// again, or never ran to its end.
std::string to_joblog_line(const job_record& job);

}  // namespace cli
