// process_list.cpp: reads the stat file of each process in /proc.
#include "os/process_list.hpp"

#include "os/linux/proc_stat.hpp"

#include <dirent.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>

namespace brood::os {

namespace {

bool is_shortage(int error) noexcept
{
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

}  // namespace

std::optional<process_entry> look_up_process(int pid, int& error)
{
    const auto found = read_proc_stat(pid, error);
    if (!found)
        return std::nullopt;
    process_entry entry;
    entry.pid = pid;
    entry.parent = found->parent;
    entry.group = found->group;
    entry.session = found->session;
    entry.start = found->start;
    const bool main_thread_lives =
        found->state != 'Z' && found->state != 'X' && found->state != 'x';
    entry.alive = main_thread_lives || found->threads > 1;
    return entry;
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
    // Safe where nobody else reads from the same stream: readdir(3).
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    while (const auto* const each = ::readdir(directory.get())) {
        const std::string_view name = each->d_name;
        int pid = 0;
        const auto parsed =
            std::from_chars(name.data(), name.data() + name.size(), pid);
        if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size())
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
