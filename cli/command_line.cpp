#include "cli/command_line.hpp"

#include "cli/option_table.hpp"
#include "cli/usage_error.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

namespace cli {

namespace {

using words_t = std::vector<std::string>;
using form = options::form;

std::string name_of_form(form as)
{
    return as == form::each ? "brood" : "brood " + std::string(to_string(as));
}

std::string help_of(form as)
{
    return "see " + name_of_form(as) + " --help";
}

// --- The options -------------------------------------------------------------

struct parsed_options {
    // In the order in which they stood; a null value: none was given.
    std::vector<std::pair<const option_row*, std::string>> given;
    words_t rest;
};

[[noreturn]] void refuse_unknown(form as, const std::string& given)
{
    const std::string word = given.substr(0, given.find('='));
    std::vector<std::string_view> known;
    for (const option_row& row : option_table()) {
        const auto names = names_of(row.as);
        if ((row.forms & bit_of(as)) != 0) {
            known.insert(known.end(), names.begin(), names.end());
        } else if (std::find(names.begin(), names.end(), word) != names.end()) {
            std::string belongs;
            for (const form other : {form::each, form::all, form::one})
                if ((row.forms & bit_of(other)) != 0)
                    belongs +=
                        (belongs.empty() ? "" : " and ") + name_of_form(other);
            throw usage_error(word + " is an option of " + belongs +
                              ", not of " + name_of_form(as) + "; " +
                              help_of(as));
        }
    }
    std::string text = "unknown option " + given;
    if (const auto near = nearest(word, known))
        text += "; did you mean " + std::string(*near) + "?";
    else if (as != form::report)
        text += "; " + help_of(as);
    throw usage_error(text);
}

// CLI11 would take the next word for the value of "--name=".
void refuse_empty_values(const words_t& options_words)
{
    for (const std::string& word : options_words) {
        if (!word.starts_with("--") || !word.ends_with('=') || word.size() < 4)
            continue;
        const std::string name = word.substr(0, word.size() - 1);
        for (const option_row& row : option_table()) {
            const auto names = names_of(row.as);
            if (std::find(names.begin(), names.end(), name) != names.end())
                throw usage_error(name + "= has no value after the =; give " +
                                  std::string(row.as.accepts));
        }
    }
}

// The last word is an option, and its value is missing.
[[noreturn]] void refuse_missing_value(form as, std::string last)
{
    // Of "-kj" it is the j.
    if (!last.starts_with("--") && last.size() > 2)
        last = {'-', last.back()};
    for (const option_row& row : option_table()) {
        const auto names = names_of(row.as);
        if ((row.forms & bit_of(as)) != 0 &&
            std::find(names.begin(), names.end(), last) != names.end())
            throw usage_error(last +
                              " needs a value: " + std::string(row.as.accepts));
    }
    throw usage_error(last + " needs a value; " + help_of(as));
}

using known_options = std::map<const CLI::Option*, const option_row*>;

known_options add_options(CLI::App& app, form as)
{
    known_options rows;
    for (const option_row& row : option_table()) {
        if ((row.forms & bit_of(as)) == 0)
            continue;
        const std::string names(row.as.names);
        const bool takes = !row.as.value.empty() &&
                           row.as.takes == option_text::taking::required;
        CLI::Option* option =
            takes ? app.add_option(names)->expected(1) : app.add_flag(names);
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        rows[option] = &row;
    }
    return rows;
}

// The words up to the first that is neither an option nor its value; CLI11
// leaves the others as they are.
parsed_options read_options(form as, const words_t& words)
{
    CLI::App app;
    app.set_help_flag();
    app.prefix_command();
    const known_options rows = add_options(app, as);
    try {
        // It takes them from the end.
        app.parse(words_t(words.rbegin(), words.rend()));
    } catch (const CLI::ArgumentMismatch&) {
        refuse_missing_value(as, words.back());
    } catch (const CLI::ParseError& error) {
        throw usage_error(std::string(error.what()) + "; " + help_of(as));
    }

    parsed_options parsed;
    parsed.rest = app.remaining();
    refuse_empty_values(
        words_t(words.begin(),
                words.end() - static_cast<std::ptrdiff_t>(parsed.rest.size())));
    if (!parsed.rest.empty() && parsed.rest[0] == "--")
        parsed.rest.erase(parsed.rest.begin());
    else if (!parsed.rest.empty() && parsed.rest[0].size() > 1 &&
             parsed.rest[0][0] == '-')
        refuse_unknown(as, parsed.rest[0]);

    std::map<const CLI::Option*, std::size_t> seen;
    for (const CLI::Option* option : app.parse_order()) {
        const option_row* row = rows.at(option);
        const std::size_t index = seen[option]++;
        std::string value = option->results().at(index);
        const bool flag = row->as.value.empty() ||
                          row->as.takes == option_text::taking::optional;
        if (flag && value == "true")
            value.clear();
        else if (row->as.value.empty())
            throw usage_error(std::string(names_of(row->as).back()) +
                              " takes no value, but was given '" + value + "'");
        parsed.given.emplace_back(row, std::move(value));
    }
    return parsed;
}

void apply(const option_row& row, const std::string& value, options& into)
{
    if (row.set(into, value))
        return;
    // The longest name says most.
    const auto names = names_of(row.as);
    const auto name = *std::max_element(
        names.begin(), names.end(), [](std::string_view a, std::string_view b) {
            return a.size() < b.size();
        });
    throw usage_error(std::string(name) + ": '" + value +
                      "' is not what it takes; give " +
                      std::string(row.as.accepts));
}

// --- The command and the input lists -----------------------------------------

struct list_start {
    input_list::kind from;
    bool linked;
};

std::optional<list_start> list_started_by(const std::string& word)
{
    if (word == ":::")
        return list_start{input_list::kind::words, false};
    if (word == ":::+")
        return list_start{input_list::kind::words, true};
    if (word == "::::")
        return list_start{input_list::kind::file, false};
    if (word == "::::+")
        return list_start{input_list::kind::file, true};
    return {};
}

void read_lists(words_t::const_iterator from, words_t::const_iterator to,
                input_options& input)
{
    while (from != to) {
        const std::string& separator = *from;
        const list_start start = *list_started_by(separator);
        const auto end =
            std::find_if(from + 1, to, [](const std::string& word) {
                return list_started_by(word).has_value();
            });
        words_t values(from + 1, end);
        if (start.linked && input.lists.empty())
            throw usage_error(separator +
                              " links its values to those of a list before "
                              "it, and there is none; begin with ::: or "
                              "::::");
        if (start.from == input_list::kind::words) {
            input.lists.push_back(
                {start.from, std::move(values), start.linked});
        } else {
            if (values.empty())
                throw usage_error(separator +
                                  " needs one or more files after it, such "
                                  "as :::: names.txt");
            for (std::string& path : values)
                input.lists.push_back(
                    {start.from, {std::move(path)}, start.linked});
        }
        from = end;
    }
}

bool has_shell_characters(const std::string& word)
{
    return word.find_first_of(" \t\n|&;<>()$`\\\"'*?[") != std::string::npos;
}

void read_command(words_t rest, options& into)
{
    if (into.as == form::all) {
        into.shell = true;
        into.command = std::move(rest);
        return;
    }
    auto end = rest.end();
    if (into.as == form::each) {
        end = std::find_if(rest.begin(), rest.end(), [](const auto& word) {
            return list_started_by(word).has_value();
        });
        read_lists(end, rest.end(), into.input);
    }
    into.command.assign(std::make_move_iterator(rest.begin()),
                        std::make_move_iterator(end));
    // Without a command, each value is one, as a person would type it.
    if (into.command.empty() && into.as == form::each)
        into.shell = true;
    else if (into.command.size() == 1 && has_shell_characters(into.command[0]))
        into.shell = true;
}

// --- What does not go together -----------------------------------------------

void check(options& asked)
{
    if (asked.as == form::one && asked.command.empty())
        throw usage_error("one: no command was given; for example: "
                          "brood one --timeout 10s make test");
    if (asked.as == form::all && !asked.command.empty() &&
        !asked.commands_file.empty())
        throw usage_error("all: commands come either from -f " +
                          asked.commands_file +
                          " or from the command line, not from both");
    if (asked.as == form::all && !asked.names.empty() &&
        !asked.command.empty() && asked.names.size() != asked.command.size())
        throw usage_error("--names: " + std::to_string(asked.names.size()) +
                          " names for " + std::to_string(asked.command.size()) +
                          " commands; give one for each");
    if (asked.input.csv && !asked.input.colsep.empty())
        throw usage_error("--csv and --colsep: both say how a line is split; "
                          "give one of them");
    if (asked.record.resume) {
        const std::string& report = asked.record.report;
        if (!report.empty() && report != "-" && !report.starts_with("fd:"))
            asked.record.resume_from = report;
        else if (!asked.record.joblog.empty())
            asked.record.resume_from = asked.record.joblog;
        else
            throw usage_error("--resume needs to know what was done before: "
                              "give --report FILE or --joblog FILE, too");
    }
    if (asked.as == form::one && !asked.one_captures && !asked.output.pty) {
        // What the command writes to our own output is not seen by us.
        const bool idle = asked.time.idle_timeout.has_value();
        if (idle || asked.output.max_output)
            throw usage_error(
                std::string(idle ? "--idle-timeout" : "--max-output") +
                ": brood one does not see what the command writes; give "
                "--capture or --pty, too");
    }
    if (asked.as == form::one && asked.time.timeout_percent)
        throw usage_error("--timeout: one command has no median to take a "
                          "percentage of; give a duration, such as 30s");
    if (asked.output.kill_on_overflow && !asked.output.max_output)
        throw usage_error("--on-overflow kill needs a limit: give "
                          "--max-output SIZE, too");
    if (asked.output.how == output_options::mode::ungroup &&
        (asked.output.tag || asked.output.keep_order))
        throw usage_error(
            std::string("--ungroup lets the jobs write by themselves, so ") +
            (asked.output.tag ? "nothing can be put before their lines; "
                              : "their order cannot be kept; ") +
            "use --line-buffer");
}

// --term-seq says all of it.
void check_term_seq(const parsed_options& parsed, const options& asked)
{
    if (asked.time.term_seq.empty())
        return;
    for (const auto& [row, value] : parsed.given)
        for (const std::string_view name : names_of(row->as))
            if (name == "--signal" || name == "--kill-after")
                throw usage_error(std::string(name) +
                                  " has no effect beside --term-seq, which "
                                  "says each signal and how long to wait");
}

std::optional<request::kind> help_or_version(const parsed_options& parsed)
{
    for (const auto& [row, value] : parsed.given) {
        if (row->set != nullptr)
            continue;
        return row->as.names == "--version" ? request::kind::version
                                            : request::kind::help;
    }
    return {};
}

request parse_run(form as, const words_t& words)
{
    request asked;
    asked.asked.as = as;
    parsed_options parsed = read_options(as, words);
    if (const auto other = help_or_version(parsed)) {
        asked.what = *other;
        return asked;
    }
    for (const auto& [row, value] : parsed.given)
        apply(*row, value, asked.asked);
    read_command(std::move(parsed.rest), asked.asked);
    check(asked.asked);
    check_term_seq(parsed, asked.asked);
    return asked;
}

bool is_named_xargs(std::string_view program)
{
    return program == "xargs" || program.ends_with("/xargs");
}

}  // namespace

const std::vector<std::string_view>& subcommands()
{
    static const std::vector<std::string_view> names = {"each", "all", "one",
                                                        "xargs", "report"};
    return names;
}

request parse_command_line(std::string_view program, const words_t& words)
{
    request asked;
    if (is_named_xargs(program)) {
        asked.what = request::kind::xargs;
        asked.rest = words;
        return asked;
    }
    if (words.empty())
        return parse_run(form::each, words);
    const words_t rest(words.begin() + 1, words.end());
    if (words[0] == "each")
        return parse_run(form::each, rest);
    if (words[0] == "all")
        return parse_run(form::all, rest);
    if (words[0] == "one")
        return parse_run(form::one, rest);
    asked.rest = rest;
    if (words[0] == "xargs")
        asked.what = request::kind::xargs;
    else if (words[0] == "report")
        asked.what = request::kind::report;
    else if (words[0] == "completion")
        asked.what = request::kind::completion;
    else if (words[0] == "--help-man")
        asked.what = request::kind::manual;
    else
        return parse_run(form::each, words);
    return asked;
}

}  // namespace cli
