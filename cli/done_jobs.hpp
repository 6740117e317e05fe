// done_jobs: which jobs an earlier run has done, from its report or job log.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace cli {

class done_jobs {
public:
    enum class what { all, succeeded };

    // Throws program_error; a file that does not exist holds nothing.
    static done_jobs read(const std::string& path, what counts);

    enum class answer { no, yes, other_command };

    answer find(std::uint64_t seq, const std::vector<std::string>& argv,
                bool shell) const;
    std::size_t size() const noexcept { return commands_.size(); }

private:
    void read_report(const std::string& path, what counts);
    void read_joblog(const std::string& path, what counts);

    // By number; a hash of the command stands for it, so that the log of a
    // million jobs fits in memory.
    std::unordered_map<std::uint64_t, std::size_t> commands_;
};

}  // namespace cli
