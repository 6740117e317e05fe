// program_search.hpp: the files that a program's name may stand for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace brood::core {

// Where a child without a PATH looks (design: as execvp's callers expect,
// but never the current directory).
inline constexpr std::string_view default_path = "/bin:/usr/bin";

// The candidates for `program`, in order. With a slash in it, it is its own
// only candidate. Empty and relative entries of `path` are passed over: they
// would run whatever lies in the current directory.
std::vector<std::string> program_candidates(std::string_view program,
                                            std::string_view path);

}  // namespace brood::core
