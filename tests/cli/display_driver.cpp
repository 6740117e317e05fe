// display_driver: a display without an engine, for test_display.py.
//
// Takes one command a line from descriptor 3 and answers "done" on descriptor
// 4 when it has been carried out. The time is what the test says it is.

#include "cli/display.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include <unistd.h>

namespace {

using clock_type = std::chrono::steady_clock;

clock_type::time_point now{std::chrono::hours(1)};

// "\n" and "\e" as a shell's printf has them.
std::string unescaped(const std::string& text)
{
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) {
            char c = text[++at];
            plain += c == 'n' ? '\n' : c == 'e' ? '\x1b' : c;
        } else {
            plain += text[at];
        }
    }
    return plain;
}

std::string rest_of(std::istream& words)
{
    std::string rest;
    std::getline(words >> std::ws, rest);
    return unescaped(rest);
}

void end_job(cli::run_listener& display, std::istream& words)
{
    cli::job_record job;
    std::string status;
    int code = 0;
    words >> job.seq >> status >> code;
    job.status = cli::job_status_of(status).value();
    job.code = code;
    job.wall_s = 1.5;
    job.shell = true;
    job.argv = {"/bin/sh", "-c", rest_of(words)};
    display.job_ended(job);
}

void carry_out(cli::run_listener& display, const std::string& line)
{
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "begin") {
        cli::run_record run;
        std::uint64_t total = 0;
        if (words >> total)
            run.total = total;
        display.run_started(run);
    } else if (what == "start") {
        cli::running_job job;
        words >> job.seq;
        job.pid = 1 << 30;  // no process has such a number
        job.started = now;
        job.display = rest_of(words);
        display.job_started(job);
    } else if (what == "said") {
        cli::output_news news;
        words >> news.seq;
        auto text = rest_of(words);
        news.last_line = text;
        display.job_output(news);
    } else if (what == "end") {
        end_job(display, words);
    } else if (what == "print") {
        auto text = rest_of(words);
        display.before_output();
        if (::write(STDOUT_FILENO, text.data(), text.size()) < 0)
            std::abort();
        display.after_output();
    } else if (what == "pass") {
        long milliseconds = 0;
        words >> milliseconds;
        now += std::chrono::milliseconds(milliseconds);
        if (display.wants_ticks())
            display.tick(now);
    } else if (what == "stand") {
        // Stopped: time passes, and no tick comes.
        long milliseconds = 0;
        words >> milliseconds;
        now += std::chrono::milliseconds(milliseconds);
    } else if (what == "wait") {
        display.waiting(cli::wait_reason::memory);
    } else if (what == "stop") {
        display.stopping(rest_of(words));
    } else if (what == "resized") {
        display.terminal_changed();
    } else if (what == "list") {
        display.listing_wanted();
    } else if (what == "finish") {
        display.run_ended({});
    } else {
        std::abort();
    }
}

cli::options options_of(int argc, char** argv)
{
    cli::options asked;
    for (int at = 1; at < argc; ++at) {
        std::string word = argv[at];
        if (word == "-q")
            asked.display.verbosity = -1;
        else if (word == "-v")
            asked.display.verbosity = 1;
        else if (word == "-u")
            asked.output.how = cli::output_options::mode::ungroup;
        else if (word == "plain")
            asked.display.progress = cli::display_options::progress_use::plain;
        else if (word == "none")
            asked.display.progress = cli::display_options::progress_use::none;
    }
    return asked;
}

}  // namespace

int main(int argc, char** argv)
{
    auto setup = cli::display_setup_of(options_of(argc, argv));
    setup.now = [] { return now; };
    auto display = cli::make_display(std::move(setup));
    std::FILE* commands = ::fdopen(3, "r");
    char line[4096];
    while (std::fgets(line, sizeof line, commands) != nullptr) {
        std::string text = line;
        text.pop_back();
        carry_out(*display, text);
        if (::write(4, "done\n", 5) != 5)
            return 1;
    }
    return 0;
}
