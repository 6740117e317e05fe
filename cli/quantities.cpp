#include "cli/quantities.hpp"

#include <charconv>
#include <cmath>
#include <csignal>
#include <limits>

namespace cli {

namespace {

// std::from_chars takes signs, exponents and "inf"; people who write a
// quantity mean digits and at most one point.
std::size_t length_of_number(std::string_view text)
{
    bool point = false;
    bool digit = false;
    std::size_t length = 0;
    for (; length < text.size(); ++length) {
        const char c = text[length];
        if (c >= '0' && c <= '9')
            digit = true;
        else if (c == '.' && !point)
            point = true;
        else
            break;
    }
    return digit ? length : 0;
}

// Takes the number that `text` starts with out of it.
std::optional<double> take_number(std::string_view& text)
{
    const std::size_t length = length_of_number(text);
    if (length == 0)
        return {};
    double value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + length,
                                           value, std::chars_format::fixed);
    if (ec != std::errc() || end != text.data() + length)
        return {};
    text.remove_prefix(length);
    return value;
}

std::optional<double> seconds_in(std::string_view unit)
{
    if (unit == "ms")
        return 0.001;
    if (unit == "s")
        return 1;
    if (unit == "m")
        return 60;
    if (unit == "h")
        return 3600;
    if (unit == "d")
        return 86400;
    return {};
}

std::string_view take_letters(std::string_view& text)
{
    std::size_t length = 0;
    while (length < text.size() &&
           ((text[length] >= 'a' && text[length] <= 'z') ||
            (text[length] >= 'A' && text[length] <= 'Z')))
        ++length;
    const std::string_view letters = text.substr(0, length);
    text.remove_prefix(length);
    return letters;
}

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::optional<duration> parse_duration(std::string_view text)
{
    double seconds = 0;
    bool first = true;
    do {
        const auto number = take_number(text);
        if (!number)
            return {};
        if (first && text.empty()) {
            seconds = *number;
            break;
        }
        const auto unit = seconds_in(take_letters(text));
        if (!unit)
            return {};
        seconds += *number * *unit;
        first = false;
    } while (!text.empty());
    // Half the range: a clock's time is still to be added to it.
    constexpr double longest =
        static_cast<double>(std::numeric_limits<std::int64_t>::max() / 2) / 1e9;
    if (!(seconds <= longest))
        return {};
    return duration(static_cast<std::int64_t>(std::llround(seconds * 1e9)));
}

std::optional<std::uint64_t> parse_size(std::string_view text)
{
    const auto number = take_number(text);
    if (!number)
        return {};
    double factor = 1;
    if (!text.empty()) {
        const auto step = std::string_view("kmgtp").find(lower(text.front()));
        if (step != std::string_view::npos) {
            factor = std::pow(1024.0, static_cast<double>(step + 1));
            text.remove_prefix(1);
            if (text.starts_with("i"))
                text.remove_prefix(1);
        }
        if (text.starts_with("B"))
            text.remove_prefix(1);
        if (!text.empty())
            return {};
    }
    const double bytes = *number * factor;
    if (!(bytes < 9.0e18))
        return {};
    return static_cast<std::uint64_t>(std::llround(bytes));
}

std::optional<std::uint64_t> parse_count(std::string_view text)
{
    std::uint64_t value = 0;
    const auto [end, ec] =
        std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || ec != std::errc() || end != text.data() + text.size())
        return {};
    return value;
}

std::optional<int> parse_integer(std::string_view text)
{
    int value = 0;
    const auto [end, ec] =
        std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || ec != std::errc() || end != text.data() + text.size())
        return {};
    return value;
}

std::optional<double> parse_number(std::string_view text)
{
    const auto value = take_number(text);
    return text.empty() ? value : std::nullopt;
}

std::optional<double> parse_percent(std::string_view text)
{
    if (!text.ends_with('%'))
        return {};
    text.remove_suffix(1);
    return parse_number(text);
}

std::optional<job_limit> parse_job_limit(std::string_view text)
{
    // More could not run on any machine, and would not fit an unsigned.
    constexpr std::uint64_t most = 1'000'000;
    if (text.ends_with('%')) {
        const auto percent = parse_percent(text);
        if (!percent || *percent <= 0 || *percent > 1e6)
            return {};
        return job_limit{job_limit::unit::percent, *percent};
    }
    const bool more = text.starts_with('+');
    if (more)
        text.remove_prefix(1);
    const auto count = parse_count(text);
    if (!count || *count > most)
        return {};
    if (more)
        return job_limit{job_limit::unit::more_than_cpus,
                         static_cast<double>(*count)};
    if (*count == 0)
        return job_limit{job_limit::unit::unlimited, 0};
    return job_limit{job_limit::unit::count, static_cast<double>(*count)};
}

namespace {

struct named_signal {
    std::string_view name;
    int number;
};

// POSIX's, and what Linux has besides.
constexpr named_signal signals[] = {
    {"HUP", SIGHUP},     {"INT", SIGINT},   {"QUIT", SIGQUIT},
    {"ILL", SIGILL},     {"TRAP", SIGTRAP}, {"ABRT", SIGABRT},
    {"IOT", SIGABRT},    {"BUS", SIGBUS},   {"FPE", SIGFPE},
    {"KILL", SIGKILL},   {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},
    {"USR2", SIGUSR2},   {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},
    {"TERM", SIGTERM},   {"CHLD", SIGCHLD}, {"CONT", SIGCONT},
    {"STOP", SIGSTOP},   {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN},
    {"TTOU", SIGTTOU},   {"URG", SIGURG},   {"XCPU", SIGXCPU},
    {"XFSZ", SIGXFSZ},   {"PROF", SIGPROF}, {"VTALRM", SIGVTALRM},
    {"WINCH", SIGWINCH}, {"SYS", SIGSYS},
#ifdef SIGIO
    {"IO", SIGIO},
#endif
#ifdef SIGPWR
    {"PWR", SIGPWR},
#endif
};

}  // namespace

std::optional<int> parse_signal(std::string_view text)
{
    if (const auto number = parse_count(text)) {
        constexpr std::uint64_t highest = 64;
        if (*number < 1 || *number > highest)
            return {};
        return static_cast<int>(*number);
    }
    std::string name;
    for (const char c : text)
        name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    std::string_view plain = name;
    if (plain.starts_with("SIG"))
        plain.remove_prefix(3);
    for (const named_signal& signal : signals)
        if (signal.name == plain)
            return signal.number;
    return {};
}

std::optional<std::pair<unsigned short, unsigned short>>
parse_terminal_size(std::string_view text)
{
    const std::size_t x = text.find('x');
    if (x == std::string_view::npos)
        return {};
    const auto columns = parse_count(text.substr(0, x));
    const auto rows = parse_count(text.substr(x + 1));
    constexpr std::uint64_t most = std::numeric_limits<unsigned short>::max();
    if (!columns || !rows || *columns == 0 || *rows == 0 || *columns > most ||
        *rows > most)
        return {};
    return std::pair(static_cast<unsigned short>(*columns),
                     static_cast<unsigned short>(*rows));
}

std::vector<std::string_view> split_at(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

namespace {

// The byte that the escape at the start of `text`, after its backslash, stands
// for; takes it out of `text`.
std::optional<char> take_escape(std::string_view& text)
{
    const char letter = text.front();
    text.remove_prefix(1);
    constexpr std::string_view letters = "abfnrtv0\\";
    constexpr std::string_view meanings("\a\b\f\n\r\t\v\0\\", 9);
    const std::size_t found = letters.find(letter);
    if (letter == 'x' && !text.empty()) {
        unsigned value = 0;
        const std::size_t length = text.size() < 2 ? text.size() : 2;
        const auto [end, ec] =
            std::from_chars(text.data(), text.data() + length, value, 16);
        if (ec != std::errc())
            return {};
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        return static_cast<char>(value);
    }
    if (found == std::string_view::npos)
        return {};
    return meanings[found];
}

}  // namespace

std::optional<std::string> parse_delimiter(std::string_view text)
{
    std::string delimiter;
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c != '\\' || text.empty()) {
            delimiter += c;
            continue;
        }
        const auto meant = take_escape(text);
        if (!meant)
            return {};
        delimiter += *meant;
    }
    if (delimiter.empty())
        return {};
    return delimiter;
}

}  // namespace cli
