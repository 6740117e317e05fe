// report_converter: one format that a report can be turned into.
//
// Records come one at a time and are not kept, but for what the format cannot
// do without; a report may have millions of them.

#pragma once

#include "cli/job_record.hpp"
#include "cli/output_file.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace cli {

// What is written, collected into pieces worth a system call.
class converted_text {
public:
    explicit converted_text(output_file& to) : to_(to) {}

    converted_text& operator<<(std::string_view text)
    {
        held_ += text;
        if (held_.size() >= 1u << 16)
            flush();
        return *this;
    }
    template <class Integer>
        requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, char>)
    converted_text& operator<<(Integer value)
    {
        return *this << std::string_view(std::to_string(value));
    }

    void flush()
    {
        to_.write(held_);
        held_.clear();
    }

private:
    output_file& to_;
    std::string held_;
};

class report_converter {
public:
    report_converter() = default;
    report_converter(const report_converter&) = delete;
    report_converter& operator=(const report_converter&) = delete;
    virtual ~report_converter() = default;

    // More than one where a run was resumed into the same file.
    virtual void run(const run_record&) {}
    virtual void job(const job_record& one) = 0;
    virtual void end(const end_record&) {}
    // `cut_off`: no end record came; the run was killed, or still goes on.
    virtual void finish(bool cut_off) = 0;
};

std::unique_ptr<report_converter> make_csv_converter(converted_text& out);
std::unique_ptr<report_converter> make_tsv_converter(converted_text& out);
std::unique_ptr<report_converter> make_html_converter(converted_text& out);
std::unique_ptr<report_converter> make_junit_converter(converted_text& out);
std::unique_ptr<report_converter> make_summary_converter(converted_text& out);
std::unique_ptr<report_converter> make_trace_converter(converted_text& out);

// "exit code 3", "signal 9 (KILL)", "timed out": how it ended, for people.
std::string outcome_text(const job_record& job);

}  // namespace cli
