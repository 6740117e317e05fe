// Each option, and what it changes; each bad value, and what is said of it.

#include "cli/command_line.hpp"
#include "cli/help_text.hpp"
#include "cli/option_table.hpp"
#include "cli/report_options.hpp"
#include "cli/usage_error.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <set>

namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;
using cli::options;

options parse(const words& line)
{
    const cli::request asked = cli::parse_command_line("brood", line);
    EXPECT_EQ(asked.what, cli::request::kind::run)
        << testing::PrintToString(line);
    return asked.asked;
}

std::string refusal(const words& line)
{
    try {
        cli::parse_command_line("brood", line);
    } catch (const cli::usage_error& error) {
        return error.what();
    }
    return "not refused";
}

struct effect {
    words line;
    std::function<bool(const options&)> holds;
};

// The names of the options that a table has tried.
std::set<std::string> tried;

void check(const std::vector<effect>& table)
{
    for (const effect& one : table) {
        // The same without the option: it must not hold then anyway.
        words without{"x"};
        if (one.line[0] == "all" || one.line[0] == "one")
            without.insert(without.begin(), one.line[0]);
        EXPECT_FALSE(one.holds(parse(without)))
            << testing::PrintToString(one.line) << " changes nothing";
        words line = one.line;
        line.push_back("x");
        EXPECT_TRUE(one.holds(parse(line))) << testing::PrintToString(line);
        for (const std::string& word : line)
            if (word.starts_with("-"))
                tried.insert(word.substr(0, word.find('=')));
    }
}

TEST(command_line, input_options)
{
    using kind = cli::input_list::kind;
    check({
        {{"-a", "f"},
         [](const options& o) {
             return o.input.lists.size() == 1 &&
                    o.input.lists[0].from == kind::file &&
                    o.input.lists[0].words == words{"f"};
         }},
        {{"-0"},
         [](const options& o) {
             return o.input.delimiter == std::string(1, '\0');
         }},
        {{"-d", "\\t"},
         [](const options& o) { return o.input.delimiter == "\t"; }},
        {{"-n", "3"}, [](const options& o) { return o.input.max_args == 3; }},
        {{"-I", "@"}, [](const options& o) { return o.input.replace == "@"; }},
        {{"--colsep", ","},
         [](const options& o) { return o.input.colsep == ","; }},
        {{"--csv"}, [](const options& o) { return o.input.csv; }},
        {{"--header", ":"}, [](const options& o) { return o.input.header; }},
        {{"-r"}, [](const options& o) { return o.input.no_run_if_empty; }},
    });
    const options all = parse({"all", "-f", "Procfile", "-n", "a,b"});
    EXPECT_EQ(all.commands_file, "Procfile");
    EXPECT_EQ(all.names, (words{"a", "b"}));
    tried.insert({"-f", "-n"});
}

TEST(command_line, execution_and_limit_options)
{
    using unit = cli::job_limit::unit;
    using use = cli::limit_options::jobserver_use;
    check({
        {{"-s"}, [](const options& o) { return o.shell; }},
        {{"--stdin-from", "f"},
         [](const options& o) { return o.stdin_from == "f"; }},
        {{"--nice", "-3"},
         [](const options& o) { return o.limits.nice == -3; }},
        {{"--limit", "mem=1K,nofile=9"},
         [](const options& o) {
             return o.limits.resources.size() == 2 &&
                    o.limits.resources[0].second == 1024 &&
                    o.limits.resources[1].first == "nofile";
         }},
        {{"--dry-run"}, [](const options& o) { return o.display.dry_run; }},
        {{"-j4"},
         [](const options& o) {
             return o.limits.jobs.in == unit::count &&
                    o.limits.jobs.amount == 4;
         }},
        {{"-j", "50%"},
         [](const options& o) { return o.limits.jobs.in == unit::percent; }},
        {{"--jobs=+2"},
         [](const options& o) {
             return o.limits.jobs.in == unit::more_than_cpus;
         }},
        {{"-P", "0"},
         [](const options& o) { return o.limits.jobs.in == unit::unlimited; }},
        {{"--load", "2.5"},
         [](const options& o) { return o.limits.load == 2.5; }},
        {{"--memfree", "1K"},
         [](const options& o) { return o.limits.memfree == 1024u; }},
        {{"--mem-per-job", "2K"},
         [](const options& o) { return o.limits.mem_per_job == 2048u; }},
        {{"--delay", "10ms"},
         [](const options& o) { return o.limits.delay == 10ms; }},
        {{"--jobserver", "off"},
         [](const options& o) { return o.limits.jobserver == use::off; }},
        {{"--jobserver", "serve"},
         [](const options& o) { return o.limits.jobserver == use::serve; }},
    });
    tried.insert("-j");
    EXPECT_EQ(parse({"--jobserver", "auto", "x"}).limits.jobserver,
              use::automatic);
}

TEST(command_line, time_and_failure_options)
{
    using when = cli::halt_policy::when;
    check({
        {{"--timeout", "2s"},
         [](const options& o) { return o.time.timeout == 2s; }},
        {{"--timeout", "300%"},
         [](const options& o) {
             return o.time.timeout_percent == 300.0 && !o.time.timeout;
         }},
        {{"--idle-timeout", "3"},
         [](const options& o) { return o.time.idle_timeout == 3s; }},
        {{"--deadline", "1h"},
         [](const options& o) { return o.time.deadline == 1h; }},
        {{"--kill-after", "1s"},
         [](const options& o) { return o.time.kill_after == 1s; }},
        {{"--signal", "INT"},
         [](const options& o) { return o.time.signal == SIGINT; }},
        {{"--term-seq", "TERM,200,KILL"},
         [](const options& o) { return o.time.term_seq.size() == 2; }},
        {{"--retries", "4"},
         [](const options& o) { return o.retry.attempts == 4; }},
        {{"--retry-delay", "1s,x2"},
         [](const options& o) {
             return o.retry.delay == 1s && o.retry.factor == 2;
         }},
        {{"--retry-on", "timeout,exit=75"},
         [](const options& o) { return o.retry.causes.size() == 2; }},
        {{"--halt", "soon,fail=20%"},
         [](const options& o) {
             return o.halt.at == when::soon && o.halt.percent;
         }},
        {{"-x"},
         [](const options& o) {
             return o.halt.at == when::now && o.halt.limit == 1;
         }},
        {{"--exit-code", "count"},
         [](const options& o) { return o.exit_code_count; }},
    });
    // The last one counts.
    EXPECT_EQ(parse({"-x", "--halt", "never", "x"}).halt.at, when::never);
    EXPECT_FALSE(
        parse({"--timeout", "9%", "--timeout", "1", "x"}).time.timeout_percent);
}

TEST(command_line, output_options)
{
    using mode = cli::output_options::mode;
    using color = cli::output_options::color_use;
    check({
        {{"-k"}, [](const options& o) { return o.output.keep_order; }},
        {{"--lb"},
         [](const options& o) { return o.output.how == mode::line_buffer; }},
        {{"-u"},
         [](const options& o) { return o.output.how == mode::ungroup; }},
        {{"--tag"}, [](const options& o) { return o.output.tag == "{}"; }},
        {{"--tagstring", "<{}>"},
         [](const options& o) { return o.output.tag == "<{}>"; }},
        {{"-t"}, [](const options& o) { return o.output.print_commands; }},
        {{"--fail-only"}, [](const options& o) { return o.output.fail_only; }},
        {{"--results", "d"},
         [](const options& o) { return o.output.results == "d"; }},
        {{"--buffer", "1K"},
         [](const options& o) { return o.output.buffer == 1024; }},
        {{"--max-output", "1M"},
         [](const options& o) { return o.output.max_output == 1u << 20; }},
        {{"--max-output", "1M", "--on-overflow", "kill"},
         [](const options& o) { return o.output.kill_on_overflow; }},
        {{"--pty"},
         [](const options& o) {
             return o.output.pty && o.output.columns == 0;
         }},
        {{"--pty=132x50"},
         [](const options& o) {
             return o.output.pty && o.output.columns == 132 &&
                    o.output.rows == 50;
         }},
        {{"one", "--capture"}, [](const options& o) { return o.one_captures; }},
        {{"--color", "always"},
         [](const options& o) { return o.output.color == color::always; }},
        {{"--color", "never"},
         [](const options& o) { return o.output.color == color::never; }},
    });
    EXPECT_EQ(parse({"-u", "--group", "x"}).output.how, mode::group);
    tried.insert("--group");
}

TEST(command_line, cleaning_record_and_display_options)
{
    using leftover = cli::cleaning_options::leftover_use;
    using contain = cli::cleaning_options::contain_use;
    using progress = cli::display_options::progress_use;
    check({
        {{"--leftover", "warn"},
         [](const options& o) {
             return o.cleaning.leftover == leftover::warn;
         }},
        {{"--leftover", "fail"},
         [](const options& o) {
             return o.cleaning.leftover == leftover::fail;
         }},
        {{"--leftover", "allow"},
         [](const options& o) {
             return o.cleaning.leftover == leftover::allow;
         }},
        {{"--drain", "1s"},
         [](const options& o) { return o.cleaning.drain == 1s; }},
        {{"--contain", "group"},
         [](const options& o) { return o.cleaning.contain == contain::group; }},
        {{"--contain", "cgroup"},
         [](const options& o) {
             return o.cleaning.contain == contain::cgroup;
         }},
        {{"--contain", "none"},
         [](const options& o) { return o.cleaning.contain == contain::none; }},
        {{"--report", "r"},
         [](const options& o) { return o.record.report == "r"; }},
        {{"--joblog", "l"},
         [](const options& o) { return o.record.joblog == "l"; }},
        {{"--joblog", "l", "--resume"},
         [](const options& o) {
             return o.record.resume && o.record.resume_from == "l" &&
                    !o.record.resume_failed;
         }},
        {{"--report", "r", "--resume-failed"},
         [](const options& o) {
             return o.record.resume_failed && o.record.resume_from == "r";
         }},
        {{"--summary"}, [](const options& o) { return o.record.summary; }},
        {{"--progress", "plain"},
         [](const options& o) {
             return o.display.progress == progress::plain;
         }},
        {{"--progress", "none"},
         [](const options& o) { return o.display.progress == progress::none; }},
        {{"--bar"},
         [](const options& o) { return o.display.progress == progress::full; }},
        {{"--eta"},
         [](const options& o) { return o.display.progress == progress::full; }},
        {{"-vv"}, [](const options& o) { return o.display.verbosity == 2; }},
        {{"-q"}, [](const options& o) { return o.display.verbosity == -1; }},
    });
    tried.insert("-v");
}

// Runs after the others: it is the last of its kind in this file.
TEST(command_line, no_option_was_left_out_above)
{
    if (testing::UnitTest::GetInstance()->test_to_run_count() <
        testing::UnitTest::GetInstance()->total_test_count())
        GTEST_SKIP() << "only with all the others";
    for (const cli::option_row& row : cli::option_table()) {
        if (row.set == nullptr)
            continue;
        bool seen = false;
        for (const std::string_view name : cli::names_of(row.as))
            seen = seen || tried.contains(std::string(name));
        EXPECT_TRUE(seen) << row.as.names << " is in no table above";
    }
}

TEST(command_line, options_end_at_the_first_word_that_is_none)
{
    const options asked =
        parse({"-j4", "gzip", "-9", "--bogus", "{}", ":::", "a", "-b"});
    EXPECT_EQ(asked.command, (words{"gzip", "-9", "--bogus", "{}"}));
    ASSERT_EQ(asked.input.lists.size(), 1u);
    EXPECT_EQ(asked.input.lists[0].words, (words{"a", "-b"}));
    EXPECT_EQ(parse({"--", "-x", "y"}).command, (words{"-x", "y"}));
    EXPECT_EQ(parse({"-k", "--", "--", "y"}).command, (words{"--", "y"}));
    EXPECT_EQ(parse({"each", "each"}).command, (words{"each"}));
    EXPECT_EQ(parse({"--", "all"}).command, (words{"all"}));
    EXPECT_EQ(parse({"one", "ls", "-l", ":::", "a"}).command,
              (words{"ls", "-l", ":::", "a"}));
    EXPECT_EQ(parse({"all", "a b", "c"}).command, (words{"a b", "c"}));
    // A value may look like an option.
    EXPECT_EQ(parse({"--tagstring", "--x", "y"}).output.tag, "--x");
}

TEST(command_line, lists_are_words_or_files_alone_or_linked)
{
    using kind = cli::input_list::kind;
    const options asked = parse({"-a", "f", "x", ":::", "1", "2", ":::+", "a",
                                 "::::", "g", "h", "::::+", "-", ":::"});
    struct row {
        kind from;
        words values;
        bool linked;
    };
    const row table[] = {
        {kind::file, {"f"}, false}, {kind::words, {"1", "2"}, false},
        {kind::words, {"a"}, true}, {kind::file, {"g"}, false},
        {kind::file, {"h"}, false}, {kind::file, {"-"}, true},
        {kind::words, {}, false},
    };
    ASSERT_EQ(asked.input.lists.size(), std::size(table));
    for (std::size_t i = 0; i < std::size(table); ++i) {
        EXPECT_EQ(asked.input.lists[i].from, table[i].from) << i;
        EXPECT_EQ(asked.input.lists[i].words, table[i].values) << i;
        EXPECT_EQ(asked.input.lists[i].linked, table[i].linked) << i;
    }
}

TEST(command_line, one_word_with_shell_characters_is_for_the_shell)
{
    for (const auto* word : {"echo {}", "a|b", "a>b", "$X", "a;b", "*.c"})
        EXPECT_TRUE(parse({word}).shell) << word;
    for (const auto* word : {"echo", "./x{}", "{}", "a{#}", "x=y"})
        EXPECT_FALSE(parse({word}).shell) << word;
    EXPECT_FALSE(parse({"echo", "a b"}).shell);
    EXPECT_TRUE(parse({"one", "sleep 1; true"}).shell);
    EXPECT_TRUE(parse({"all", "true"}).shell);
    EXPECT_TRUE(parse({":::", "true"}).shell);
}

TEST(command_line, every_bad_value_is_told_with_what_is_accepted)
{
    const std::pair<words, std::string_view> table[] = {
        {{"-j", "x", "y"},
         "--jobs: 'x' is not what it takes; give a number of jobs: 8, 50%, "
         "+2, or 0 for no limit"},
        {{"--timeout", "soon", "y"},
         "--timeout: 'soon' is not what it takes; give a duration or a "
         "percentage, such as 30s, 1h or 300%"},
        {{"-n", "0", "y"},
         "--max-args: '0' is not what it takes; give a whole number from 1 "
         "on, such as 3"},
        {{"--header", "x", "y"},
         "--header: 'x' is not what it takes; give a colon: --header :"},
        {{"--pty=big", "y"},
         "--pty: 'big' is not what it takes; give columns and rows, such as "
         "--pty=80x24, or nothing"},
        {{"--colsep", "(", "y"},
         "--colsep: '(' is not what it takes; give a regular expression, such "
         "as --colsep ',' or --colsep '\\s+'"},
        {{"--colsep=", "y"},
         "--colsep= has no value after the =; give a regular expression, such "
         "as --colsep ',' or --colsep '\\s+'"},
        {{"-k", "--jobs"},
         "--jobs needs a value: a number of jobs: 8, 50%, +2, or 0 for no "
         "limit"},
        {{"-kn"}, "-n needs a value: a whole number from 1 on, such as 3"},
        {{"--tag=x", "y"}, "--tag takes no value, but was given 'x'"},
    };
    for (const auto& [line, text] : table)
        EXPECT_EQ(refusal(line), text);
    // Whatever takes a value refuses one that makes no sense, but for texts.
    const std::set<std::string_view> texts = {
        "-a,--arg-file", "-f,--file",    "-d,--delimiter", "-I",
        "-C,--colsep",   "--stdin-from", "--tagstring",    "--results",
        "--report",      "--joblog",     "-n,--names"};
    for (const cli::option_row& row : cli::option_table()) {
        if (row.as.value.empty() || texts.contains(row.as.names))
            continue;
        options ignored;
        EXPECT_FALSE(row.set(ignored, "no such value")) << row.as.names;
        EXPECT_NE(row.as.accepts, "") << row.as.names;
    }
}

TEST(command_line, unknown_options_are_named_with_the_nearest)
{
    EXPECT_EQ(refusal({"--timeot", "3", "x"}),
              "unknown option --timeot; did you mean --timeout?");
    EXPECT_EQ(refusal({"--keep", "x"}),
              "unknown option --keep; did you mean --keep-order?");
    EXPECT_EQ(refusal({"--qqqqqqqq", "x"}),
              "unknown option --qqqqqqqq; see brood --help");
    EXPECT_EQ(refusal({"-Z", "x"}), "unknown option -Z; see brood --help");
    EXPECT_EQ(refusal({"all", "--jbos=3", "x"}),
              "unknown option --jbos=3; did you mean --jobs?");
    EXPECT_EQ(refusal({"--capture", "x"}),
              "--capture is an option of brood one, not of brood; see brood "
              "--help");
    EXPECT_EQ(refusal({"one", "-k", "x"}),
              "-k is an option of brood and brood all, not of brood one; see "
              "brood one --help");
}

TEST(command_line, what_does_not_go_together_is_refused)
{
    const std::pair<words, std::string_view> table[] = {
        {{"one"}, "one: no command was given"},
        {{"all", "-f", "x", "y"}, "not from both"},
        {{"all", "-n", "a", "x", "y"}, "1 names for 2 commands"},
        {{"--csv", "--colsep", ",", "x"}, "--csv and --colsep"},
        {{"--resume", "x"}, "--resume needs to know"},
        {{"--resume", "--report", "-", "x"}, "--resume needs to know"},
        {{"--on-overflow", "kill", "x"}, "give --max-output SIZE, too"},
        {{"-u", "--tag", "x"}, "use --line-buffer"},
        {{"-u", "-k", "x"}, "use --line-buffer"},
        {{"x", ":::+", "a"}, "there is none; begin with :::"},
        {{"x", "::::"}, ":::: needs one or more files"},
    };
    for (const auto& [line, text] : table)
        EXPECT_NE(refusal(line).find(text), std::string::npos)
            << refusal(line) << " has no: " << text;
}

TEST(command_line, other_things_to_do)
{
    using kind = cli::request::kind;
    const auto what = [](std::string_view program, const words& line) {
        return cli::parse_command_line(program, line).what;
    };
    EXPECT_EQ(what("brood", {"--help"}), kind::help);
    EXPECT_EQ(what("brood", {"one", "-h"}), kind::help);
    EXPECT_EQ(what("brood", {"-k", "--version", "x"}), kind::version);
    EXPECT_EQ(what("brood", {"x", "--help"}), kind::run);
    EXPECT_EQ(what("brood", {"xargs", "-n1"}), kind::xargs);
    EXPECT_EQ(what("/bin/xargs", {"-n1"}), kind::xargs);
    EXPECT_EQ(what("xargs", {}), kind::xargs);
    EXPECT_EQ(what("/xargs/brood", {"x"}), kind::run);
    EXPECT_EQ(what("brood", {"report", "f"}), kind::report);
    EXPECT_EQ(what("brood", {"completion", "bash"}), kind::completion);
    EXPECT_EQ(what("brood", {"--help-man"}), kind::manual);
}

TEST(command_line, report_has_a_file_and_a_form)
{
    const auto asked =
        cli::parse_report({"r.ndjson", "--to", "csv", "-o", "x"});
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->file, "r.ndjson");
    EXPECT_EQ(asked->to, cli::report_format::csv);
    EXPECT_EQ(asked->output, "x");
    EXPECT_EQ(cli::parse_report({"-"})->file, "-");
    EXPECT_EQ(cli::parse_report({"--", "-x"})->file, "-x");
    EXPECT_FALSE(cli::parse_report({"--help"}));
    const std::pair<words, std::string_view> table[] = {
        {{}, "report: no file was given"},
        {{"a", "b"}, "one file at a time, and here are 'a' and 'b'"},
        {{"a", "--to", "pdf"},
         "--to: 'pdf' is not what it takes; give summary, junit"},
        {{"a", "--outptu"}, "did you mean --output?"},
    };
    for (const auto& [line, text] : table) {
        try {
            cli::parse_report(line);
            ADD_FAILURE() << text;
        } catch (const cli::usage_error& error) {
            EXPECT_NE(std::string(error.what()).find(text), std::string::npos)
                << error.what();
        }
    }
}

TEST(help_text, fits_the_page_and_names_every_option)
{
    for (const cli::form_text& form : cli::form_texts()) {
        const std::string page = cli::help_text(form.form);
        std::size_t column = 0;
        for (const char c : page) {
            column = c == '\n' ? 0 : column + 1;
            ASSERT_LE(column, 80u) << page;
        }
        for (const cli::option_text& option : cli::options_of(form.form))
            for (const std::string_view name : cli::names_of(option))
                EXPECT_NE(page.find(name), std::string::npos) << name;
        EXPECT_NE(page.find("Examples:"), std::string::npos);
        EXPECT_NE(page.find("Exit codes:"), std::string::npos);
    }
}

}  // namespace
