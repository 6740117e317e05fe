#include "cli/process_usage.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

namespace cli {

namespace {

struct process_stat {
    int parent = 0;
    std::uint64_t ticks = 0;
    std::uint64_t pages = 0;
};

// /proc/PID/stat, proc(5): after the name, which is in parentheses and may
// hold more of them, come state (3), ppid (4), ..., utime (14), stime, cutime,
// cstime (17), ..., rss (24).
bool parse_stat(const char* text, process_stat& to)
{
    auto at = std::strrchr(text, ')');
    if (at == nullptr)
        return false;
    unsigned long long utime = 0;
    unsigned long long stime = 0;
    long long cutime = 0;
    long long cstime = 0;
    long long rss = 0;
    auto read = std::sscanf(
        at + 1,
        " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld "
        "%*d %*d %*d %*d %*u %*u %lld",
        &to.parent, &utime, &stime, &cutime, &cstime, &rss);
    if (read != 6)
        return false;
    to.ticks = utime + stime + static_cast<unsigned long long>(cutime) +
               static_cast<unsigned long long>(cstime);
    to.pages = rss > 0 ? static_cast<std::uint64_t>(rss) : 0;
    return true;
}

bool read_stat(int folder, int pid, process_stat& to)
{
    auto path = std::to_string(pid) + "/stat";
    int fd = ::openat(folder, path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    std::array<char, 1024> text;
    auto got = ::read(fd, text.data(), text.size() - 1);
    ::close(fd);
    if (got <= 0)
        return false;
    text[static_cast<std::size_t>(got)] = '\0';
    return parse_stat(text.data(), to);
}

std::unordered_map<int, process_stat> all_processes()
{
    std::unordered_map<int, process_stat> all;
    std::unique_ptr<::DIR, int (*)(::DIR*)> folder(::opendir("/proc"),
                                                   &::closedir);
    if (!folder)
        return all;
    while (auto entry = ::readdir(folder.get())) {
        int pid = std::atoi(entry->d_name);
        process_stat stat;
        if (pid > 0 && read_stat(::dirfd(folder.get()), pid, stat))
            all.emplace(pid, stat);
    }
    return all;
}

}  // namespace

void process_usage::sample(const std::vector<int>& jobs, clock::time_point now)
{
    if (now < next_)
        return;
    // The real clock: `now` may be a test's.
    auto begin = clock::now();
    auto all = all_processes();
    std::unordered_map<int, job_usage> found;
    for (int job : jobs)
        if (all.contains(job))
            found.emplace(job, job_usage{});
    static const auto page =
        static_cast<std::uint64_t>(std::max(::sysconf(_SC_PAGESIZE), 1L));
    memory_ = 0;
    for (const auto& [pid, stat] : all) {
        // A loop cannot be, but what is read is not of one moment.
        int root = pid;
        for (int up = 0; up < 64 && root > 1 && !found.contains(root); ++up) {
            auto parent = all.find(root);
            root = parent == all.end() ? 0 : parent->second.parent;
        }
        auto job = found.find(root);
        if (job == found.end())
            continue;
        job->second.memory += stat.pages * page;
        job->second.ticks += stat.ticks;
        memory_ += stat.pages * page;
    }
    static const auto hertz =
        static_cast<double>(std::max(::sysconf(_SC_CLK_TCK), 1L));
    std::chrono::duration<double> since = now - last_;
    double ticks = 0;
    for (const auto& [job, usage] : found) {
        auto before = jobs_.find(job);
        auto had = before == jobs_.end() ? 0 : before->second.ticks;
        // Less than before: a child of its children was given away.
        ticks += usage.ticks > had ? static_cast<double>(usage.ticks - had) : 0;
    }
    cpus_ =
        jobs_.empty() || since.count() <= 0 ? 0 : ticks / hertz / since.count();
    jobs_ = std::move(found);
    last_ = now;
    next_ = now + std::max<clock::duration>(std::chrono::seconds(1),
                                            (clock::now() - begin) * 100);
}

std::uint64_t process_usage::memory_of(int job) const
{
    auto found = jobs_.find(job);
    return found == jobs_.end() ? 0 : found->second.memory;
}

}  // namespace cli
