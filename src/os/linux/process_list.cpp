// process_list.cpp: reads /proc/<pid>/stat (proc(5)).
#include "os/process_list.hpp"

#include "os/posix/descriptor.hpp"
#include "os/posix/system_call.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <charconv>
#include <memory>
#include <string>
#include <string_view>

namespace brood::os {

namespace {

// "4711 (any) name) S 1 4711 4711 0 -1 ..." The name may hold anything; what
// follows the last parenthesis is fields of known order.
std::optional<process_entry> parse(int pid, std::string_view line)
{
    const auto after_name = line.rfind(')');
    if (after_name == line.npos)
        return std::nullopt;
    line.remove_prefix(after_name + 1);

    const auto next_field = [&line]() -> std::string_view {
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        const auto field = line.substr(0, line.find(' '));
        line.remove_prefix(field.size());
        return field;
    };
    const auto next_number = [&](auto& number) {
        const auto field = next_field();
        const auto* const end = field.data() + field.size();
        return std::from_chars(field.data(), end, number).ec == std::errc();
    };

    process_entry entry;
    entry.pid = pid;
    const auto state = next_field();
    if (!next_number(entry.parent) || !next_number(entry.group) ||
        !next_number(entry.session))
        return std::nullopt;
    constexpr int before_threads = 13;  // tty_nr (7) to nice (19)
    for (int i = 0; i != before_threads; ++i)
        next_field();
    int thread_count = 0;
    if (!next_number(thread_count))
        return std::nullopt;
    next_field();  // itrealvalue
    if (!next_number(entry.start))
        return std::nullopt;
    entry.alive =
        (state != "Z" && state != "X" && state != "x") || thread_count > 1;
    return entry;
}

bool is_shortage(int error) noexcept
{
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

}  // namespace

std::optional<process_entry> look_up_process(int pid, int& error)
{
    const auto path = "/proc/" + std::to_string(pid) + "/stat";
    const long opened = system_call(SYS_openat, AT_FDCWD, path.c_str(),
                                    O_RDONLY | O_CLOEXEC);
    error = opened < 0 ? static_cast<int>(-opened) : 0;
    if (error)
        return std::nullopt;
    const descriptor file(static_cast<int>(opened));
    // One read gives all: the name has 64 bytes at most, the rest is numbers.
    char bytes[1024];
    const long size = system_call(SYS_read, file.number(), bytes, sizeof bytes);
    if (size <= 0) {
        error = ESRCH;
        return std::nullopt;
    }
    return parse(pid, {bytes, static_cast<std::size_t>(size)});
}

process_list list_processes()
{
    process_list all;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"),
                                                        ::closedir);
    if (!directory) {
        all.whole = !is_shortage(errno);
        all.readable = !all.whole;
        return all;
    }
    while (const auto* const each = ::readdir(directory.get())) {
        const std::string_view name = each->d_name;
        int pid = 0;
        const auto parsed =
            std::from_chars(name.data(), name.data() + name.size(), pid);
        if (parsed.ec != std::errc() ||
            parsed.ptr != name.data() + name.size())
            continue;
        int error = 0;
        if (const auto entry = look_up_process(pid, error))
            all.entries.push_back(*entry);
        all.whole = all.whole && !is_shortage(error);
    }
    // Not even ourselves: this is no /proc.
    all.readable = !all.entries.empty() || !all.whole;
    return all;
}

}  // namespace brood::os
