// recording.hpp: what a recording holds, and its file.
//
// The one place that knows JSON.
#pragma once

#include <brood/completed_process.hpp>
#include <brood/errors.hpp>
#include <brood/pipeline.hpp>

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace brood::testing {

// What a program asks for.
class request {
public:
    explicit request(const command& what);
    explicit request(const pipeline& what);
    request(std::vector<std::string> printed, std::string bytes);

    // Over several lines, to be compared by eye.
    std::string in_words() const;

    std::vector<std::string> commands;  // without what is redacted
    std::string input;

    friend bool operator==(const request&, const request&) = default;
};

class recorded_run {
public:
    explicit recorded_run(request what) : asked(std::move(what)) {}

    request asked;
    std::optional<spawn_error> failure;
    std::vector<completed_process> results;  // unless there is a failure
};

class recording {
public:
    // Both throw recording_error.
    static recording load(const std::filesystem::path& file);
    void save(const std::filesystem::path& file) const;

    // By the order in which they were begun; numbers may be missing.
    std::map<std::size_t, recorded_run> runs;
    std::size_t begun = 0;
};

}  // namespace brood::testing
