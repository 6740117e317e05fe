// proc_file.cpp: see proc_file.hpp.
#include "os/linux/proc_file.hpp"

#include "os/posix/descriptor.hpp"
#include "os/posix/system_call.hpp"

#include <fcntl.h>

namespace brood::os {

proc_file::proc_file(const char* path) noexcept
{
    long number = 0;
    do
        number = system_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    while (number == -EINTR);
    const auto file = above_standard(number);
    error_ = file.error;
    if (error_)
        return;
    const long size =
        system_call(SYS_read, file.fd.number(), bytes_, sizeof bytes_);
    if (size < 0)
        error_ = static_cast<int>(-size);
    else
        size_ = static_cast<std::size_t>(size);
}

}  // namespace brood::os
