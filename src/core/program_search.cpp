// program_search.cpp: see program_search.hpp.
#include "core/program_search.hpp"

#include <algorithm>

namespace brood::core {

std::vector<std::string> program_candidates(std::string_view program,
                                            std::string_view path)
{
    std::vector<std::string> candidates;
    if (program.find('/') != program.npos) {
        candidates.emplace_back(program);
        return candidates;
    }
    while (!path.empty()) {
        const auto end = std::min(path.find(':'), path.size());
        const auto directory = path.substr(0, end);
        path.remove_prefix(std::min(end + 1, path.size()));
        if (!directory.starts_with('/'))
            continue;
        std::string candidate(directory);
        if (candidate.back() != '/')
            candidate += '/';
        candidate += program;
        candidates.push_back(std::move(candidate));
    }
    return candidates;
}

}  // namespace brood::core
