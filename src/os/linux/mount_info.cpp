// mount_info.cpp: see mount_info.hpp.
#include "os/linux/mount_info.hpp"

#include <algorithm>
#include <sstream>

namespace brood::os {

namespace {

// The kernel writes what would separate fields or lines, and the backslash,
// as a backslash and three octal digits.
std::string unescaped(std::string_view field)
{
    const auto is_octal = [](char each) { return each >= '0' && each <= '7'; };
    std::string plain;
    while (!field.empty()) {
        const auto digits = field.substr(1, 3);
        if (field.front() == '\\' && digits.size() == 3 &&
            std::all_of(digits.begin(), digits.end(), is_octal)) {
            plain +=
                static_cast<char>((digits[0] - '0') * 64 +
                                  (digits[1] - '0') * 8 + (digits[2] - '0'));
            field.remove_prefix(4);
        } else {
            plain += field.front();
            field.remove_prefix(1);
        }
    }
    return plain;
}

}  // namespace

// "36 35 98:0 / /sys/fs/cgroup rw - cgroup2 ..."
std::string cgroup2_mount_point(std::string_view mountinfo)
{
    std::istringstream lines{std::string(mountinfo)};
    for (std::string line; std::getline(lines, line);) {
        if (line.find(" - cgroup2 ") == line.npos)
            continue;
        std::istringstream fields(line);
        std::string id, parent, device, root, point;
        fields >> id >> parent >> device >> root >> point;
        if (root == "/")
            return unescaped(point);
    }
    return {};
}

}  // namespace brood::os
