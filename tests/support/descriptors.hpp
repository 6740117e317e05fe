// descriptors.hpp: where descriptors lead, in this process and in a child.
//
// A link of /proc/PID/fd names the file or pipe itself, so it tells which of
// several alike has arrived, whatever the descriptor is good for.
#pragma once

#include "outcome.hpp"

#include <cerrno>
#include <cstring>

#include <map>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace brood_test {

// A descriptor of a test's own.
class test_fd {
public:
    explicit test_fd(int number) : number_(number)
    {
        if (number < 0)
            throw std::system_error(errno, std::generic_category());
    }
    test_fd(test_fd&& other) noexcept
        : number_(std::exchange(other.number_, -1))
    {
    }
    test_fd& operator=(test_fd&&) = delete;
    ~test_fd() { close(); }

    operator int() const noexcept { return number_; }
    void close() noexcept
    {
        if (number_ >= 0)
            ::close(std::exchange(number_, -1));
    }

private:
    int number_;
};

inline test_fd open_file(const std::filesystem::path& path, int flags)
{
    return test_fd(::open(path.c_str(), flags | O_CLOEXEC, 0666));
}

// Makes `path` what this process has as descriptor `number`, inheritable.
inline void redirect(int number, const std::filesystem::path& path,
                     int flags = O_RDWR | O_CREAT)
{
    // Out of the way first: the number itself may be the lowest free one.
    auto opened = open_file(path, flags);
    const test_fd high(::fcntl(opened, F_DUPFD_CLOEXEC, 400));
    opened.close();
    if (::dup2(high, number) < 0)
        throw std::system_error(errno, std::generic_category(), "dup2");
}

inline const std::string closed = "closed";

// Where descriptor `number` of this process leads, or `closed`.
inline std::string link_of(int number)
{
    const auto all = open_descriptors();
    const auto found = all.find(number);
    return found == all.end() ? closed : found->second;
}

// A shell that says on descriptor 9 where its own descriptors lead.
inline brood::command links_reporter(const std::vector<int>& numbers)
{
    std::string line;
    for (const int number : numbers)
        // In a subshell, so that the shell's own descriptors stay.
        line += "(readlink /proc/$$/fd/" + std::to_string(number) +
                " || echo closed) >&9; ";
    // So that the last one is a subshell, too.
    line += "exit 0";
    auto what = brood::shell(line);
    what.child_fd(9, brood::piped_out);
    return what;
}

inline brood::awaitable<std::string> report_of(brood::command reporter)
{
    auto p = co_await brood::create_subprocess(std::move(reporter));
    auto report = co_await p.reader(9).read();
    co_await p.wait();
    co_return report;
}

// Starts `reporter`, refined as the test wants, and gives its answers.
inline std::vector<std::string> links_in(brood::command reporter)
{
    std::istringstream report(brood::run(report_of(std::move(reporter))));
    std::vector<std::string> links;
    for (std::string link; std::getline(report, link);)
        links.push_back(link);
    return links;
}

// The fixture of the tests of a child's descriptors.
class stdio_test : public clean_test {
protected:
    temp_dir dir;
};

// A child that takes nothing and says nothing beyond what a test sets.
inline brood::command quiet(brood::command what)
{
    return what.in(brood::devnull).out(brood::devnull).err(brood::devnull);
}

}  // namespace brood_test
