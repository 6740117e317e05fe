// few_descriptors.hpp: a limit on the descriptors of this process.
//
// For a copy of the test process.
#pragma once

#include "in_a_copy.hpp"

#include "os/posix/descriptor.hpp"

#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace brood_test {

// Leaves exactly `free` descriptor numbers, as long as it lives.
class few_descriptors {
public:
    explicit few_descriptors(int free)
    {
        must(::getrlimit(RLIMIT_NOFILE, &before_));
        // Numbers below the highest one that is in use would be free, too.
        constexpr int first = 40;
        for (;;) {
            const int filler = must(::open("/dev/null", O_RDONLY | O_CLOEXEC));
            if (filler >= first) {
                ::close(filler);
                break;
            }
            fillers_.emplace_back(filler);
        }
        auto lowered = before_;
        lowered.rlim_cur = static_cast<rlim_t>(first + free);
        must(::setrlimit(RLIMIT_NOFILE, &lowered));
    }
    ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    few_descriptors(const few_descriptors&) = delete;
    few_descriptors& operator=(const few_descriptors&) = delete;

private:
    struct rlimit before_{};
    std::vector<brood::os::descriptor> fillers_;
};

}  // namespace brood_test
