// proc_file.hpp: the beginning of a small file of /proc, of which one read
// gives all. Allocates nothing.
#pragma once

#include <cstddef>
#include <string_view>

namespace brood::os {

class proc_file {
public:
    explicit proc_file(const char* path) noexcept;

    // Empty after an error.
    std::string_view text() const noexcept { return {bytes_, size_}; }
    // 0, or errno.
    int error() const noexcept { return error_; }

private:
    char bytes_[2048];
    std::size_t size_ = 0;
    int error_ = 0;
};

}  // namespace brood::os
