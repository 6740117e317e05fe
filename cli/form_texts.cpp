// What --help and the manual page say of each form, apart from its options.

#include "cli/help_text.hpp"
#include "cli/report_options.hpp"
#include "cli/xargs_options.hpp"

namespace cli {

namespace {

constexpr std::string_view each_about =
    "Without ::: or ::::, the values are the lines of standard input. Several "
    "lists give every combination, the last one varying fastest; :::+ and "
    "::::+ link a list to the one before it. Values are taken as they stand. "
    "Options end at the first word that is none, or at --, so that the "
    "command keeps its own.\n"
    "In COMMAND, {} is the value, {.} the value without its extension, {/} "
    "without its folder, {//} the folder, {/.} without both; {1}, {2.}, {-1/} "
    "are single values, {name} one of a --header; {#} is the number of the "
    "job and {%} its slot. Without any of these, the values are appended. "
    "Without COMMAND, each value is a command.\n"
    "Jobs run directly, without a shell, unless --shell is given or COMMAND "
    "is one word with blanks or shell characters in it. Their standard input "
    "is /dev/null. When brood ends, however it ends, nothing that it started "
    "is left running.\n";

constexpr std::string_view each_examples =
    "brood gzip -9 {} ::: *.log\n"
    "compress files, as many at once as there are CPUs\n"
    "find . -name '*.flac' -print0 | brood -0 ffmpeg -i {} {.}.mp3\n"
    "names with anything in them\n"
    "brood -j4 -k --tag curl -sS {} :::: urls.txt\n"
    "four at once, output in order, each line marked\n"
    "brood --dry-run echo {1}-{2} ::: a b ::: 1 2 3\n"
    "see what would be run\n"
    "brood --timeout 30s --retries 3 --retry-delay 1s,x2 ./probe :::: hosts\n"
    "stop what hangs, and try again\n"
    "brood --report r.ndjson --halt now,fail=1 make -C {} ::: a b c\n"
    "stop at the first failure, keep a record of each job\n";

constexpr std::string_view run_codes =
    "0 every job succeeded\n"
    "123 some job failed\n"
    "124 some job was stopped by a time limit, and none failed otherwise\n"
    "125 brood itself could not go on\n"
    "126 no command could be executed\n"
    "127 no command was found\n"
    "2 the command line makes no sense; nothing was started\n"
    "128+N brood was stopped by signal N (130: Ctrl-C, 143: TERM)\n";

constexpr std::string_view all_about =
    "Each command is one line for /bin/sh. Without COMMAND and -f, the lines "
    "of standard input are the commands; empty lines and those that begin "
    "with # are passed over.\n";

constexpr std::string_view all_examples =
    "brood all 'npm run lint' 'npm test' 'npm run types'\n"
    "three commands at once\n"
    "brood all --lb --tag -n web,api './web' './api --port 8080'\n"
    "servers, their lines marked with names\n"
    "brood all -f Procfile --lb --tag -j0\n"
    "everything of a Procfile\n";

constexpr std::string_view one_about =
    "The command has our standard input, output and error, unless --stdin-from,"
    " --pty or --capture says otherwise. brood ends with its exit code.\n";

constexpr std::string_view one_examples =
    "brood one --timeout 10m make test\n"
    "with all that it started gone afterwards\n"
    "brood one --report r.ndjson --limit mem=2G ./build.sh\n"
    "with its times and peak memory in a file\n";

constexpr std::string_view one_codes =
    "N the command's own exit code\n"
    "128+N it was ended by signal N, or brood was\n"
    "124 it was stopped by a time limit\n"
    "125 brood itself could not go on\n"
    "126 the command could not be executed\n"
    "127 it was not found\n"
    "2 the command line makes no sense; nothing was started\n";

constexpr std::string_view xargs_about =
    "With the options and messages of xargs in POSIX and in GNU findutils; "
    "also what brood is under the name of xargs. Items are divided by blanks "
    "and newlines; quotes and backslashes protect them. COMMAND is echo if "
    "none is given; its standard input is /dev/null.\n";

constexpr std::string_view xargs_examples =
    "find . -name '*.o' -print0 | brood xargs -0 rm -f\n"
    "as few commands as possible\n"
    "brood xargs -a names.txt -P4 -n1 ./convert\n"
    "four at once, one item each\n";

constexpr std::string_view xargs_codes =
    "0 every command succeeded\n"
    "123 some command ended with a code from 1 to 254\n"
    "124 a command ended with 255; no more were run\n"
    "125 a command was ended by a signal\n"
    "126 the command cannot be run\n"
    "127 the command was not found\n"
    "1 anything else\n";

constexpr std::string_view report_about =
    "FILE is what --report wrote, - is standard input. A report of a run that "
    "was cut off is converted as far as it goes.\n";

constexpr std::string_view report_examples =
    "brood report r.ndjson\n"
    "failures, the slowest jobs, totals\n"
    "brood report r.ndjson --to junit -o results.xml\n"
    "for a CI server\n"
    "brood report r.ndjson --to trace -o trace.json\n"
    "for chrome://tracing or ui.perfetto.dev\n";

constexpr std::string_view report_codes =
    "0 it was converted\n"
    "125 FILE cannot be read, or the result not be written\n"
    "2 the command line makes no sense\n";

}  // namespace

const std::vector<form_text>& form_texts()
{
    using form = options::form;
    static const std::vector<form_text> texts = {
        {form::each,
         "[OPTION]... COMMAND [ARG]... [::: VALUE...]...\n"
         "[OPTION]... COMMAND [ARG]... [:::: FILE...]...\n",
         "Run a command once for each input value, many at once.", each_about,
         each_examples, run_codes},
        {form::all, "all [OPTION]... COMMAND...\nall [OPTION]... -f FILE\n",
         "Run different commands at once.", all_about, all_examples, run_codes},
        {form::one, "one [OPTION]... [--] COMMAND [ARG]...\n",
         "Run one command, and leave nothing of it behind.", one_about,
         one_examples, one_codes},
        {form::xargs, "xargs [OPTION]... [COMMAND [ARG]...]\n",
         "Put the items of standard input behind a command, as xargs.",
         xargs_about, xargs_examples, xargs_codes},
        {form::report, "report FILE [--to FORMAT] [-o FILE]\n",
         "Say in another form what the report of a run holds.", report_about,
         report_examples, report_codes},
    };
    return texts;
}

const form_text& text_of(options::form form)
{
    for (const form_text& text : form_texts())
        if (text.form == form)
            return text;
    return form_texts().front();
}

std::vector<option_text> options_of(options::form form)
{
    std::vector<option_text> texts;
    if (form == options::form::xargs) {
        const auto own = xargs_option_texts();
        texts.assign(own.begin(), own.end());
    } else if (form == options::form::report) {
        const auto own = report_option_texts();
        texts.assign(own.begin(), own.end());
    } else {
        for (const option_row& row : option_table())
            if ((row.forms & bit_of(form)) != 0)
                texts.push_back(row.as);
    }
    return texts;
}

}  // namespace cli
