#include "cli/record_splitter.hpp"

#include <utility>

namespace cli {

record_splitter::record_splitter(const input_options& asked)
    : delimiter_(asked.delimiter), csv_(asked.csv)
{
    const std::string& separator = asked.colsep;
    // A search for a text is many times faster than std::regex.
    if (separator.find_first_of("\\^$.|?*+()[]{}") == std::string::npos)
        plain_separator_ = separator;
    else if (separator == "\\t")
        plain_separator_ = "\t";
    else
        separator_.emplace(separator);
}

std::string& record_splitter::bytes()
{
    // Only here, and only what is worth it: the views that next() works with
    // stay good until then, and each byte is moved few times.
    if (begin_ > 0 && begin_ >= bytes_.size() / 2) {
        bytes_.erase(0, begin_);
        scanned_ = scanned_ > begin_ ? scanned_ - begin_ : 0;
        begin_ = 0;
    }
    return bytes_;
}

std::optional<record_values> record_splitter::next()
{
    if (csv_)
        return take_csv();
    const auto line = take_line();
    if (!line)
        return {};
    return columns_of(*line);
}

std::optional<std::string_view> record_splitter::take_line()
{
    const std::string_view all = bytes_;
    const std::size_t end = all.find(delimiter_, scanned_);
    if (end != std::string_view::npos) {
        const auto line = all.substr(begin_, end - begin_);
        begin_ = scanned_ = end + delimiter_.size();
        return line;
    }
    if (finished_ && begin_ < all.size()) {
        const auto line = all.substr(begin_);
        begin_ = scanned_ = all.size();
        return line;
    }
    // The start of a delimiter may be there already.
    const std::size_t part = delimiter_.size() - 1;
    if (all.size() > scanned_ + part)
        scanned_ = all.size() - part;
    return {};
}

record_values record_splitter::columns_of(std::string_view value) const
{
    record_values columns;
    if (!plain_separator_.empty()) {
        std::size_t at = 0;
        while (true) {
            const std::size_t end = value.find(plain_separator_, at);
            columns.emplace_back(value.substr(at, end - at));
            if (end == std::string_view::npos)
                return columns;
            at = end + plain_separator_.size();
        }
    }
    if (!separator_) {
        columns.emplace_back(value);
        return columns;
    }
    const char* at = value.data();
    const char* const end = value.data() + value.size();
    std::cmatch match;
    while (at != end && std::regex_search(at, end, match, *separator_)) {
        // What matches nothing would separate everything, for ever.
        if (match.length() == 0)
            break;
        columns.emplace_back(at, match[0].first);
        at = match[0].second;
    }
    columns.emplace_back(at, end);
    return columns;
}

// RFC 4180: commas, quotes around what holds commas, quotes or line ends, and
// a quote in quotes is doubled. LF alone ends a record, too.
std::optional<record_values> record_splitter::take_csv()
{
    if (begin_ == bytes_.size())
        return {};
    record_values fields(1);
    bool quoted = false;
    for (std::size_t i = begin_; i < bytes_.size(); ++i) {
        const char c = bytes_[i];
        if (quoted) {
            if (c != '"') {
                fields.back() += c;
            } else if (i + 1 < bytes_.size() && bytes_[i + 1] == '"') {
                fields.back() += c;
                ++i;
            } else if (i + 1 == bytes_.size() && !finished_) {
                return {};  // it may be the first of two
            } else {
                quoted = false;
            }
        } else if (c == '"' && fields.back().empty()) {
            quoted = true;
        } else if (c == ',') {
            fields.emplace_back();
        } else if (c == '\n') {
            if (fields.back().ends_with('\r'))
                fields.back().pop_back();
            begin_ = i + 1;
            return fields;
        } else {
            fields.back() += c;
        }
    }
    if (!finished_)
        return {};
    begin_ = bytes_.size();
    return fields;
}

}  // namespace cli
