// report_reader: the records of a report, as far as they can be read.
//
// A line that is damaged costs itself alone. The last line of a run that was
// killed may be cut; that is no error, and said apart.

#pragma once

#include "cli/job_record.hpp"
#include "cli/line_reader.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cli {

class report_reader {
public:
    // "-": stdin. Throws program_error, as does next().
    explicit report_reader(const std::string& path);

    // None: no more.
    std::optional<record> next();

    // What was passed over, a sentence each; the rest is only counted.
    const std::vector<std::string>& problems() const { return problems_; }
    std::uint64_t unreadable() const noexcept { return unreadable_; }
    // The last line was cut while it was written.
    bool cut() const noexcept { return cut_; }
    std::uint64_t records() const noexcept { return records_; }
    // The (last) run has its end record.
    bool ended() const noexcept { return ended_; }
    int descriptor() const noexcept { return lines_.descriptor(); }

private:
    void note(const std::string& why);

    line_reader lines_;
    std::vector<std::string> problems_;
    std::uint64_t unreadable_ = 0;
    std::uint64_t records_ = 0;
    bool cut_ = false;
    bool ended_ = false;
};

}  // namespace cli
