// brood: runs many commands at once, and leaves nothing running.
//
// Here is only the way from the command line to the part that does the work.

#include "cli/command_line.hpp"
#include "cli/completion.hpp"
#include "cli/display.hpp"
#include "cli/dry_run.hpp"
#include "cli/help_text.hpp"
#include "cli/job_sources.hpp"
#include "cli/open_descriptors.hpp"
#include "cli/program_error.hpp"
#include "cli/record_listeners.hpp"
#include "cli/report_options.hpp"
#include "cli/run_jobs.hpp"
#include "cli/usage_error.hpp"
#include "cli/xargs_command.hpp"

#include <brood/keyboard_interrupt.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

constexpr int wrong_usage = 2;
constexpr int own_failure = 125;

int fail(const std::string& text, int code)
{
    std::fputs(("brood: " + text + "\n").c_str(), stderr);
    return code;
}

// A person at a terminal who types nothing but the name wants to know what it
// is, and not to be waited for.
bool would_wait_for_a_person(const cli::options& asked)
{
    const bool reads_commands = asked.command.empty() &&
                                asked.commands_file.empty() &&
                                asked.input.lists.empty();
    return reads_commands && ::isatty(STDIN_FILENO) != 0;
}

// Opened by occupy_closed_streams(), it can only be read.
bool output_is_closed()
{
    const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
    return flags < 0 || (flags & O_ACCMODE) == O_RDONLY;
}

bool waits_for_a_person(const cli::options& asked)
{
    return asked.as == cli::options::form::each && asked.input.lists.empty() &&
           asked.display.verbosity >= 0 && ::isatty(STDIN_FILENO) != 0;
}

int run(cli::options asked)
{
    if (would_wait_for_a_person(asked))
        throw cli::usage_error("no command was given; see brood --help");
    std::unique_ptr<cli::job_source> source = cli::make_job_source(asked);
    if (waits_for_a_person(asked))
        std::fputs("brood: reading values from the terminal, one in a line, "
                   "up to Ctrl-D\n",
                   stderr);
    if (asked.display.dry_run)
        return cli::dry_run(std::move(source));
    // Who prints what the jobs write; better told before than after.
    const bool prints = asked.as != cli::options::form::one ||
                        asked.one_captures || asked.output.pty;
    if (prints && output_is_closed())
        return fail("the standard output is closed", own_failure);
    source = cli::without_done_jobs(std::move(source), asked.record);
    cli::run_listeners listeners = cli::record_listeners(asked.record);
    // First of all, so that it is gone when the summary is printed.
    if (auto display = cli::make_display(asked))
        listeners.insert(listeners.begin(), std::move(display));
    return cli::run_jobs(asked, std::move(source), listeners);
}

int show(const std::string& text)
{
    return cli::print(text) ? 0 : own_failure;
}

int report(const std::vector<std::string>& words)
{
    const auto asked = cli::parse_report(words);
    if (!asked)
        return show(cli::help_text(cli::options::form::report));
    return cli::report_command(*asked);
}

int act(std::vector<std::string> argv, std::vector<int> inherited)
{
    using kind = cli::request::kind;
    const std::vector<std::string> words(argv.begin() + 1, argv.end());
    cli::request request = cli::parse_command_line(argv[0], words);
    switch (request.what) {
    case kind::run:
        request.asked.argv = std::move(argv);
        // What is for us is not for the command.
        std::erase_if(inherited, [&](int each) {
            return request.asked.record.report == "fd:" + std::to_string(each);
        });
        request.asked.inherited = std::move(inherited);
        return run(std::move(request.asked));
    case kind::help: return show(cli::help_text(request.asked.as));
    case kind::version: return show(cli::version_text() + "\n");
    case kind::xargs:
        return cli::xargs_command(
            words.size() == request.rest.size() ? "xargs" : "brood xargs",
            request.rest);
    case kind::report: return report(request.rest);
    case kind::completion:
        return show(cli::completion_script(
            request.rest.empty() ? "" : request.rest.front()));
    case kind::manual: return show(cli::manual_text());
    }
    return wrong_usage;
}

// Whoever starts us with 0, 1 or 2 closed would have the next file that we
// open take its place, and written to. Opened the wrong way round, they still
// fail when they are used.
void occupy_closed_streams()
{
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(fd, F_GETFD) < 0)
            ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

}  // namespace

int main(int argc, char** argv)
{
    occupy_closed_streams();
    try {
        auto inherited = cli::open_descriptors();
        std::vector<std::string> words(argv, argv + argc);
        if (words.empty())
            words.emplace_back("brood");
        return act(std::move(words), std::move(inherited));
    } catch (const cli::usage_error& error) {
        return fail(error.what(), wrong_usage);
    } catch (const cli::input_error& error) {
        // Before anything was started: it is a name on the command line.
        return fail(error.what(), wrong_usage);
    } catch (const brood::keyboard_interrupt&) {
        return 128 + SIGINT;
    } catch (const std::exception& error) {
        return fail(error.what(), own_failure);
    }
}
