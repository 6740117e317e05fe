// redaction.cpp: what is redacted stands in no text that brood makes of a
// command, and reaches the child all the same.
#include "core/command_data.hpp"
#include "support/fixture.hpp"

#include <brood/brood.hpp>

#include <exception>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace {

using namespace brood_test;
using brood::awaitable;
using brood::exec;
using brood::redacted;
using brood::show_environment;
using brood::to_string;

class redaction : public clean_test {};

const std::string secret = "pass word'7";

// Neither as it is, nor quoted, nor in part.
void expect_no_secret(const std::string& text)
{
    EXPECT_EQ(text.find("pass"), text.npos) << text;
    EXPECT_EQ(text.find("word"), text.npos) << text;
    EXPECT_NE(text.find("***"), text.npos) << text;
}

brood::completed_process run(brood::command what)
{
    return brood::run(brood::run_process(std::move(what)));
}

TEST_F(redaction, an_argument_is_shown_as_three_stars)
{
    const auto login = exec("login", "-p", redacted(secret), "-v");
    EXPECT_EQ(to_string(login), "login -p *** -v");
    std::ostringstream stream;
    stream << login;
    EXPECT_EQ(stream.str(), "login -p *** -v");
}

TEST_F(redaction, three_stars_that_are_no_secret_are_quoted)
{
    EXPECT_EQ(to_string(exec("a", "***", redacted("***"))), "a '***' ***");
}

TEST_F(redaction, a_variable_is_never_shown)
{
    const auto what = exec("a").env("KEY", redacted(secret)).env("B", "c");
    EXPECT_EQ(to_string(what), "a");
    EXPECT_EQ(to_string(what, show_environment::names), "env KEY=... B=... a");
    EXPECT_EQ(to_string(what, show_environment::values), "env KEY=*** B=c a");
}

TEST_F(redaction, a_variable_set_anew_is_shown_again)
{
    const auto what = exec("a").env("KEY", redacted(secret)).env("KEY", "c");
    EXPECT_EQ(to_string(what, show_environment::values), "env KEY=c a");
}

TEST_F(redaction, the_setter_on_a_variable_gives_the_variable)
{
    auto what = exec("a");
    EXPECT_EQ(&what.env("KEY", redacted(secret)), &what);
}

TEST_F(redaction, the_child_gets_the_text)
{
    const auto ended =
        run(exec("/bin/sh", "-c", "printf '%s.%s' \"$1\" \"$KEY\"", "sh",
                 redacted(secret))
                .env("KEY", redacted("second")));
    EXPECT_EQ(ended.out, secret + ".second");
    EXPECT_EQ(ended.args.arguments().back(), secret);
}

TEST_F(redaction, an_empty_text_is_an_argument_too)
{
    EXPECT_EQ(to_string(exec("a", redacted(""))), "a ***");
    const auto ended = run(exec("printf", "%s.", redacted(""), "x"));
    EXPECT_EQ(ended.out, ".x.");
    EXPECT_EQ(ended.ok(), true);
}

TEST_F(redaction, copies_hide_it_too)
{
    const auto login = exec("login", redacted(secret));
    auto copy = login;
    EXPECT_EQ(to_string(copy), "login ***");
    const auto moved = std::move(copy).cwd("/");
    EXPECT_EQ(to_string(moved), "cd / && login ***");
}

TEST_F(redaction, a_pipeline_does_not_show_it)
{
    expect_no_secret(to_string(exec("a", redacted(secret)) | exec("b")));
}

TEST_F(redaction, a_start_error_does_not_show_it)
{
    try {
        static_cast<void>(run(exec("no-such-program", redacted(secret))
                                  .env("PATH", redacted("/pass/word"))));
        FAIL() << "it was started";
    } catch (const brood::spawn_error& error) {
        expect_no_secret(error.what());
        EXPECT_EQ(error.path(), "no-such-program");
    }
}

TEST_F(redaction, a_path_that_was_set_anew_is_shown_in_a_start_error)
{
    try {
        static_cast<void>(run(exec("no-such-program")
                                  .env("PATH", redacted("/pass/word"))
                                  .env("PATH", "/shown")));
        FAIL() << "it was started";
    } catch (const brood::spawn_error& error) {
        EXPECT_NE(std::string(error.what()).find("PATH=/shown"),
                  std::string::npos)
            << error.what();
    }
}

TEST_F(redaction, a_refusal_does_not_show_it)
{
    const auto refusal_of = [](brood::command what) {
        try {
            static_cast<void>(run(std::move(what)));
        } catch (const std::invalid_argument& error) {
            return std::string(error.what());
        }
        return std::string("it was not refused");
    };
    EXPECT_EQ(refusal_of(exec("a", redacted(std::string("pass\0word", 9)))),
              "brood: an argument holds a NUL byte at offset 4, which no "
              "program can receive");
    EXPECT_EQ(refusal_of(
                  exec("a").env("KEY", redacted(std::string("pass\0word", 9)))),
              "brood: environment variable KEY holds a NUL byte at offset "
              "4, which no program can receive");
}

TEST_F(redaction, a_failed_command_does_not_show_it)
{
    const auto ended =
        run(exec("/bin/sh", "-c", "echo \"bad: $1, $KEY\" >&2; exit 3", "sh",
                 redacted(secret))
                .env("KEY", redacted("pass word'7 and more")));
    try {
        ended.check();
        FAIL() << "it did not fail";
    } catch (const brood::called_process_error& error) {
        const std::string text = error.what();
        expect_no_secret(text);
        EXPECT_NE(text.find("\nbad: ***, ***"), text.npos) << text;
        EXPECT_EQ(text.find("and more"), text.npos) << text;
        // What came is not touched, only what is made of it.
        EXPECT_EQ(error.process().err,
                  "bad: " + secret + ", " + secret + " and more\n");
    }
}

TEST_F(redaction, half_a_secret_is_not_left_where_the_text_is_cut)
{
    // Of a long line the last 2000 bytes are shown: it is cut in a secret.
    const auto ended =
        run(exec("/bin/sh", "-c", "printf '%s%1990s' \"$1\" end >&2; exit 3",
                 "sh", redacted("0123456789abcdefghijklmnopqrstuvwxyz")));
    try {
        ended.check();
        FAIL() << "it did not fail";
    } catch (const brood::called_process_error& error) {
        EXPECT_EQ(std::string(error.what()).find("xyz"), std::string::npos)
            << error.what();
    }
}

}  // namespace
