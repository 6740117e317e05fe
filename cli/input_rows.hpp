// input_rows: the values of each job, from all the lists that there are.
//
// Several lists give every combination of their records, the last list varying
// fastest; a linked list (":::+") goes with the one before it. The first list
// is read as far as asked; the others are needed again and again, and are read
// whole.

#pragma once

#include "cli/byte_input.hpp"
#include "cli/options.hpp"
#include "cli/record_splitter.hpp"

#include <brood/asio.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cli {

// The records of one list.
class list_input {
public:
    // Opens the file, if it is one. Throws input_error.
    list_input(const input_list& list, const input_options& asked);

    brood::awaitable<std::optional<record_values>> next();

private:
    std::vector<std::string> words_;
    std::size_t next_word_ = 0;
    std::optional<byte_input> file_;
    record_splitter splitter_;
};

class input_rows {
public:
    // Opens all files. Throws input_error.
    explicit input_rows(const input_options& asked);

    // The values of the next job; none: there are no more. Throws input_error.
    brood::awaitable<std::optional<record_values>> next();

    // --header: the names of the columns; known after the first next().
    const std::vector<std::string>& names() const noexcept { return names_; }

    // How many rows there will be in all, once that is known.
    std::optional<std::uint64_t> total() const;

private:
    // A list, and those that are linked to it.
    struct group {
        std::vector<list_input> lists;
        std::vector<record_values> rows;  // of all groups but the first
        std::size_t at = 0;
    };

    brood::awaitable<void> begin();
    brood::awaitable<std::optional<record_values>> next_of(group& from);
    brood::awaitable<std::optional<record_values>> next_combination();
    bool advance();

    std::vector<group> groups_;
    std::vector<std::string> names_;
    std::optional<record_values> first_;  // the first group's present row
    unsigned max_args_;
    bool header_;
    bool pass_over_blank_;
    bool begun_ = false;
    bool ended_ = false;
    std::uint64_t given_ = 0;
    std::optional<std::uint64_t> counted_;  // where all are words
};

}  // namespace cli
