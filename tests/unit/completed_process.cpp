// completed_process.cpp: what came of a run, as a value and in words.

#include <brood/completed_process.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

namespace {

using brood::called_process_error;
using brood::completed_process;
using brood::exec;
using brood::exit_status;
using brood::stop_reason;
using brood::to_string;

completed_process ended(exit_status how)
{
    completed_process made(exec("make", "two words"));
    made.status = how;
    made.returncode = how.returncode();
    return made;
}

std::string what_of(completed_process made)
{
    return called_process_error(std::move(made)).what();
}

// What stands after the first line.
std::string lines_shown(std::string err)
{
    auto made = ended(exit_status::exited(1));
    made.err = std::move(err);
    const auto text = what_of(std::move(made));
    const auto newline = text.find('\n');
    return newline == text.npos ? std::string() : text.substr(newline + 1);
}

std::string numbered(int from, int to)
{
    std::string text;
    for (; from <= to; ++from)
        text += "line " + std::to_string(from) + "\n";
    return text;
}

TEST(completed_process, is_ok_only_when_it_ended_by_itself_with_0)
{
    EXPECT_TRUE(ended(exit_status::exited(0)).ok());
    EXPECT_FALSE(ended(exit_status::exited(1)).ok());
    EXPECT_FALSE(ended(exit_status::signaled(15, false)).ok());
    EXPECT_FALSE(ended(exit_status()).ok());
    for (const auto why : {stop_reason::timeout, stop_reason::idle_timeout,
                           stop_reason::output_limit, stop_reason::cancelled}) {
        auto stopped = ended(exit_status::exited(0));
        stopped.stopped = why;
        EXPECT_FALSE(stopped.ok());
    }
}

TEST(completed_process, says_in_words_how_it_ended)
{
    const auto text = [](stop_reason why, exit_status how) {
        auto made = ended(how);
        made.stopped = why;
        return to_string(made);
    };
    const auto killed = exit_status::signaled(9, false);
    EXPECT_EQ(text(stop_reason::none, exit_status::exited(3)),
              to_string(exit_status::exited(3)));
    EXPECT_EQ(text(stop_reason::timeout, killed),
              "timed out, killed by SIGKILL (9)");
    EXPECT_EQ(text(stop_reason::idle_timeout, killed),
              "no output for too long, killed by SIGKILL (9)");
    EXPECT_EQ(text(stop_reason::output_limit, killed),
              "too much output, killed by SIGKILL (9)");
    EXPECT_EQ(text(stop_reason::cancelled, killed),
              "cancelled, killed by SIGKILL (9)");
}

TEST(completed_process, check_gives_itself_or_throws)
{
    const auto good = ended(exit_status::exited(0));
    EXPECT_EQ(&good.check(), &good);
    static_assert(
        std::is_same_v<decltype(ended(exit_status::exited(0)).check()),
                       completed_process>);
    EXPECT_EQ(ended(exit_status::exited(0)).check().returncode, 0);
    auto bad = ended(exit_status::exited(3));
    bad.out = "so far";
    EXPECT_THROW(static_cast<void>(bad.check()), called_process_error);
    try {
        static_cast<void>(std::move(bad).check());
        FAIL() << "nothing was thrown";
    } catch (const called_process_error& error) {
        EXPECT_EQ(error.returncode(), 3);
        EXPECT_EQ(error.process().out, "so far");
        EXPECT_EQ(to_string(error.process().args), "make 'two words'");
    }
}

TEST(completed_process, an_error_can_be_copied_without_throwing)
{
    static_assert(std::is_nothrow_copy_constructible_v<called_process_error>);
    const called_process_error error(ended(exit_status::exited(3)));
    const auto copy = error;
    EXPECT_EQ(&copy.process(), &error.process());
    EXPECT_STREQ(copy.what(), error.what());
}

TEST(completed_process, an_error_quotes_the_command_and_says_how_it_ended)
{
    auto made = ended(exit_status::signaled(9, false));
    made.stopped = stop_reason::timeout;
    EXPECT_EQ(what_of(made),
              "make 'two words': timed out, killed by SIGKILL (9)");
    made.out_left_out = 17;
    EXPECT_EQ(what_of(made),
              "make 'two words': timed out, killed by SIGKILL (9); 17 bytes "
              "of its output were left out");
    // What it wrote to its standard output is not an explanation.
    made.out = "all of it";
    EXPECT_EQ(what_of(made).find("all of it"), std::string::npos);
}

TEST(completed_process, an_error_shows_the_last_lines_of_stderr)
{
    EXPECT_EQ(lines_shown(""), "");
    EXPECT_EQ(lines_shown("\n\n"), "");
    EXPECT_EQ(lines_shown("why"), "why");
    EXPECT_EQ(lines_shown("why\n\n"), "why");
    EXPECT_EQ(lines_shown("one\n\ntwo\n"), "one\n\ntwo");
    EXPECT_EQ(lines_shown(numbered(1, 10)) + "\n", numbered(1, 10));
    EXPECT_EQ(lines_shown(numbered(1, 11)) + "\n", numbered(2, 11));
    EXPECT_EQ(lines_shown(numbered(1, 500)) + "\n", numbered(491, 500));
}

// Each of them is at most ten lines, wherever the empty ones are.
TEST(completed_process, an_error_shows_ten_lines_at_most)
{
    for (int before = 0; before != 12; ++before) {
        const auto shown =
            lines_shown(std::string(static_cast<std::size_t>(before), '\n') +
                        numbered(1, 10));
        EXPECT_EQ(shown + "\n", numbered(1, 10)) << before;
    }
}

TEST(completed_process, an_error_shows_2000_bytes_at_most)
{
    EXPECT_EQ(lines_shown(std::string(2000, 'x')), std::string(2000, 'x'));
    EXPECT_EQ(lines_shown("y" + std::string(2000, 'x')),
              std::string(2000, 'x'));
    const auto shown = lines_shown(std::string(3000, 'x') + "\n" +
                                   std::string(1500, 'y') + "\n");
    EXPECT_EQ(shown, std::string(499, 'x') + "\n" + std::string(1500, 'y'));
}

}  // namespace
