#include "cli/plain_text.hpp"
#include "cli/process_usage.hpp"
#include "cli/running_jobs.hpp"
#include "cli/terminal_text.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::string_literals;

namespace cli {
namespace {

TEST(plain_text, has_nothing_that_a_terminal_acts_on)
{
    struct {
        std::string bytes;
        const char* plain;
    } table[] = {
        {"", ""},
        {"a\tb\n\n", "a\tb\n\n"},
        {"\x1b[1;31mred\x1b[0m", "red"},
        {"\x1b]0;title\x07text", "text"},
        {"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"},
        {"a\x1b(Bb\x1b"s + "7c\x1b=d", "abcd"},
        {"never ends\x1b]0;x\nnext", "never ends\nnext"},
        {"cut \x1b[3", "cut "},
        {"cut \x1b", "cut "},
        {"\x1b\xc3\xa9 \x1b[1\xc3\xa9", "\xc3\xa9 \xc3\xa9"},
        {"10%\r20%\r100%\nend", "100%\nend"},
        {"dos\r\nlines\r\n", "dos\nlines\n"},
        {"b\bbo\bol\bld\bd", "bold"},
        {"\xc3\xa9\b\b\b.", "."},
        {"\0\x01\x7f\a\v\f."s, "."},
        {"\xc2\x9b"
         "31m\xc2\xa0",
         "31m\xc2\xa0"},
        {"\xff", "\xef\xbf\xbd"},
    };
    for (const auto& [bytes, plain] : table)
        EXPECT_EQ(plain_text(bytes), plain) << plain;
    EXPECT_EQ(plain_line("a\n\tb\rc\x1b[1md"), "a  b cd");
}

TEST(plain_text, ends_with_its_last_lines)
{
    struct {
        const char* text;
        std::size_t most;
        const char* last;
    } table[] = {
        {"", 2, ""},           {"a", 2, "a"},         {"a\nb\nc\n", 2, "b\nc"},
        {"a\nb\n", 2, "a\nb"}, {"\n\na\n\n", 1, "a"}, {"a\n\nb", 2, "\nb"},
        {"a\nb", 0, ""},
    };
    for (auto [text, most, last] : table)
        EXPECT_EQ(last_lines(text, most), last) << text;
}

TEST(terminal_text, is_cut_to_the_columns_there_are)
{
    struct {
        const char* text;
        std::size_t columns;
        const char* cut;
    } table[] = {
        {"abc", 3, "abc"},
        {"abcd", 3, "ab>"},
        {"abcd", 1, ">"},
        {"abcd", 0, ""},
        {"", 3, ""},
        {"\u6f22\u5b57", 4, "\u6f22\u5b57"},
        {"\u6f22\u5b57", 3, "\u6f22>"},
        {"\u6f22\u5b57", 2, ">"},
        {"e\u0301e\u0301", 2, "e\u0301e\u0301"},
        {"e\u0301e\u0301x", 2, "e\u0301>"},
    };
    for (auto [text, columns, cut] : table) {
        EXPECT_EQ(clipped(text, columns), cut);
        EXPECT_EQ(columns_of(fitted(text, columns)), columns);
    }
    EXPECT_EQ(columns_of("a\u6f22e\u0301\U0001f600"), 6u);
    EXPECT_EQ(as_ascii("a\u6f22\u00e9e\u0301"), "a???e");
}

TEST(running_jobs, ages_take_few_columns)
{
    EXPECT_EQ(age_text(-1), "0.0s");
    EXPECT_EQ(age_text(42.13), "42.1s");
    EXPECT_EQ(age_text(127), "2m07s");
    EXPECT_EQ(age_text(3900), "65m00s");
    EXPECT_EQ(age_text(7501), "2h05m");
}

TEST(running_jobs, parts_go_in_turn_where_the_line_is_short)
{
    running_jobs jobs;
    run_record run;
    run.total = 200;
    jobs.begin(run, {});
    job_record failed;
    failed.status = job_status::exit;
    jobs.ended(failed);
    running_jobs::time_point now{std::chrono::seconds(4)};
    struct {
        std::size_t columns;
        const char* line;
    } table[] = {
        {80, " 1/200  ok 0  <fail 1>  run 0  00:04 left 13:16"},
        {44, " 1/200  ok 0  <fail 1>  run 0"},
        {27, " 1/200  ok 0  <fail 1>  run 0"},
        {26, " 1/200  <fail 1>  run 0"},
        {20, " 1/200  <fail 1>"},
        {10, " 1/200"},
        {4, " 1/>"},
    };
    for (auto [columns, line] : table) {
        std::size_t used = 0;
        EXPECT_EQ(jobs.status_line(now, columns, "<", ">", used), line);
        std::string plain = line;
        std::erase(plain, '<');
        if (plain.find("1>") != std::string::npos)
            std::erase(plain, '>');
        EXPECT_EQ(used, columns == 4 ? 4 : plain.size()) << columns;
        EXPECT_LE(used, columns);
    }
}

TEST(process_usage, counts_the_children_of_a_job)
{
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        // A parent that is small and a child that is not, and that ends with
        // its parent.
        auto parent = ::getpid();
        if (::fork() == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent)
                ::_exit(1);
            std::string large(64 << 20, 'x');
            if (::write(ready[1], &large[5], 1) == 1)
                ::pause();
        }
        ::pause();
        ::_exit(0);
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    process_usage usage;
    process_usage::clock::time_point now{std::chrono::hours(1)};
    usage.sample({child}, now);
    EXPECT_GE(usage.memory_of(child), 64u << 20);
    EXPECT_EQ(usage.memory(), usage.memory_of(child));
    EXPECT_EQ(usage.memory_of(child + 1), 0u);
    // Not again so soon, even if there is less now.
    usage.sample({}, now + std::chrono::milliseconds(500));
    EXPECT_GE(usage.memory_of(child), 64u << 20);
    usage.sample({}, now + std::chrono::hours(1));
    EXPECT_EQ(usage.memory(), 0u);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[1]);
    // The end of the last process that holds the other side.
    EXPECT_EQ(::read(ready[0], &byte, 1), 0);
    ::close(ready[0]);
}

}  // namespace
}  // namespace cli
