#include "cli/process_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>

namespace cli {

namespace {

// Up to `most` bytes of a file of /proc; empty where it cannot be read.
std::string read_proc(int pid, const char* name, std::size_t most)
{
    const auto path = "/proc/" + std::to_string(pid) + "/" + name;
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return {};
    std::string bytes;
    std::size_t have = 0;
    while (have < most) {
        bytes.resize(std::min(most, have + 4096));
        const auto got = read(file, bytes.data() + have, bytes.size() - have);
        if (got <= 0)
            break;
        have += static_cast<std::size_t>(got);
    }
    close(file);
    bytes.resize(have);
    return bytes;
}

std::uint64_t next_number(std::string_view& rest)
{
    while (!rest.empty() && rest.front() == ' ')
        rest.remove_prefix(1);
    std::uint64_t value = 0;
    const auto end =
        std::from_chars(rest.data(), rest.data() + rest.size(), value).ptr;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    // Negative, or not a number: a field that nobody here asks for.
    while (!rest.empty() && rest.front() != ' ')
        rest.remove_prefix(1);
    return value;
}

// proc(5): pid (comm) state ppid pgrp session tty tpgid flags ... starttime,
// the 22nd. The name may hold anything, also parentheses.
std::optional<tree_process> look_up(int pid)
{
    const auto text = read_proc(pid, "stat", 2048);
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos || name_end + 3 > text.size())
        return {};
    tree_process found;
    found.pid = pid;
    const char state = text[name_end + 2];
    found.alive = state != 'Z' && state != 'X';
    std::string_view rest(text);
    rest.remove_prefix(name_end + 3);
    found.parent = static_cast<int>(next_number(rest));
    found.group = static_cast<int>(next_number(rest));
    for (int field = 6; field < 22; ++field)
        next_number(rest);
    found.start = next_number(rest);
    return found;
}

}  // namespace

std::vector<tree_process> list_processes()
{
    std::vector<tree_process> all;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"),
                                                     closedir);
    if (!folder)
        return all;
    while (const dirent* const entry = readdir(folder.get())) {
        const std::string_view name(entry->d_name);
        int pid = 0;
        const auto end =
            std::from_chars(name.data(), name.data() + name.size(), pid);
        if (end.ec != std::errc() || end.ptr != name.data() + name.size())
            continue;
        if (auto found = look_up(pid))
            all.push_back(*found);
    }
    return all;
}

std::vector<tree_process> descendants(const std::vector<tree_process>& all,
                                      int root)
{
    std::multimap<int, const tree_process*> children;
    for (const auto& each : all)
        children.emplace(each.parent, &each);
    std::vector<tree_process> found;
    std::vector<int> parents{root};
    // No endless loop where the snapshot is inconsistent: each is taken once.
    while (!parents.empty()) {
        const int parent = parents.back();
        parents.pop_back();
        const auto [first, last] = children.equal_range(parent);
        for (auto each = first; each != last; ++each) {
            found.push_back(*each->second);
            parents.push_back(each->second->pid);
        }
        children.erase(first, last);
    }
    return found;
}

std::vector<std::string> arguments_of(int pid)
{
    std::vector<std::string> words;
    const auto text = read_proc(pid, "cmdline", 16 * 1024);
    for (std::size_t at = 0; at < text.size();) {
        auto end = text.find('\0', at);
        if (end == std::string::npos)
            end = text.size();
        words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    if (words.empty()) {
        auto name = read_proc(pid, "comm", 64);
        if (!name.empty() && name.back() == '\n')
            name.pop_back();
        words.push_back("[" + name + "]");
    }
    return words;
}

std::string environment_of(int pid, std::string_view name)
{
    const auto text = read_proc(pid, "environ", 4u << 20);
    for (std::size_t at = 0; at < text.size();) {
        auto end = text.find('\0', at);
        if (end == std::string::npos)
            end = text.size();
        const auto each = std::string_view(text).substr(at, end - at);
        if (each.size() > name.size() && each[name.size()] == '=' &&
            each.starts_with(name))
            return std::string(each.substr(name.size() + 1));
        at = end + 1;
    }
    return {};
}

std::string cgroup_of(int pid)
{
    const auto text = "\n" + read_proc(pid, "cgroup", 64 * 1024);
    const std::string_view mark = "\n0::";
    const auto at = text.find(mark);
    if (at == std::string::npos)
        return {};
    const auto begin = at + mark.size();
    return text.substr(begin, text.find('\n', begin) - begin);
}

bool signal_process(const tree_process& whom, int signal)
{
    const auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, whom.pid, 0));
    if (pidfd < 0) {
        // No pidfds here (an old kernel, a filter), or no descriptors left:
        // look, then shoot, with as little as can be in between.
        if (errno == ESRCH)
            return false;
        const auto now = look_up(whom.pid);
        return now && now->start == whom.start && kill(whom.pid, signal) == 0;
    }
    const auto now = look_up(whom.pid);
    const bool same = now && now->start == whom.start;
    const bool sent =
        same && syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
    close(pidfd);
    return sent;
}

}  // namespace cli
