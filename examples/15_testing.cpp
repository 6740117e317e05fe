// 15_testing.cpp: how code that runs commands is tested without running any.

#include <brood/brood.hpp>
#include <brood/testing/testing.hpp>

#include <iostream>
#include <string>
#include <vector>

// --- The code under test: it takes what starts commands as an argument. ----

brood::awaitable<std::string> branch_of(brood::launcher& commands,
                                        std::string directory)
{
    const auto ended = co_await commands.run_process(
        brood::exec("git", "branch", "--show-current").cwd(directory));
    if (!ended.ok())
        co_return "none";
    co_return ended.out.substr(0, ended.out.find('\n'));
}

brood::awaitable<bool> push(brood::launcher& commands, std::string token)
{
    // The token reaches the child, but no log and no message.
    const auto ended = co_await commands.run_process(
        brood::exec("git", "push").env("TOKEN", brood::redacted(token)));
    co_return ended.ok();
}

// --- Its tests. In the program itself, system_launcher() is passed. --------

using brood::testing::argv;
using brood::testing::program;
using brood::testing::replies;
using brood::testing::scripted_launcher;

bool all_passed = true;

void expect(bool passed, const std::string& what)
{
    std::cout << (passed ? "passed: " : "FAILED: ") << what << '\n';
    all_passed = all_passed && passed;
}

void the_branch_is_the_first_line()
{
    scripted_launcher git;
    git.on(argv("git", "branch", "--show-current"), replies().out("main\n"));
    expect(brood::run(branch_of(git, "/src")) == "main", "a branch");
    // What was asked for can be looked at afterwards.
    expect(to_string(git.calls().at(0)) ==
               "cd /src && git branch --show-current",
           "it was asked in the directory");
}

void a_failure_is_no_branch()
{
    scripted_launcher git;
    git.on(program("git"),
           replies().err("fatal: not a git repository\n").code(128));
    expect(brood::run(branch_of(git, "/")) == "none", "no repository");
}

void a_push_that_takes_too_long_has_failed()
{
    scripted_launcher git;
    git.on(argv("git", "push"), replies().timed_out());
    expect(!brood::run(push(git, "secret")), "a push that takes too long");
    expect(git.unused().empty(), "every reply was asked for");
}

void what_nobody_expects_is_an_error()
{
    scripted_launcher git;
    git.on(argv("git", "pull"));
    try {
        brood::run(push(git, "secret"));
        expect(false, "an unexpected command");
    } catch (const brood::testing::unexpected_command& error) {
        std::cout << error.what() << '\n';
    }
}

int main()
{
    the_branch_is_the_first_line();
    a_failure_is_no_branch();
    a_push_that_takes_too_long_has_failed();
    what_nobody_expects_is_an_error();
    return all_passed ? 0 : 1;
}
