// setting.hpp: the environment variables that choose between ways of working.
//
// For tests and for finding faults; none is needed in normal use:
//   BROOD_SPAWN_ENGINE   async (the usual one), clone, vfork or fork: the best
//                        engine allowed
//   BROOD_CHILD_WATCHER  pidfd, threaded or sigchld: how the ends of children
//                        are noticed where the context does not choose
//   BROOD_GROUP_SIGNALS  number: signal groups by kill, not through a pidfd
//   BROOD_WRITE          block: hold SIGPIPE back instead of RWF_NOSIGNAL
// Each is read once, when it is first needed.
#pragma once

#include <cstdlib>
#include <string_view>

namespace brood::os {

inline std::string_view setting(const char* name) noexcept
{
    // Unsafe only beside a setenv(3) of the program's, which may disturb each
    // of its libraries: nothing that we could do would prevent that.
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    const char* const value = std::getenv(name);
    return value ? value : std::string_view();
}

}  // namespace brood::os
