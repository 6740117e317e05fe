// measure.hpp: what the measured programs share: clocks, arguments, output.
//
//   bench-<which> WORK COUNT TINY
//
// does WORK with COUNT children (or bytes, or lines) of the program TINY, and
// prints one line of JSON: what each of them took. run.py compares.
//
//   {"seconds": S, "processor": S}      of one piece; spawn_*: the median one
//       and of `alive`: "memory_kib", "descriptors" (per child), "threads"
//       and of `stall`: "tick_median", "tick_p99", "tick_longest", "held",
//                       "held_p99" (all in seconds)
//   {"left_out": "why"}                 where there is nothing to measure
//
// With BROOD_BENCH_GIB=N the program first touches that much memory.
#pragma once

#include <sys/resource.h>
#include <sys/time.h>

#include <dirent.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace bench {

constexpr long block_size = 256 * 1024;
constexpr long line_size = 8;  // of `tiny lines`
constexpr int children_in_flight = 64;
constexpr int few_in_flight = 2;
constexpr int stall_in_flight = 16;  // of `stall`
constexpr std::chrono::milliseconds tick{1};

[[noreturn]] inline void fail(const char* what)
{
    std::perror(what);
    std::exit(1);
}

// Stops the work's time: by the clock, and of the processors. The latter is
// that of this process and of the children that it has reaped.
class stopwatch {
public:
    // Ends one of many equal pieces of work.
    void lap()
    {
        const auto now = clock::now();
        laps_.push_back(seconds_between(lap_began_, now));
        lap_began_ = now;
    }

    // The seconds of one piece. The median where there were laps, for on a
    // busy machine a few of them wait for a processor; else the mean.
    double each(long count) const
    {
        if (laps_.empty())
            return seconds_between(began_, clock::now()) /
                   static_cast<double>(count);
        auto sorted = laps_;
        const auto middle =
            sorted.begin() + static_cast<long>(sorted.size() / 2);
        std::nth_element(sorted.begin(), middle, sorted.end());
        return *middle;
    }
    double processor_of_each(long count) const
    {
        return (used() - used_) / static_cast<double>(count);
    }

private:
    using clock = std::chrono::steady_clock;

    static double seconds_between(clock::time_point from, clock::time_point to)
    {
        return std::chrono::duration<double>(to - from).count();
    }
    static double used()
    {
        double sum = 0;
        for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
            rusage usage{};
            ::getrusage(who, &usage);
            for (const auto& time : {usage.ru_utime, usage.ru_stime})
                sum += static_cast<double>(time.tv_sec) +
                       static_cast<double>(time.tv_usec) / 1e6;
        }
        return sum;
    }

    clock::time_point began_ = clock::now();
    clock::time_point lap_began_ = began_;
    double used_ = used();
    std::vector<double> laps_;
};

inline void report(const stopwatch& watch, long count)
{
    std::printf("{\"seconds\": %.12f, \"processor\": %.12f}\n",
                watch.each(count), watch.processor_of_each(count));
}

// What this process holds: for the cost of a child that is just there.
struct footprint {
    double memory_kib = 0;
    int descriptors = 0;
    int threads = 0;

    static footprint now()
    {
        footprint seen;
        seen.descriptors = entries("/proc/self/fd");
        seen.threads = entries("/proc/self/task");
        char line[256];
        std::FILE* const status = std::fopen("/proc/self/status", "r");
        while (status && std::fgets(line, sizeof line, status))
            if (std::strncmp(line, "RssAnon:", 8) == 0)
                seen.memory_kib = std::atof(line + 8);
        if (status)
            std::fclose(status);
        return seen;
    }

private:
    static int entries(const char* path)
    {
        int count = 0;
        DIR* const directory = ::opendir(path);
        while (const auto* const entry =
                   directory ? ::readdir(directory) : nullptr)
            count += entry->d_name[0] != '.';
        if (directory)
            ::closedir(directory);
        return count;
    }
};

// Two thousand children need more descriptors than the usual limit.
inline void allow_many_descriptors()
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

inline void report(const stopwatch& watch, long count, const footprint& before,
                   const footprint& with_children)
{
    const auto number = static_cast<double>(count);
    std::printf(
        "{\"seconds\": %.12f, \"processor\": %.12f, \"memory_kib\": %.3f, "
        "\"descriptors\": %.3f, \"threads\": %d}\n",
        watch.each(count), watch.processor_of_each(count),
        (with_children.memory_kib - before.memory_kib) / number,
        (with_children.descriptors - before.descriptors) / number,
        with_children.threads);
}

inline void left_out(const char* why)
{
    std::printf("{\"left_out\": \"%s\"}\n", why);
}

// For a loop with a ticker: how late its ticks are, and how long each start
// of a child keeps the loop's thread.
class stalls {
public:
    using clock = std::chrono::steady_clock;

    // Of each tick, when the loop gets to it; the next is due one tick later.
    void ticked()
    {
        const auto now = clock::now();
        late_.push_back(seconds(now - last_ - tick));
        last_ = now;
    }
    void held(clock::time_point since)
    {
        held_.push_back(seconds(clock::now() - since));
    }

    void report(const stopwatch& watch, long count)
    {
        // A loop that never got to its last tick is late, too.
        if (clock::now() - last_ > tick)
            ticked();
        std::printf("{\"seconds\": %.12f, \"processor\": %.12f, "
                    "\"tick_median\": %.9f, \"tick_p99\": %.9f, "
                    "\"tick_longest\": %.9f, \"held\": %.9f, "
                    "\"held_p99\": %.9f}\n",
                    watch.each(count), watch.processor_of_each(count),
                    at(late_, 0.5), at(late_, 0.99), at(late_, 1),
                    at(held_, 0.5), at(held_, 0.99));
    }

private:
    static double seconds(clock::duration time)
    {
        return std::max(0.0, std::chrono::duration<double>(time).count());
    }
    static double at(std::vector<double>& values, double part)
    {
        if (values.empty())
            return 0;
        std::sort(values.begin(), values.end());
        return values[static_cast<std::size_t>(
            part * static_cast<double>(values.size() - 1))];
    }

    clock::time_point last_ = clock::now();
    std::vector<double> late_;
    std::vector<double> held_;
};

// The memory of a big program, as far as BROOD_BENCH_GIB asks for one. Never
// freed.
inline void touch_memory()
{
    const char* const gib = std::getenv("BROOD_BENCH_GIB");
    const auto size = gib ? std::strtoul(gib, nullptr, 10) << 30 : 0;
    if (size == 0)
        return;
    auto* const memory = static_cast<volatile char*>(std::malloc(size));
    if (!memory)
        fail("malloc");
    for (unsigned long at = 0; at < size; at += 4096)
        memory[at] = 1;
}

// Calls the function of the work named in argv.
template <class Works>
int run_named_work(int argc, char** argv, const Works& works)
{
    touch_memory();
    if (argc == 4)
        for (const auto& [name, work] : works)
            if (argv[1] == std::string(name)) {
                work(argv[3], std::atol(argv[2]));
                return 0;
            }
    std::fprintf(stderr, "usage: %s WORK COUNT TINY, where WORK is one of:\n",
                 argv[0]);
    for (const auto& [name, work] : works)
        std::fprintf(stderr, "  %s\n", name);
    return 2;
}

}  // namespace bench
