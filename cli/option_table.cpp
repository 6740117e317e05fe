#include "cli/option_table.hpp"

#include "cli/option_values.hpp"
#include "cli/quantities.hpp"

#include <algorithm>
#include <numeric>

namespace cli {

const std::vector<option_row>& option_table()
{
    static const std::vector<option_row> table = [] {
        std::vector<option_row> rows;
        add_course_rows(rows);
        add_output_rows(rows);
        return rows;
    }();
    return table;
}

unsigned bit_of(options::form form) noexcept
{
    switch (form) {
    case options::form::each: return in_form::each;
    case options::form::all: return in_form::all;
    case options::form::one: return in_form::one;
    case options::form::xargs:
    case options::form::report: break;
    }
    return 0;
}

std::string_view to_string(options::form form) noexcept
{
    switch (form) {
    case options::form::each: return "each";
    case options::form::all: return "all";
    case options::form::one: return "one";
    case options::form::xargs: return "xargs";
    case options::form::report: return "report";
    }
    return {};
}

std::vector<std::string_view> names_of(const option_text& option)
{
    return split_at(option.names, ',');
}

namespace {

// How many letters to change, add, drop or swap with their neighbour.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> before_last(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::iota(last.begin(), last.end(), 0u);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::vector<std::size_t> row(b.size() + 1);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] =
                std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + differs});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        before_last = std::move(last);
        last = std::move(row);
    }
    return last.back();
}

}  // namespace

std::optional<std::string_view>
nearest(std::string_view word, const std::vector<std::string_view>& names)
{
    std::optional<std::string_view> best;
    // Of a longer word more letters may be wrong; of two, none.
    std::size_t least = word.size() / 3 + 1;
    for (const std::string_view name : names) {
        // "--keep" for "--keep-order".
        const bool begins = word.size() > 3 && name.starts_with(word);
        const std::size_t away = begins ? 0 : distance(word, name);
        if (away < least) {
            least = away;
            best = name;
        }
    }
    return best;
}

}  // namespace cli
