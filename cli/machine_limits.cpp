#include "cli/machine_limits.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

namespace cli {

namespace {

std::string first_line(const std::string& path)
{
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// The cgroup that we are in; `controller` is empty for version 2.
std::string own_cgroup(const std::string& controller)
{
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == std::string::npos)
            continue;
        const auto names = line.substr(first + 1, second - first - 1);
        std::istringstream list(names);
        if (controller.empty() && names.empty())
            return line.substr(second + 1);
        for (std::string name; std::getline(list, name, ',');)
            if (!controller.empty() && name == controller)
                return line.substr(second + 1);
    }
    return {};
}

// Processors' worth of time; none: not limited.
std::optional<double> cgroup_share()
{
    std::optional<double> least;
    const auto count = [&least](double quota, double period) {
        if (quota > 0 && period > 0)
            least = std::min(least.value_or(quota / period), quota / period);
    };
    // A limit of any cgroup above ours holds for us, too.
    for (auto path = own_cgroup("");; path.erase(path.rfind('/'))) {
        std::istringstream line(
            first_line("/sys/fs/cgroup" + path + "/cpu.max"));
        double quota = 0;
        double period = 0;
        if (line >> quota >> period)
            count(quota, period);
        if (path.rfind('/') == std::string::npos)
            break;
    }
    for (auto path = own_cgroup("cpu");; path.erase(path.rfind('/'))) {
        const auto folder = "/sys/fs/cgroup/cpu" + path;
        std::istringstream quota(first_line(folder + "/cpu.cfs_quota_us"));
        std::istringstream period(first_line(folder + "/cpu.cfs_period_us"));
        double most = 0;
        double of = 0;
        if (quota >> most && period >> of)
            count(most, of);
        if (path.rfind('/') == std::string::npos)
            break;
    }
    return least;
}

}  // namespace

unsigned available_processors()
{
    double number = 1;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        number = CPU_COUNT(&set);
    else
        number =
            static_cast<double>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
    if (const auto share = cgroup_share())
        number = std::min(number, std::ceil(*share));
    return static_cast<unsigned>(std::max(1.0, number));
}

unsigned slots_of(const job_limit& asked)
{
    using unit = job_limit::unit;
    const auto at_least_one = [](double number) {
        return static_cast<unsigned>(
            std::clamp(std::floor(number), 1.0, 1000000.0));
    };
    switch (asked.in) {
    case unit::count: return at_least_one(asked.amount);
    case unit::percent:
        return at_least_one(available_processors() * asked.amount / 100);
    case unit::more_than_cpus:
        return at_least_one(available_processors() + asked.amount);
    case unit::unlimited: return 0;
    case unit::available: break;
    }
    return available_processors();
}

std::optional<double> running_tasks()
{
    // proc_loadavg(5): three averages, then "running/all".
    std::istringstream line(first_line("/proc/loadavg"));
    std::string skipped;
    double running = 0;
    if (!(line >> skipped >> skipped >> skipped >> running))
        return {};
    return running - 1;  // ourselves, who are asking
}

std::optional<std::uint64_t> available_memory()
{
    std::optional<std::uint64_t> least;
    std::ifstream file("/proc/meminfo");
    std::string name;
    std::uint64_t kib = 0;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        if (words >> name >> kib && name == "MemAvailable:")
            least = kib * 1024;
    }
    const auto folder = "/sys/fs/cgroup" + own_cgroup("");
    std::istringstream most(first_line(folder + "/memory.max"));
    std::istringstream used(first_line(folder + "/memory.current"));
    std::uint64_t limit = 0;
    std::uint64_t current = 0;
    if (most >> limit && used >> current) {
        const auto left = limit > current ? limit - current : 0;
        least = std::min(least.value_or(left), left);
    }
    return least;
}

}  // namespace cli
