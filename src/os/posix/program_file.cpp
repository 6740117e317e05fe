// program_file.cpp: see program_file.hpp.
#include "os/program_file.hpp"

#include "os/pipe.hpp"
#include "os/posix/descriptor.hpp"
#include "os/posix/system_call.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

namespace brood::os {

std::string missing_interpreter(const std::string& path)
{
    const auto script = open_file(path, file_mode::read);
    if (script.error)
        return {};
    char start[256];  // what the kernel looks at (execve(2), Linux 5.1)
    const long size = read_some(script.fd.number(), start, sizeof start);
    std::string_view line(start, size > 0 ? static_cast<std::size_t>(size)
                                          : 0);
    if (!line.starts_with("#!"))
        return {};
    line = line.substr(2, line.find('\n') - 2);
    const auto first = line.find_first_not_of(" \t");
    if (first == line.npos)
        return {};
    line.remove_prefix(first);
    const std::string interpreter(line.substr(0, line.find_first_of(" \t")));
    const long found = system_call(SYS_faccessat, AT_FDCWD,
                                   interpreter.c_str(), F_OK);
    return found == -ENOENT ? interpreter : std::string();
}

}  // namespace brood::os
