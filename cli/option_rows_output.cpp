// The options that say what becomes of the output, and what is told of a run.

#include "cli/option_values.hpp"

#include <algorithm>
#include <iterator>

namespace cli {

namespace {

using in_form::many;
using in_form::one;
using in_form::runs;

bool set_pty(options& o, const std::string& value)
{
    o.output.pty = true;
    if (value.empty())
        return true;
    const auto size = parse_terminal_size(value);
    if (!size)
        return false;
    o.output.columns = size->first;
    o.output.rows = size->second;
    return true;
}

bool set_report(options& o, const std::string& value)
{
    o.record.report = value;
    if (!value.starts_with("fd:"))
        return !value.empty();
    return parse_count(std::string_view(value).substr(3)).has_value();
}

constexpr std::string_view output_group = "Output";

constexpr option_row output_rows[] = {
    {{"--group", "", required, output_group,
      "Print the output of a job when it has ended. This is the default.", "",
      ""},
     many,
     [](options& o, const std::string&) {
         o.output.how = output_options::mode::group;
         return true;
     }},
    {{"-k,--keep-order", "", required, output_group,
      "Print in the order of the input.", "", ""},
     many,
     [](options& o, const std::string&) {
         o.output.keep_order = true;
         return true;
     }},
    {{"--lb,--line-buffer", "", required, output_group,
      "Print whole lines as they come, of all jobs.", "", ""},
     many,
     [](options& o, const std::string&) {
         o.output.how = output_options::mode::line_buffer;
         return true;
     }},
    {{"-u,--ungroup", "", required, output_group,
      "Let the jobs write to our output themselves.", "", ""},
     many,
     [](options& o, const std::string&) {
         o.output.how = output_options::mode::ungroup;
         return true;
     }},
    {{"--tag", "", required, output_group,
      "Start each line with the values (or the name) and a tab.", "", ""},
     many,
     [](options& o, const std::string&) {
         o.output.tag = "{}";
         return true;
     }},
    {{"--tagstring", "STR", required, output_group,
      "Start each line with STR and a tab; {} etc. are filled in.",
      "a text, such as --tagstring '{#} {/}'", ""},
     many,
     [](options& o, const std::string& v) {
         o.output.tag = v;
         return true;
     }},
    {{"-t", "", required, output_group,
      "Print each command to standard error when it starts.", "", ""},
     runs,
     [](options& o, const std::string&) {
         o.output.print_commands = true;
         return true;
     }},
    {{"--fail-only", "", required, output_group,
      "Print the output of failed jobs alone.", "", ""},
     many,
     [](options& o, const std::string&) {
         o.output.fail_only = true;
         return true;
     }},
    {{"--results", "DIR", required, output_group,
      "Keep the output of each job in files below DIR.",
      "a folder, such as --results out", "dir"},
     many,
     [](options& o, const std::string& v) {
         o.output.results = v;
         return !v.empty();
     }},
    {{"--buffer", "SIZE", required, output_group,
      "Output of a job to keep in memory; more goes to a file without a "
      "name. Default 4M.",
      a_size, ""},
     many,
     [](options& o, const std::string& v) {
         return keep(o.output.buffer, parse_size(v));
     }},
    {{"--max-output", "SIZE", required, output_group,
      "The most that a job may write.", a_size, ""},
     runs,
     [](options& o, const std::string& v) {
         return keep(o.output.max_output, parse_size(v));
     }},
    {{"--on-overflow", "WHAT", required, output_group,
      "What happens at --max-output: truncate (the default) or kill.",
      "truncate or kill", "truncate kill"},
     runs,
     [](options& o, const std::string& v) {
         return keep_word(o.output.kill_on_overflow, v,
                          {word<bool>{"truncate", false}, {"kill", true}});
     }},
    {{"--pty", "COLSxROWS", optional_value, output_group,
      "Give each job a terminal of its own; its standard error becomes "
      "part of its output.",
      "columns and rows, such as --pty=80x24, or nothing", ""},
     runs,
     set_pty},
    {{"--capture", "", required, output_group,
      "Collect the output, as the other forms do, instead of letting the "
      "command write to ours.",
      "", ""},
     one,
     [](options& o, const std::string&) {
         o.one_captures = true;
         return true;
     }},
    {{"--color", "WHEN", required, output_group,
      "Colours in what brood itself prints.", "auto, always or never",
      "auto always never"},
     runs,
     [](options& o, const std::string& v) {
         using use = output_options::color_use;
         return keep_word(o.output.color, v,
                          {word<use>{"auto", use::automatic},
                           {"always", use::always},
                           {"never", use::never}});
     }},
};

constexpr std::string_view cleaning_group = "Cleanliness";

constexpr option_row cleaning_rows[] = {
    {{"--leftover", "WHAT", required, cleaning_group,
      "What to do with processes that a job leaves behind: kill (and say "
      "so, the default), warn, fail (kill, and the job has failed), "
      "allow.",
      "kill, warn, fail or allow", "kill warn fail allow"},
     runs,
     [](options& o, const std::string& v) {
         using use = cleaning_options::leftover_use;
         return keep_word(o.cleaning.leftover, v,
                          {word<use>{"kill", use::kill},
                           {"warn", use::warn},
                           {"fail", use::fail},
                           {"allow", use::allow}});
     }},
    {{"--drain", "TIME", required, cleaning_group,
      "How long to read on when a job has ended and a leftover still "
      "holds its output; default 200ms.",
      a_duration, ""},
     runs,
     [](options& o, const std::string& v) {
         return keep(o.cleaning.drain, parse_duration(v));
     }},
    {{"--contain", "HOW", required, cleaning_group,
      "What belongs to a job: tree (every descendant, the default), "
      "group, cgroup or none. At the end of the run the rest is ended in "
      "any case, unless --leftover allow.",
      "tree, group, cgroup or none", "tree group cgroup none"},
     runs,
     [](options& o, const std::string& v) {
         using use = cleaning_options::contain_use;
         return keep_word(o.cleaning.contain, v,
                          {word<use>{"tree", use::tree},
                           {"group", use::group},
                           {"cgroup", use::cgroup},
                           {"none", use::none}});
     }},
};

constexpr std::string_view records_group = "Records";

constexpr option_row records_rows[] = {
    {{"--report", "FILE|-|fd:N", required, records_group,
      "Write one JSON object for each job; see brood report.",
      "a file, - for standard output, or a descriptor such as fd:3", "file"},
     runs,
     set_report},
    {{"--joblog", "FILE", required, records_group,
      "Write GNU parallel's table of jobs.",
      "a file, such as --joblog jobs.tsv", "file"},
     runs,
     [](options& o, const std::string& v) {
         o.record.joblog = v;
         return !v.empty();
     }},
    {{"--resume", "", required, records_group,
      "Skip the jobs that the --report or --joblog has already.", "", ""},
     many,
     [](options& o, const std::string&) {
         o.record.resume = true;
         return true;
     }},
    {{"--resume-failed", "", required, records_group,
      "As --resume, but run those that failed again.", "", ""},
     many,
     [](options& o, const std::string&) {
         o.record.resume = true;
         o.record.resume_failed = true;
         return true;
     }},
    {{"--summary", "", required, records_group,
      "At the end, print what the run was to standard error.", "", ""},
     runs,
     [](options& o, const std::string&) {
         o.record.summary = true;
         return true;
     }},
};

bool set_full_progress(options& o, const std::string&)
{
    o.display.progress = display_options::progress_use::full;
    return true;
}

constexpr std::string_view display_group = "Display";

constexpr option_row display_rows[] = {
    {{"--progress", "HOW", required, display_group,
      "full: a block at the foot of the terminal; plain: a line now and "
      "then, also where full is asked for and there is no terminal; none; "
      "auto: full or plain.",
      "auto, none, plain or full", "auto none plain full"},
     many,
     [](options& o, const std::string& v) {
         using use = display_options::progress_use;
         return keep_word(o.display.progress, v,
                          {word<use>{"auto", use::automatic},
                           {"none", use::none},
                           {"plain", use::plain},
                           {"full", use::full}});
     }},
    {{"--bar", "", required, display_group, "The same as --progress full.", "",
      ""},
     many,
     set_full_progress},
    {{"--eta", "", required, display_group, "The same as --progress full.", "",
      ""},
     many,
     set_full_progress},
    {{"-v,--verbose", "", required, display_group,
      "Tell of each job that has ended, not of the failed ones alone.", "", ""},
     runs,
     [](options& o, const std::string&) {
         o.display.verbosity = std::max(o.display.verbosity, 0) + 1;
         return true;
     }},
    {{"-q,--quiet", "", required, display_group,
      "Print nothing but the output of the jobs, and errors.", "", ""},
     runs,
     [](options& o, const std::string&) {
         o.display.verbosity = -1;
         return true;
     }},
    {{"-h,--help", "", required, display_group, "Print this help.", "", ""},
     runs,
     nullptr},
    {{"--version", "", required, display_group, "Print the version.", "", ""},
     runs,
     nullptr},
};

}  // namespace

void add_output_rows(std::vector<option_row>& rows)
{
    rows.insert(rows.end(), std::begin(output_rows), std::end(output_rows));
    rows.insert(rows.end(), std::begin(cleaning_rows), std::end(cleaning_rows));
    rows.insert(rows.end(), std::begin(records_rows), std::end(records_rows));
    rows.insert(rows.end(), std::begin(display_rows), std::end(display_rows));
}

}  // namespace cli
