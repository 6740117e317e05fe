// record_splitter: from bytes to records, and from a record to its columns.
//
// Pure. A record is what one line of the input gives: one value, or with
// columns (--colsep, --csv) several. Values are taken as they stand; only CSV
// has quotes.

#pragma once

#include "cli/options.hpp"

#include <cstddef>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

using record_values = std::vector<std::string>;

class record_splitter {
public:
    explicit record_splitter(const input_options& asked);

    // Where the bytes that come next are appended.
    std::string& bytes();
    // No more bytes will come; what is there is the last record.
    void finish() noexcept { finished_ = true; }

    // None: it takes more bytes, or all was given out.
    std::optional<record_values> next();

    // The columns of one value; the value itself without --colsep.
    record_values columns_of(std::string_view value) const;

private:
    std::optional<std::string_view> take_line();
    std::optional<record_values> take_csv();

    std::string delimiter_;
    std::string plain_separator_;  // of columns, if no regex is needed
    std::optional<std::regex> separator_;
    bool csv_ = false;

    std::string bytes_;
    std::size_t begin_ = 0;    // of what was not given out
    std::size_t scanned_ = 0;  // no delimiter begins before
    bool finished_ = false;
};

}  // namespace cli
