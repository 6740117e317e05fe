#include "cli/open_descriptors.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cstdlib>

namespace cli {

std::vector<int> open_descriptors()
{
    std::vector<int> found;
    DIR* const folder = opendir("/proc/self/fd");
    if (folder == nullptr)
        return found;
    // One thread, at the very start.
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    while (const dirent* const each = readdir(folder)) {
        const int number = std::atoi(each->d_name);
        const int flags = number > 2 ? fcntl(number, F_GETFD) : -1;
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
            found.push_back(number);
    }
    closedir(folder);
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace cli
