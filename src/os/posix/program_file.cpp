// program_file.cpp: see program_file.hpp.
#include "os/program_file.hpp"

#include "os/pipe.hpp"
#include "os/posix/descriptor.hpp"
#include "os/posix/system_call.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

namespace brood::os {

bool file_exists(const std::string& path) noexcept
{
    return system_call(SYS_faccessat, AT_FDCWD, path.c_str(), F_OK) == 0;
}

std::string missing_interpreter(const std::string& path,
                                const std::string& directory)
{
    const auto script = open_file(path, file_mode::read);
    if (script.error)
        return {};
    char start[256];  // what the kernel looks at (execve(2), Linux 5.1)
    const long size = read_some(script.fd.number(), start, sizeof start);
    std::string_view line(start, size > 0 ? static_cast<std::size_t>(size) : 0);
    if (!line.starts_with("#!"))
        return {};
    line = line.substr(2, line.find('\n') - 2);
    const auto first = line.find_first_not_of(" \t");
    if (first == line.npos)
        return {};
    line.remove_prefix(first);
    const std::string interpreter(line.substr(0, line.find_first_of(" \t")));
    const bool relative = !interpreter.starts_with('/');
    return file_exists(relative ? directory + "/" + interpreter : interpreter)
               ? std::string()
               : interpreter;
}

}  // namespace brood::os
