// 12_checksums.cpp: sha256sum of every file of a folder, a child for each.
//
// usage: 12_checksums [FOLDER]                 (default: /usr/include)
//
// As many children at a time as the machine has cores. At the end one run of
// `xargs sha256sum` over the same files must say exactly the same.

#include <brood/brood.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

namespace fs = std::filesystem;
using brood::awaitable;
using brood::piped;

std::vector<std::string> files_below(const fs::path& folder)
{
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file() && !entry.is_symlink())
            files.push_back(entry.path().string());
    std::ranges::sort(files);
    return files;
}

// Runs a command that must succeed, and gives what it printed.
awaitable<std::string> output_of(brood::command what, std::string input = {})
{
    auto child = co_await brood::create_subprocess(what.out(piped).err(piped));
    auto [out, err] = co_await child.communicate(std::move(input));
    if (!child.status()->success())
        throw std::runtime_error(to_string(what) + " " +
                                 to_string(*child.status()) + ": " + err);
    co_return out;
}

// A line on standard error that counts up; only for somebody who looks on.
class progress {
public:
    explicit progress(std::size_t total) : total_(total) {}
    ~progress()
    {
        if (shown_)
            std::cerr << '\n';
    }

    void step()
    {
        ++done_;
        if (shown_ && (done_ % 50 == 0 || done_ == total_))
            std::cerr << '\r' << done_ << " of " << total_ << std::flush;
    }

private:
    std::size_t total_;
    std::size_t done_ = 0;
    bool shown_ = ::isatty(STDERR_FILENO);
};

awaitable<std::string> checksum(const std::string& file, progress& shown)
{
    auto line = co_await output_of(brood::exec("sha256sum", "--", file));
    shown.step();
    co_return line;
}

// A child for each file; the lines come in the order of the files.
awaitable<std::string> one_by_one(const std::vector<std::string>& files)
{
    progress shown(files.size());
    auto work = files | std::views::transform([&shown](const auto& file) {
                    return checksum(file, shown);
                });
    const auto cores = std::max(1U, std::thread::hardware_concurrency());
    const auto lines = co_await brood::gather(work, brood::in_flight(cores));

    std::string all;
    for (const auto& line : lines)
        all += line;
    co_return all;
}

// The names go to xargs through a pipe: no command line holds them all.
awaitable<std::string> all_at_once(const std::vector<std::string>& files)
{
    std::string names;
    for (const auto& file : files)
        names += file + '\0';
    return output_of(brood::exec("xargs", "-0", "sha256sum", "--").in(piped),
                     names);
}

int main(int argc, char** argv)
{
    using clock = std::chrono::steady_clock;
    const auto files = files_below(argc > 1 ? argv[1] : "/usr/include");

    const auto start = clock::now();
    const auto lines = brood::run(one_by_one(files));
    const std::chrono::duration<double> took = clock::now() - start;

    const bool same = lines == brood::run(all_at_once(files));
    std::cout << files.size() << " files, checksums "
              << (same ? "identical" : "DIFFERENT") << '\n'
              << std::fixed << std::setprecision(0)
              << static_cast<double>(files.size()) / took.count()
              << " children per second\n";
    return same ? 0 : 1;
}
