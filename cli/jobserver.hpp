// jobserver: the tokens that make, ninja and we share, so that nested builds
// do not multiply their jobs.
//
// Everybody has one token from the start and takes another for each further
// job, a byte of a pipe; whoever takes one gives the same byte back. See "POSIX
// Jobserver Interaction" in the manual of GNU make.

#pragma once

#include "cli/options.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

class jobserver {
public:
    jobserver(const jobserver&) = delete;
    jobserver& operator=(const jobserver&) = delete;
    ~jobserver();

    // The one that MAKEFLAGS names; null: none, or it cannot be reached.
    // `inherited`: what we were started with. A recipe of make without a "+"
    // is told of descriptors that it does not get, and files of ours may have
    // their numbers by now.
    static std::unique_ptr<jobserver>
    of_parent(std::string_view makeflags, const std::vector<int>& inherited);
    // One of ours, for `slots` jobs. Throws std::system_error.
    static std::unique_ptr<jobserver> serve(unsigned slots);

    // Takes a token; false: there is none now.
    bool take();
    // Gives one back.
    void give();
    // To be watched: readable when there may be a token.
    int descriptor() const noexcept { return read_; }

    // What the jobs of a server are told; empty for a client, whose jobs have
    // it in their environment already.
    const std::string& makeflags() const noexcept { return makeflags_; }

    // The descriptors that the jobs inherit at these numbers.
    const std::array<int, 2>& passed() const noexcept { return passed_; }

private:
    jobserver() = default;

    int read_ = -1;
    int write_ = -1;
    std::vector<char> taken_;
    std::string makeflags_;
    std::array<int, 2> passed_{-1, -1};
};

}  // namespace cli
