// options: what the command line asked for, checked and complete.
//
// Plain values; nothing here reads a file or asks the system.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cli {

using duration = std::chrono::nanoseconds;

// How many at once: "8", "50%", "+2", "0" (no limit), unset: what there is.
struct job_limit {
    enum class unit { count, percent, more_than_cpus, unlimited, available };

    unit in = unit::available;
    double amount = 0;
};

// The words of one ":::" or "::::", or of "-a".
struct input_list {
    enum class kind { words, file };

    kind from = kind::words;
    std::vector<std::string> words;  // the values, or the one path ("-": stdin)
    bool linked = false;             // ":::+", "::::+"
};

struct input_options {
    std::vector<input_list> lists;  // empty: stdin
    std::string delimiter = "\n";   // "\0" for --null
    unsigned max_args = 1;
    std::string colsep;  // a regular expression; empty: no columns
    bool csv = false;
    bool header = false;
    bool no_run_if_empty = false;
    std::string replace = "{}";
};

// When a whole run ends early.
struct halt_policy {
    enum class when { never, soon, now };
    enum class counted { fail, success, done };

    when at = when::never;
    counted what = counted::fail;
    double limit = 1;  // a number, or a part of all jobs:
    bool percent = false;
};

struct retry_policy {
    unsigned attempts = 1;
    duration delay{};
    double factor = 1;
    duration longest = std::chrono::minutes(1);
    // What is tried again; empty: every failure.
    struct cause {
        enum class kind { fail, timeout, signal, exit };

        kind of = kind::fail;
        int code = 0;  // exit=75, signal=9; 0: any
    };
    std::vector<cause> causes;
};

struct time_options {
    std::optional<duration> timeout;
    std::optional<double> timeout_percent;  // of the median run so far
    std::optional<duration> idle_timeout;
    std::optional<duration> deadline;
    duration kill_after = std::chrono::seconds(5);
    int signal = 15;
    // (signal, wait) in turn; empty: {signal, kill_after}, then SIGKILL.
    std::vector<std::pair<int, duration>> term_seq;
};

struct limit_options {
    job_limit jobs;
    std::optional<double> load;
    std::optional<std::uint64_t> memfree;
    std::optional<std::uint64_t> mem_per_job;
    duration delay{};
    enum class jobserver_use { automatic, off, serve };
    jobserver_use jobserver = jobserver_use::automatic;
    // (mem|cpu|nproc|fsize|nofile, amount; cpu in seconds)
    std::vector<std::pair<std::string, std::uint64_t>> resources;
    std::optional<int> nice;
};

struct output_options {
    enum class mode { group, line_buffer, ungroup };
    mode how = mode::group;
    bool keep_order = false;
    std::optional<std::string> tag;  // a template; "{}" for --tag
    bool print_commands = false;     // -t
    bool fail_only = false;
    std::string results;  // a folder
    std::uint64_t buffer = 4u << 20;
    std::optional<std::uint64_t> max_output;
    bool kill_on_overflow = false;
    bool pty = false;
    unsigned short columns = 0;  // 0: the terminal's, or 80x24
    unsigned short rows = 0;
    enum class color_use { automatic, always, never };
    color_use color = color_use::automatic;
};

struct cleaning_options {
    enum class leftover_use { kill, warn, fail, allow };
    leftover_use leftover = leftover_use::kill;
    duration drain = std::chrono::milliseconds(200);
    enum class contain_use { tree, group, cgroup, none };
    contain_use contain = contain_use::tree;
};

struct record_options {
    std::string report;  // a path, "-", "fd:N"; empty: none
    std::string joblog;
    std::string resume_from;  // --resume with --report or --joblog
    bool resume = false;
    bool resume_failed = false;  // also those that failed
    bool summary = false;
};

struct display_options {
    enum class progress_use { automatic, none, plain, full };
    progress_use progress = progress_use::automatic;
    int verbosity = 0;  // -v, -vv; -q is -1
    bool dry_run = false;
};

struct options {
    enum class form { each, all, one, xargs, report };

    form as = form::each;
    // The program's own command line, for the report.
    std::vector<std::string> argv;
    // The descriptors that it was started with, from 3 on.
    std::vector<int> inherited;
    // The command and its template arguments; for `all`, one line each.
    std::vector<std::string> command;
    std::vector<std::string> names;  // all -n a,b
    std::string commands_file;       // all -f
    bool shell = false;
    std::string stdin_from;        // a path; empty: /dev/null
    bool one_captures = false;     // one --capture
    bool exit_code_count = false;  // --exit-code count

    input_options input;
    limit_options limits;
    time_options time;
    retry_policy retry;
    halt_policy halt;
    output_options output;
    cleaning_options cleaning;
    record_options record;
    display_options display;
};

}  // namespace cli
