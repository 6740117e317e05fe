// proc_stat.cpp: see proc_stat.hpp.
#include "os/linux/proc_stat.hpp"

#include "os/linux/proc_file.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <system_error>

namespace brood::os {

namespace {

// The fields behind the name, by their numbers in proc_pid_stat(5); only
// forwards.
class fields {
public:
    explicit fields(std::string_view behind_name) noexcept : rest_(behind_name)
    {
    }

    std::string_view text(int number) noexcept
    {
        std::string_view field;
        for (; last_ != number; ++last_) {
            rest_.remove_prefix(
                std::min(rest_.find_first_not_of(' '), rest_.size()));
            field = rest_.substr(0, rest_.find_first_of(" \n"));
            rest_.remove_prefix(field.size());
        }
        return field;
    }

    template <class Number>
    bool read(int number, Number& to) noexcept
    {
        const auto field = text(number);
        const auto* const end = field.data() + field.size();
        return std::from_chars(field.data(), end, to).ec == std::errc();
    }

private:
    std::string_view rest_;
    int last_ = 2;  // the name
};

}  // namespace

// "4711 (any) name) S 1 4711 4711 0 -1 ..." The name may hold anything; what
// follows the last parenthesis is fields of known order.
std::optional<proc_stat> parse_proc_stat(std::string_view line) noexcept
{
    const auto name_end = line.rfind(')');
    if (name_end == line.npos)
        return std::nullopt;
    fields behind(line.substr(name_end + 1));
    proc_stat found;
    const auto state = behind.text(3);
    if (state.size() != 1 || !behind.read(4, found.parent) ||
        !behind.read(5, found.group) || !behind.read(6, found.session) ||
        !behind.read(20, found.threads) || !behind.read(22, found.start))
        return std::nullopt;
    found.state = state.front();
    int status = 0;
    if (behind.read(52, status))
        found.wait_status = status;
    return found;
}

std::optional<proc_stat> read_proc_stat(int pid, int& error) noexcept
{
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const proc_file file(path);
    error = file.error();
    // It has gone since the file was opened.
    if (!error && file.text().empty())
        error = ESRCH;
    return error ? std::nullopt : parse_proc_stat(file.text());
}

}  // namespace brood::os
