// run_summary: --summary, the totals of a run when it is over.

#pragma once

#include "cli/run_events.hpp"

#include <cstdint>
#include <string>

namespace cli {

// A line or two, each with its line feed.
std::string summary_text(const end_record& end, std::int64_t maxrss,
                         std::uint64_t maxrss_seq);

// Prints it on stderr.
class run_summary : public run_listener {
public:
    void use_output(const run_output& output) override { output_ = output; }
    void job_ended(const job_record& job) override;
    void run_ended(const end_record& end) override;

private:
    std::int64_t maxrss_ = 0;
    std::uint64_t maxrss_seq_ = 0;
    run_output output_;
};

}  // namespace cli
