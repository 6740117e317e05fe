// brood_child_obey.hpp: the mode of brood-child that writes what it is told.
#pragma once

#include "brood_child_io.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

namespace brood_child {

inline void obey(std::string_view line)
{
    const auto space = line.find(' ');
    if (space == line.npos)
        fail_usage("not an order", line);
    const auto verb = line.substr(0, space);
    std::string rest(line.substr(space + 1));
    const bool closes = verb == "close";
    const auto name = closes ? std::string_view(rest) : verb.substr(0, 3);
    if (name != "out" && name != "err")
        fail_usage("neither out nor err", name);
    const int fd = name == "out" ? STDOUT_FILENO : STDERR_FILENO;
    if (closes) {
        check(::close(fd), "close");
        return;
    }
    if (!verb.ends_with('-'))
        rest += '\n';
    write_all(fd, rest);
}

inline int run_obey(const arguments&)
{
    std::vector<char> one(1);
    std::string line;
    for (;;) {
        const std::string_view byte = read_some(STDIN_FILENO, one);
        if (byte.empty())
            return 0;
        if (byte.front() == '\n')
            obey(std::exchange(line, {}));
        else
            line += byte;
    }
}

}  // namespace brood_child
