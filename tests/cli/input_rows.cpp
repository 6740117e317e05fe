// How many jobs there will be, and that no more is read than is asked for.

#include "cli/input_rows.hpp"

#include <brood/run.hpp>

#include <gtest/gtest.h>

#include <cstdlib>

#include <unistd.h>

namespace {

using cli::input_list;
using kind = input_list::kind;
using words = std::vector<std::string>;

input_list list(const words& values, bool linked = false)
{
    return {kind::words, values, linked};
}

brood::awaitable<std::vector<words>> read_all(cli::input_rows& rows)
{
    std::vector<words> all;
    while (true) {
        std::optional<words> row = co_await rows.next();
        if (!row)
            break;
        all.push_back(std::move(*row));
    }
    co_return all;
}

struct known {
    std::vector<input_list> lists;
    unsigned max_args;
    bool header;
    std::uint64_t total;
};

TEST(input_rows, know_how_many_they_are_when_all_are_words)
{
    const known table[] = {
        {{list({"a", "b", "c"})}, 1, false, 3},
        {{list({"a", "b", "c"})}, 2, false, 2},
        {{list({"a", "b"}), list({"1", "2", "3"})}, 1, false, 6},
        {{list({"a", "b"}), list({"1", "2", "3"}, true)}, 1, false, 2},
        {{list({"a", "b"}), list({"1"}, true), list({"x", "y"})}, 1, false, 2},
        {{list({"a", "b"}), list({})}, 1, false, 0},
        {{list({"n", "1", "2"}), list({"m", "x"})}, 1, true, 2},
        {{list({})}, 1, true, 0},
    };
    for (const known& one : table) {
        cli::input_options asked;
        asked.lists = one.lists;
        asked.max_args = one.max_args;
        asked.header = one.header;
        cli::input_rows rows(asked);
        EXPECT_EQ(rows.total(), one.total);
        const auto all = brood::run(read_all(rows));
        EXPECT_EQ(all.size(), one.total);
        EXPECT_EQ(rows.total(), one.total);
    }
}

TEST(input_rows, of_a_file_are_counted_at_its_end)
{
    char path[] = "/tmp/brood-test-XXXXXX";
    const int fd = mkstemp(path);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(write(fd, "a\n\nb\n", 5), 5);
    close(fd);
    cli::input_options asked;
    asked.lists = {{kind::file, {path}, false}};
    cli::input_rows rows(asked);
    // It is open already.
    unlink(path);
    EXPECT_EQ(rows.total(), std::nullopt);
    const std::vector<words> meant = {{"a"}, {""}, {"b"}};
    EXPECT_EQ(brood::run(read_all(rows)), meant);
    EXPECT_EQ(rows.total(), 3u);
}

TEST(input_rows, pass_over_blank_values_on_request)
{
    cli::input_options asked;
    asked.lists = {list({"a", " ", "", "b\t"})};
    asked.no_run_if_empty = true;
    cli::input_rows rows(asked);
    // Which of them are blank is not known before they are read.
    EXPECT_EQ(rows.total(), std::nullopt);
    const std::vector<words> meant = {{"a"}, {"b\t"}};
    EXPECT_EQ(brood::run(read_all(rows)), meant);
    EXPECT_EQ(rows.total(), 2u);
}

TEST(input_rows, tell_of_a_file_that_is_not_there_at_once)
{
    cli::input_options asked;
    asked.lists = {list({"a"}), {kind::file, {"/nonexistent/x"}, false}};
    try {
        cli::input_rows rows(asked);
        ADD_FAILURE() << "not refused";
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "cannot read '/nonexistent/x': No such "
                                   "file or directory");
    }
}

}  // namespace
