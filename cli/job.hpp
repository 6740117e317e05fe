// job: one command to run, and where the next one comes from.

#pragma once

#include <brood/asio.hpp>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace cli {

// The input cannot be read on; its text is one line that names it. The program
// ends with 125, after the jobs that were started.
class input_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct job {
    std::uint64_t seq = 0;  // from 1, in the order of the input
    std::string name;       // empty: none was given
    // What is executed; for a shell line {"/bin/sh", "-c", line}.
    std::vector<std::string> argv;
    bool shell = false;
    std::vector<std::string> values;  // what the input gave
    std::string tag;                  // --tagstring filled in, without the tab
    // The command as a person reads and repeats it: quoted, or the shell line.
    std::string display;
};

// Where the jobs come from, in order, read only as far as asked: an endless
// input is fine.
class job_source {
public:
    virtual ~job_source() = default;

    // The next job, for the slot (from 1) that it will run in, or 0 where that
    // is not known; none: no more. Throws input_error for an input that cannot
    // be read.
    virtual brood::awaitable<std::optional<job>> next(unsigned slot) = 0;

    // How many there will be in all, where that is known already.
    virtual std::optional<std::uint64_t> total() const = 0;
};

}  // namespace cli
