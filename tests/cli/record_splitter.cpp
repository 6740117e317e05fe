// From bytes to records and columns, whichever way the bytes are cut.

#include "cli/record_splitter.hpp"

#include <gtest/gtest.h>

namespace {

using cli::record_values;
using records = std::vector<record_values>;

// The bytes in pieces of `size`.
records split(const cli::input_options& asked, std::string_view bytes,
              std::size_t size)
{
    cli::record_splitter splitter(asked);
    records found;
    const auto take = [&] {
        while (auto record = splitter.next())
            found.push_back(std::move(*record));
    };
    for (std::size_t at = 0; at < bytes.size(); at += size) {
        splitter.bytes() += bytes.substr(at, size);
        take();
    }
    splitter.finish();
    take();
    return found;
}

void expect(const cli::input_options& asked, std::string_view bytes,
            const records& meant)
{
    for (const std::size_t size : {1, 2, 3, 5, 1000})
        EXPECT_EQ(split(asked, bytes, size), meant)
            << "'" << bytes << "' in pieces of " << size;
}

TEST(record_splitter, takes_lines_as_they_stand)
{
    const cli::input_options lines;
    expect(lines, "", {});
    expect(lines, "a\nb\n", {{"a"}, {"b"}});
    expect(lines, "a\nb", {{"a"}, {"b"}});
    expect(lines, "\n\na\n", {{""}, {""}, {"a"}});
    expect(lines, " it's \"a\" \\ \n", {{" it's \"a\" \\ "}});
    expect(lines, "a\r\n", {{"a\r"}});
}

TEST(record_splitter, takes_any_delimiter)
{
    cli::input_options asked;
    asked.delimiter = std::string(1, '\0');
    expect(asked, std::string_view("a\nb\0c\0", 6), {{"a\nb"}, {"c"}});
    asked.delimiter = "--";
    expect(asked, "a--b-c--d-", {{"a"}, {"b-c"}, {"d-"}});
    asked.delimiter = "aab";
    expect(asked, "xaaabyaab", {{"xa"}, {"y"}});
}

TEST(record_splitter, splits_columns_at_a_regular_expression)
{
    cli::input_options asked;
    asked.colsep = ",";
    expect(asked, "a,b\n,c,\n\n", {{"a", "b"}, {"", "c", ""}, {""}});
    asked.colsep = "\\s+";
    expect(asked, "a  b\tc\n", {{"a", "b", "c"}});
    asked.colsep = "[;,]";
    expect(asked, "a;b,c\n", {{"a", "b", "c"}});
    asked.colsep = "\\t";
    expect(asked, "a\tb\n", {{"a", "b"}});
    // What can match nothing separates nothing.
    asked.colsep = "x*";
    expect(asked, "ab\n", {{"ab"}});
}

TEST(record_splitter, reads_csv)
{
    cli::input_options asked;
    asked.csv = true;
    expect(asked, "a,b\r\nc,d\n", {{"a", "b"}, {"c", "d"}});
    expect(asked, "\"a,b\",\"say \"\"hi\"\"\"\n", {{"a,b", "say \"hi\""}});
    expect(asked, "\"two\nlines\",x\n", {{"two\nlines", "x"}});
    expect(asked, "a,,\n", {{"a", "", ""}});
    expect(asked, "a,\"b\"", {{"a", "b"}});
    expect(asked, "it's 5\" wide,x\n", {{"it's 5\" wide", "x"}});
    expect(asked, "\"\",\"\"\"\"\n", {{"", "\""}});
}

}  // namespace
