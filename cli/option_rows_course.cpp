// The options that say what runs, and how it goes.

#include "cli/option_values.hpp"
#include "cli/policies.hpp"

#include <algorithm>
#include <iterator>
#include <regex>

namespace cli {

namespace {

using in_form::all;
using in_form::each;
using in_form::many;
using in_form::one;
using in_form::runs;

bool set_colsep(options& o, const std::string& value)
{
    try {
        // Only to see whether it is one.
        const std::regex checked(value);
    } catch (const std::regex_error&) {
        return false;
    }
    o.input.colsep = value;
    return !value.empty();
}

// Zero is no limit, as in timeout(1).
bool keep_limit(std::optional<duration>& into, const std::string& value)
{
    if (!keep(into, parse_duration(value)))
        return false;
    if (*into == duration::zero())
        into.reset();
    return true;
}

bool set_timeout(options& o, const std::string& value)
{
    if (const auto percent = parse_percent(value)) {
        o.time.timeout.reset();
        o.time.timeout_percent = *percent;
        return *percent > 0;
    }
    o.time.timeout_percent.reset();
    return keep_limit(o.time.timeout, value);
}

bool set_names(options& o, const std::string& value)
{
    for (const std::string_view name : split_at(value, ','))
        o.names.emplace_back(name);
    return std::none_of(o.names.begin(), o.names.end(),
                        [](const std::string& name) { return name.empty(); });
}

bool set_nice(options& o, const std::string& value)
{
    const auto nice = parse_integer(value);
    if (!nice || *nice < -20 || *nice > 19)
        return false;
    o.limits.nice = *nice;
    return true;
}

bool set_limits(options& o, const std::string& value)
{
    const auto limits = parse_resource_limits(value);
    if (!limits)
        return false;
    o.limits.resources.insert(o.limits.resources.end(), limits->begin(),
                              limits->end());
    return true;
}

constexpr std::string_view input_group = "Input";

constexpr option_row input_rows[] = {
    {{"-a,--arg-file", "FILE", required, input_group,
      "Read the values from FILE, one in a line (-: standard input). "
      "Several files are combined like several :::.",
      "a file, such as -a urls.txt", "file"},
     each,
     [](options& o, const std::string& v) {
         o.input.lists.push_back({input_list::kind::file, {v}, false});
         return !v.empty();
     }},
    {{"-f,--file", "FILE", required, input_group,
      "Read the commands from FILE, one in a line; lines of the form "
      "\"name: command\" (as in a Procfile) name them.",
      "a file, such as -f Procfile", "file"},
     all,
     [](options& o, const std::string& v) {
         o.commands_file = v;
         return !v.empty();
     }},
    {{"-n,--names", "A,B,...", required, input_group,
      "Names of the commands, in their order.",
      "names with commas between, such as -n web,db", ""},
     all,
     set_names},
    {{"-0,--null", "", required, input_group,
      "Values end with a NUL, as from find -print0.", "", ""},
     each,
     [](options& o, const std::string&) {
         o.input.delimiter = std::string(1, '\0');
         return true;
     }},
    {{"-d,--delimiter", "D", required, input_group,
      "Values end with D in place of a newline; \\n, \\t, \\0 and \\xHH "
      "are understood.",
      "one or more characters, such as -d , or -d '\\t'", ""},
     each,
     [](options& o, const std::string& v) {
         return keep(o.input.delimiter, parse_delimiter(v));
     }},
    {{"-n,--max-args", "N", required, input_group,
      "Give each job N values ({1} .. {N}) instead of one.", a_number_of_times,
      ""},
     each,
     [](options& o, const std::string& v) {
         return keep_positive(o.input.max_args, v);
     }},
    {{"-I", "STR", required, input_group, "Use STR in place of {}.",
      "a text that is not empty, such as -I @@", ""},
     each,
     [](options& o, const std::string& v) {
         o.input.replace = v;
         return !v.empty();
     }},
    {{"-C,--colsep", "REGEX", required, input_group,
      "Split each line into the columns {1}, {2} .. where REGEX matches.",
      "a regular expression, such as --colsep ',' or --colsep '\\s+'", ""},
     each,
     set_colsep},
    {{"--csv", "", required, input_group,
      "The input is CSV (RFC 4180), with columns {1}, {2} ...", "", ""},
     each,
     [](options& o, const std::string&) {
         o.input.csv = true;
         return true;
     }},
    {{"--header", ":", required, input_group,
      "The first line (of each list the first value) holds names, to be "
      "used as {name}.",
      "a colon: --header :", ":"},
     each,
     [](options& o, const std::string& v) {
         o.input.header = true;
         return v == ":";
     }},
    {{"-r,--no-run-if-empty", "", required, input_group,
      "Pass over values that are empty or blank.", "", ""},
     each,
     [](options& o, const std::string&) {
         o.input.no_run_if_empty = true;
         return true;
     }},
};

constexpr std::string_view execution_group = "Execution";

constexpr option_row execution_rows[] = {
    {{"-s,--shell", "", required, execution_group,
      "Run the command by /bin/sh -c, each value quoted. A command of one "
      "word with blanks or shell characters is run so anyway.",
      "", ""},
     each | one,
     [](options& o, const std::string&) {
         o.shell = true;
         return true;
     }},
    {{"--stdin-from", "FILE", required, execution_group,
      "The standard input of each job; /dev/null if not given.",
      "a file, such as --stdin-from data.txt", "file"},
     runs,
     [](options& o, const std::string& v) {
         o.stdin_from = v;
         return !v.empty();
     }},
    {{"--nice", "N", required, execution_group,
      "Add N to the nice value of the jobs.",
      "a whole number from -20 to 19, such as 10", ""},
     runs,
     set_nice},
    {{"--limit", "WHAT=N,...", required, execution_group,
      "Limits of each process: mem (address space), cpu (time), nproc, "
      "fsize, nofile. No protection against a hostile program.",
      "limits such as mem=1G,cpu=10s,nproc=64,fsize=10M,nofile=256", ""},
     runs,
     set_limits},
    {{"--dry-run", "", required, execution_group,
      "Print the commands; run none of them.", "", ""},
     runs,
     [](options& o, const std::string&) {
         o.display.dry_run = true;
         return true;
     }},
};

constexpr std::string_view limits_group = "How many at once";

constexpr option_row limits_rows[] = {
    {{"-j,--jobs,-P", "N", required, limits_group,
      "Run up to N jobs at once: N, N% of the CPUs, +N more than CPUs, 0 "
      "for no limit. Default: the CPUs that this process may use.",
      "a number of jobs: 8, 50%, +2, or 0 for no limit", ""},
     many,
     [](options& o, const std::string& v) {
         return keep(o.limits.jobs, parse_job_limit(v));
     }},
    {{"--load", "N", required, limits_group,
      "Start no job while N or more processes are running on the machine.",
      "a number from 0 on, such as 4", ""},
     many,
     [](options& o, const std::string& v) {
         return keep(o.limits.load, parse_number(v));
     }},
    {{"--memfree", "SIZE", required, limits_group,
      "Start no job while less than SIZE of memory is available.", a_size, ""},
     many,
     [](options& o, const std::string& v) {
         return keep(o.limits.memfree, parse_size(v));
     }},
    {{"--mem-per-job", "SIZE", required, limits_group,
      "Start a job only where the machine has SIZE of memory for it, beside "
      "what the running ones do not use yet of theirs.",
      a_size, ""},
     many,
     [](options& o, const std::string& v) {
         return keep(o.limits.mem_per_job, parse_size(v));
     }},
    {{"--delay", "TIME", required, limits_group,
      "Wait so long between two starts.", a_duration, ""},
     many,
     [](options& o, const std::string& v) {
         return keep(o.limits.delay, parse_duration(v));
     }},
    {{"--jobserver", "HOW", required, limits_group,
      "auto: take tokens from the make or ninja that brood runs under; "
      "off: do not; serve: give the jobs tokens.",
      "auto, off or serve", "auto off serve"},
     many,
     [](options& o, const std::string& v) {
         using use = limit_options::jobserver_use;
         return keep_word(o.limits.jobserver, v,
                          {word<use>{"auto", use::automatic},
                           {"off", use::off},
                           {"serve", use::serve}});
     }},
};

constexpr std::string_view times_group = "Time";

constexpr option_row times_rows[] = {
    {{"--timeout", "TIME|N%", required, times_group,
      "Stop a job that runs longer; N% is of the median job so far. 0: no "
      "limit.",
      "a duration or a percentage, such as 30s, 1h or 300%", ""},
     runs,
     set_timeout},
    {{"--idle-timeout", "TIME", required, times_group,
      "Stop a job that has written nothing for so long.", a_duration, ""},
     runs,
     [](options& o, const std::string& v) {
         return keep_limit(o.time.idle_timeout, v);
     }},
    {{"--deadline", "TIME", required, times_group,
      "Stop the whole run after so long.", a_duration, ""},
     runs,
     [](options& o, const std::string& v) {
         return keep_limit(o.time.deadline, v);
     }},
    {{"--kill-after", "TIME", required, times_group,
      "What is stopped and still there after TIME is killed; default 5s.",
      a_duration, ""},
     runs,
     [](options& o, const std::string& v) {
         return keep(o.time.kill_after, parse_duration(v));
     }},
    {{"--signal", "SIG", required, times_group,
      "The signal that stops a job; default TERM.",
      "a signal by name or number, such as INT or 2", ""},
     runs,
     [](options& o, const std::string& v) {
         return keep(o.time.signal, parse_signal(v));
     }},
    {{"--term-seq", "SIG,MS,...", required, times_group,
      "The signals that stop a job, each with the milliseconds to wait "
      "after it: TERM,200,TERM,1000,KILL.",
      "signals with milliseconds between, such as TERM,200,KILL", ""},
     runs,
     [](options& o, const std::string& v) {
         return keep(o.time.term_seq, parse_term_seq(v));
     }},
};

constexpr std::string_view failures_group = "Failure";

constexpr option_row failures_rows[] = {
    {{"--retries", "N", required, failures_group, "Try a job up to N times.",
      a_number_of_times, ""},
     runs,
     [](options& o, const std::string& v) {
         return keep_positive(o.retry.attempts, v);
     }},
    {{"--retry-delay", "TIME[,xF[,MAX]]", required, failures_group,
      "Wait before the next attempt, each time F times longer, at most "
      "MAX.",
      "a duration, a factor and a longest, such as 1s or 1s,x2,30s", ""},
     runs,
     [](options& o, const std::string& v) {
         return parse_retry_delay(v, o.retry);
     }},
    {{"--retry-on", "CAUSE,...", required, failures_group,
      "Try again only after these: fail (any exit code), timeout, signal, "
      "exit=75, signal=KILL.",
      "fail, timeout, signal, signal=KILL or exit=75, with commas "
      "between",
      "fail timeout signal"},
     runs,
     [](options& o, const std::string& v) {
         return keep(o.retry.causes, parse_retry_causes(v));
     }},
    {{"--halt", "WHEN,WHAT=N", required, failures_group,
      "End the run early: soon (start no more) or now (stop what runs), "
      "after N or N% fail, success or done. While the input goes on, N% is "
      "of the jobs read so far, and of three jobs at least.",
      "never, or such as soon,fail=3, now,fail=1, soon,fail=20%, "
      "now,success=1",
      "never soon,fail=1 now,fail=1 now,success=1"},
     many,
     [](options& o, const std::string& v) {
         return keep(o.halt, parse_halt(v));
     }},
    {{"-x", "", required, failures_group, "The same as --halt now,fail=1.", "",
      ""},
     many,
     [](options& o, const std::string&) {
         return keep(o.halt, parse_halt("now,fail=1"));
     }},
    {{"--exit-code", "HOW", required, failures_group,
      "usual: as described below; count: the number of failed jobs, 101 "
      "for more than 100, as GNU parallel.",
      "usual or count", "usual count"},
     many,
     [](options& o, const std::string& v) {
         return keep_word(o.exit_code_count, v,
                          {word<bool>{"usual", false}, {"count", true}});
     }},
};

}  // namespace

void add_course_rows(std::vector<option_row>& rows)
{
    rows.insert(rows.end(), std::begin(input_rows), std::end(input_rows));
    rows.insert(rows.end(), std::begin(execution_rows),
                std::end(execution_rows));
    rows.insert(rows.end(), std::begin(limits_rows), std::end(limits_rows));
    rows.insert(rows.end(), std::begin(times_rows), std::end(times_rows));
    rows.insert(rows.end(), std::begin(failures_rows), std::end(failures_rows));
}

}  // namespace cli
