// job.hpp: the job that every program of this folder does in its own way.
//
// A child says one line and runs on. Read the line, or give up when it does
// not come in time; end the child; say how it ended. With the argument
// "silent" there is no line, and little time to wait for it.
#pragma once

#include <brood/brood.hpp>

#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

// Whichever Asio brood was built with.
namespace net = brood::asio;

class job {
public:
    job(int argc, char** argv)
        : silent_(argc > 1 && std::string_view(argv[1]) == "silent")
    {
    }

    brood::command child() const
    {
        return brood::shell(silent_ ? "exec sleep 600"
                                    : "echo ready; exec sleep 600")
            .out(brood::piped);
    }
    std::chrono::milliseconds limit() const
    {
        return silent_ ? std::chrono::milliseconds(100)
                       : std::chrono::minutes(1);
    }

private:
    bool silent_;
};

// Nothing: it did not come in time.
inline void tell_line(const std::optional<std::string>& line)
{
    std::cout << (line ? "it says: " + *line : "it says nothing\n");
}

inline void tell_end(int returncode)
{
    std::cout << "it ended with " << returncode << '\n';
}
