#include "cli/report_reader.hpp"

#include <stdexcept>

namespace cli {

namespace {

constexpr std::size_t named_problems = 3;

}  // namespace

report_reader::report_reader(const std::string& path)
    : lines_(path, "the report")
{
}

std::optional<record> report_reader::next()
{
    std::string_view line;
    while (lines_.next(line)) {
        if (line.find_first_not_of(" \t\r") == std::string_view::npos)
            continue;
        std::optional<record> found;
        try {
            found = parse_record(line);
        } catch (const std::invalid_argument& e) {
            if (lines_.unended())
                cut_ = true;
            else
                note(e.what());
            continue;
        }
        ++records_;
        if (!found)
            continue;
        // A resumed run makes good for one before it that was killed.
        ended_ = std::holds_alternative<end_record>(*found);
        return found;
    }
    return std::nullopt;
}

void report_reader::note(const std::string& why)
{
    ++unreadable_;
    if (problems_.size() < named_problems)
        problems_.push_back("line " + std::to_string(lines_.number()) +
                            " is passed over: " + why);
}

}  // namespace cli
