// getopt reads these, not the parser of the other forms: xargs knows options
// whose value may be there or not (-i, -iX), and its users know getopt's
// messages and its abbreviations of long options.

#include "cli/xargs_options.hpp"

#include "cli/quantities.hpp"

#include <climits>
#include <cstdint>
#include <iterator>
#include <utility>

#include <getopt.h>

namespace cli {

namespace {

constexpr auto required = option_text::taking::required;
constexpr auto optional_value = option_text::taking::optional;
constexpr std::string_view input_group = "Input";
constexpr std::string_view line_group = "Command lines";
constexpr std::string_view run_group = "Execution";
constexpr std::string_view other_group = "Other";

constexpr option_text texts[] = {
    {"-0,--null", "", required, input_group,
     "Items end with a NUL; quotes, backslashes and -E mean nothing.", "", ""},
    {"-a,--arg-file", "FILE", required, input_group,
     "Read items from FILE; the commands keep our standard input.", "", "file"},
    {"-d,--delimiter", "C", required, input_group,
     "Items end with the character C (or an escape: \\n, \\t, \\x41, \\101); "
     "quotes, backslashes and -E mean nothing.",
     "", ""},
    {"-E", "END", required, input_group, "An item END is the end of the input.",
     "", ""},
    {"-e,--eof", "END", optional_value, input_group,
     "As -E; without END there is no such item, as by default.", "", ""},
    {"-I", "STR", required, line_group,
     "Run the command once for each line, with the line in place of STR in "
     "its arguments. Implies -x and -L 1.",
     "", ""},
    {"-i,--replace", "STR", optional_value, line_group,
     "As -I; without STR it is {}.", "", ""},
    {"-L", "N", required, line_group,
     "At most N lines that are not blank for each command; a line that ends "
     "with a blank goes on in the next. Implies -x.",
     "", ""},
    {"-l,--max-lines", "N", optional_value, line_group,
     "As -L; without N it is 1.", "", ""},
    {"-n,--max-args", "N", required, line_group,
     "At most N items for each command.", "", ""},
    {"-s,--max-chars", "N", required, line_group,
     "At most N bytes in each command, with a NUL behind each word.", "", ""},
    {"-x,--exit", "", required, line_group,
     "End if a command would be longer than -s allows.", "", ""},
    {"-r,--no-run-if-empty", "", required, run_group,
     "Without any item, do not run the command, not even once.", "", ""},
    {"-P,--max-procs", "N", required, run_group,
     "Run up to N commands at once, 0 for no limit; 1 by default. SIGUSR1 "
     "and SIGUSR2 change it by one while xargs runs.",
     "", ""},
    {"-o,--open-tty", "", required, run_group,
     "Give the commands the terminal as standard input.", "", ""},
    {"-p,--interactive", "", required, run_group,
     "Ask on the terminal before each command; y runs it. Implies -t.", "", ""},
    {"--process-slot-var", "NAME", required, run_group,
     "Set the variable NAME to a number that no other running command has.", "",
     ""},
    {"-t,--verbose", "", required, run_group,
     "Print each command to standard error before it is run.", "", ""},
    {"--show-limits", "", required, other_group,
     "Print what limits the length of a command.", "", ""},
    {"-h,--help", "", required, other_group, "Print this help.", "", ""},
    {"--version", "", required, other_group, "Print the version.", "", ""},
};

// An option without a letter of its own gets a number beyond all letters.
int code_of(std::size_t row)
{
    const std::string_view name = names_of(texts[row]).front();
    return name.size() == 2 ? name[1] : 256 + static_cast<int>(row);
}

std::string short_options()
{
    // Stop at the first word that is none: it is the command.
    std::string letters = "+";
    for (std::size_t i = 0; i < std::size(texts); ++i) {
        const int code = code_of(i);
        if (code > UCHAR_MAX)
            continue;
        letters += static_cast<char>(code);
        if (texts[i].value.empty())
            continue;
        letters += texts[i].takes == required ? ":" : "::";
    }
    return letters;
}

std::vector<option> long_options(std::vector<std::string>& names)
{
    // Room for all: the entries point to the names.
    names.reserve(std::size(texts));
    std::vector<option> entries;
    for (std::size_t i = 0; i < std::size(texts); ++i) {
        const std::string_view name = names_of(texts[i]).back();
        if (!name.starts_with("--"))
            continue;
        names.emplace_back(name.substr(2));
        int takes = no_argument;
        if (!texts[i].value.empty())
            takes = texts[i].takes == required ? required_argument
                                               : optional_argument;
        entries.push_back({names.back().c_str(), takes, nullptr, code_of(i)});
    }
    entries.push_back({nullptr, 0, nullptr, 0});
    return entries;
}

std::size_t read_number(char letter, const char* text, std::size_t least)
{
    const std::string given = text;
    std::string_view digits = given;
    const bool negative = digits.starts_with('-');
    if (negative)
        digits.remove_prefix(1);
    const auto number = parse_count(digits);
    if (!number)
        throw xargs_usage_error("invalid number \"" + given + "\" for -" +
                                    std::string(1, letter) + " option",
                                true);
    if (negative || *number < least)
        throw xargs_usage_error(
            "value " + given + " for -" + std::string(1, letter) +
                " option should be >= " + std::to_string(least),
            true);
    return *number;
}

[[noreturn]] void refuse_escape(const std::string& text, const std::string& why)
{
    throw xargs_usage_error("Invalid escape sequence " + text +
                                " in input delimiter specification" + why,
                            false);
}

// \101 and \x41.
char read_numeric_escape(const std::string& text)
{
    const bool hex = text[1] == 'x';
    unsigned value = 0;
    std::size_t at = hex ? 2 : 1;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        unsigned digit = 99;
        if (c >= '0' && c <= '9')
            digit = static_cast<unsigned>(c - '0');
        else if (hex && c >= 'a' && c <= 'f')
            digit = static_cast<unsigned>(c - 'a') + 10;
        else if (hex && c >= 'A' && c <= 'F')
            digit = static_cast<unsigned>(c - 'A') + 10;
        if (digit >= (hex ? 16u : 8u))
            break;
        value = value * (hex ? 16u : 8u) + digit;
        if (value > UCHAR_MAX)
            refuse_escape(text, std::string("; character values must not "
                                            "exceed ") +
                                    (hex ? "ff." : "377."));
    }
    if (at < text.size())
        refuse_escape(text, "; trailing characters " + text.substr(at) +
                                " not recognised.");
    return static_cast<char>(value);
}

char read_delimiter(const std::string& text)
{
    if (text.size() == 1)
        return text[0];
    if (text.size() < 2 || text[0] != '\\')
        throw xargs_usage_error(
            "Invalid input delimiter specification " + text +
                ": the delimiter must be either a single character or an "
                "escape sequence starting with \\.",
            false);
    if (text[1] == 'x' || (text[1] >= '0' && text[1] <= '7'))
        return read_numeric_escape(text);
    const auto meant = parse_delimiter(text);
    if (!meant)
        refuse_escape(text, ".");
    if (meant->size() != 1)
        refuse_escape(text, "; trailing characters " + text.substr(2) +
                                " not recognised.");
    return meant->front();
}

// -I, -L and -n exclude each other: the last one counts.
class mode_choice {
public:
    explicit mode_choice(xargs_options& into) : into_(into) {}

    void lines(std::size_t count, const char* name)
    {
        drop_args(name);
        drop_replace(name);
        into_.max_lines = count;
    }
    void args(std::size_t count)
    {
        // One item for each command is what -I does anyway.
        if (into_.replace && count == 1)
            return;
        drop_lines("--max-args/-n");
        drop_replace("--max-args/-n");
        into_.max_args = count;
    }
    void replace(const char* text)
    {
        drop_args("--replace/-I/-i");
        drop_lines("--replace/-I/-i");
        into_.replace = text != nullptr ? text : "{}";
    }

private:
    void warn(const std::string& before, const std::string& now)
    {
        into_.warnings.push_back("warning: options --" + before + " and " +
                                 now +
                                 " are mutually exclusive, ignoring previous "
                                 "--" +
                                 before + " value");
    }
    void drop_args(const char* now)
    {
        if (std::exchange(into_.max_args, std::nullopt))
            warn("max-args", now);
    }
    void drop_lines(const char* now)
    {
        if (std::exchange(into_.max_lines, std::nullopt))
            warn("max-lines", now);
    }
    void drop_replace(const char* now)
    {
        if (std::exchange(into_.replace, std::nullopt))
            warn("replace", now);
    }

    xargs_options& into_;
};

// What makes the commands; false: it is another option.
bool take_shape(int code, const char* value, xargs_options& into)
{
    mode_choice mode(into);
    switch (code) {
    case '0': into.delimiter = '\0'; return true;
    case 'a': into.arg_file = value; return true;
    case 'd': into.delimiter = read_delimiter(value); return true;
    case 'E':
    case 'e': into.end_of_file = value != nullptr ? value : ""; return true;
    case 'I':
    case 'i': mode.replace(value); return true;
    case 'L': mode.lines(read_number('L', value, 1), "-L"); return true;
    case 'l':
        mode.lines(value != nullptr ? read_number('l', value, 1) : 1,
                   "--max-lines/-l");
        return true;
    case 'n': mode.args(read_number('n', value, 1)); return true;
    case 's': into.max_chars = read_number('s', value, 1); return true;
    default: return false;
    }
}

void take_switch(int code, xargs_options& into)
{
    switch (code) {
    case 'x': into.exit_if_too_long = true; break;
    case 'r': into.no_run_if_empty = true; break;
    case 'o': into.open_tty = true; break;
    case 'p':
        into.ask = true;
        into.print_commands = true;
        break;
    case 't': into.print_commands = true; break;
    case 'h': into.help = true; break;
    default: break;
    }
}

void take(int code, const char* value, xargs_options& into)
{
    if (take_shape(code, value, into))
        return;
    if (code == 'P') {
        into.max_procs = read_number('P', value, 0);
        return;
    }
    if (code <= UCHAR_MAX) {
        take_switch(code, into);
        return;
    }
    const auto row = static_cast<std::size_t>(code - 256);
    const std::string_view name = texts[row].names;
    if (name == "--process-slot-var") {
        into.slot_variable = value;
        if (into.slot_variable.find('=') != std::string::npos)
            throw xargs_usage_error("option --process-slot-var may not be set "
                                    "to a value which includes `='",
                                    false);
    } else if (name == "--show-limits") {
        into.show_limits = true;
    } else if (name == "--version") {
        into.version = true;
    }
}

}  // namespace

std::span<const option_text> xargs_option_texts() noexcept
{
    return texts;
}

xargs_options parse_xargs(const std::string& program,
                          const std::vector<std::string>& words)
{
    std::vector<std::string> copies{program};
    copies.insert(copies.end(), words.begin(), words.end());
    std::vector<char*> argv;
    for (std::string& word : copies)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    const int argc = static_cast<int>(copies.size());

    std::vector<std::string> long_names;
    const std::vector<option> entries = long_options(long_names);
    const std::string letters = short_options();
    xargs_options asked;
    // glibc: 0 makes it forget an earlier parse altogether.
    optind = 0;
    while (true) {
        const int code = getopt_long(argc, argv.data(), letters.c_str(),
                                     entries.data(), nullptr);
        if (code == -1)
            break;
        if (code == '?')
            throw xargs_usage_error("", true);
        take(code, optarg, asked);
    }
    asked.command.assign(copies.begin() + optind, copies.end());
    if (asked.command.empty())
        asked.command = {"echo"};
    // POSIX says so of both.
    if (asked.replace || asked.max_lines)
        asked.exit_if_too_long = true;
    return asked;
}

}  // namespace cli
