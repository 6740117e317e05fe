#include "cli/input_rows.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace cli {

namespace {

void append(record_values& row, record_values&& more)
{
    row.insert(row.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

bool is_blank(const std::string& value)
{
    return value.find_first_not_of(" \t\r\n") == std::string::npos;
}

// How many combinations there are, if all lists are words.
std::optional<std::uint64_t> count(const input_options& asked,
                                   const std::vector<input_list>& lists)
{
    const std::size_t headers = asked.header ? 1 : 0;
    std::uint64_t product = 1;
    std::uint64_t of_group = 0;
    bool first = true;
    for (const input_list& list : lists) {
        if (list.from != input_list::kind::words)
            return {};
        const std::uint64_t size =
            list.words.size() > headers ? list.words.size() - headers : 0;
        if (list.linked) {
            of_group = std::min(of_group, size);
            continue;
        }
        if (!first)
            product *= of_group;
        of_group = size;
        first = false;
    }
    product *= of_group;
    return (product + asked.max_args - 1) / asked.max_args;
}

}  // namespace

list_input::list_input(const input_list& list, const input_options& asked)
    : splitter_(asked)
{
    if (list.from == input_list::kind::words)
        words_ = list.words;
    else
        file_.emplace(list.words.at(0));
}

brood::awaitable<std::optional<record_values>> list_input::next()
{
    if (!file_) {
        std::optional<record_values> record;
        if (next_word_ < words_.size())
            record = splitter_.columns_of(words_[next_word_++]);
        co_return record;
    }
    while (true) {
        std::optional<record_values> record = splitter_.next();
        if (record)
            co_return record;
        const bool more = co_await file_->read_into(splitter_.bytes());
        if (more)
            continue;
        splitter_.finish();
        record = splitter_.next();
        co_return record;
    }
}

input_rows::input_rows(const input_options& asked)
    : max_args_(asked.max_args), header_(asked.header),
      pass_over_blank_(asked.no_run_if_empty)
{
    std::vector<input_list> lists = asked.lists;
    if (lists.empty())
        lists.push_back({input_list::kind::file, {"-"}, false});
    for (const input_list& list : lists) {
        if (!list.linked || groups_.empty())
            groups_.emplace_back();
        groups_.back().lists.emplace_back(list, asked);
    }
    if (!pass_over_blank_)
        counted_ = count(asked, lists);
}

brood::awaitable<std::optional<record_values>> input_rows::next_of(group& from)
{
    record_values row;
    for (list_input& list : from.lists) {
        std::optional<record_values> part = co_await list.next();
        if (!part)
            co_return std::nullopt;
        append(row, std::move(*part));
    }
    co_return row;
}

// Reads the headers, and all groups but the first.
brood::awaitable<void> input_rows::begin()
{
    if (header_) {
        for (group& one : groups_) {
            std::optional<record_values> names = co_await next_of(one);
            if (names)
                append(names_, std::move(*names));
        }
    }
    for (std::size_t i = 1; i < groups_.size(); ++i) {
        while (true) {
            std::optional<record_values> row = co_await next_of(groups_[i]);
            if (!row)
                break;
            groups_[i].rows.push_back(std::move(*row));
        }
        ended_ = ended_ || groups_[i].rows.empty();
    }
    begun_ = true;
}

// Goes to the next combination of all groups but the first; false: they begin
// anew, and it is the first one's turn.
bool input_rows::advance()
{
    for (std::size_t i = groups_.size(); i-- > 1;) {
        if (++groups_[i].at < groups_[i].rows.size())
            return true;
        groups_[i].at = 0;
    }
    return false;
}

brood::awaitable<std::optional<record_values>> input_rows::next_combination()
{
    if (!first_ || !advance())
        first_ = co_await next_of(groups_.front());
    if (!first_)
        co_return std::nullopt;
    record_values row = *first_;
    for (std::size_t i = 1; i < groups_.size(); ++i) {
        const record_values& part = groups_[i].rows[groups_[i].at];
        row.insert(row.end(), part.begin(), part.end());
    }
    co_return row;
}

brood::awaitable<std::optional<record_values>> input_rows::next()
{
    if (!begun_)
        co_await begin();
    while (!ended_) {
        record_values row;
        for (unsigned i = 0; i < max_args_ && !ended_; ++i) {
            std::optional<record_values> part = co_await next_combination();
            if (part)
                append(row, std::move(*part));
            else
                ended_ = true;
        }
        if (row.empty())
            break;
        if (pass_over_blank_ && std::all_of(row.begin(), row.end(), is_blank))
            continue;
        ++given_;
        co_return row;
    }
    co_return std::nullopt;
}

std::optional<std::uint64_t> input_rows::total() const
{
    return ended_ ? given_ : counted_;
}

}  // namespace cli
