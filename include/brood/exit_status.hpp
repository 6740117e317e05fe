// exit_status.hpp: how a child ended.
//
// A value. Exit codes and signals are never mixed: `exit 9` and death by
// signal 9 are different, and "nobody can tell any more" is a third thing.
#pragma once

#include <brood/export.hpp>

#include <string>

namespace brood {

/// How a child ended: with an exit code, by a signal, or unknown.
///
/// Threads: a plain value.
class [[nodiscard]] exit_status {
public:
    enum class kind {
        exited,    ///< It ended by itself; code() is set.
        signaled,  ///< A signal ended it; signal() is set.
        unknown,   ///< Someone else collected it, and the kernel forgot.
    };

    exit_status() noexcept {}
    static exit_status exited(int code) noexcept
    {
        return {kind::exited, code, false};
    }
    static exit_status signaled(int signal, bool core_dumped) noexcept
    {
        return {kind::signaled, signal, core_dumped};
    }

    kind how() const noexcept { return how_; }

    /// True when the child ended with code 0.
    bool success() const noexcept
    {
        return how_ == kind::exited && value_ == 0;
    }
    /// The exit code, 0 to 255; -1 unless how() is exited.
    int code() const noexcept { return how_ == kind::exited ? value_ : -1; }
    /// The signal's number; 0 unless how() is signaled.
    int signal() const noexcept { return how_ == kind::signaled ? value_ : 0; }
    /// True when the signal also made the kernel dump core.
    bool core_dumped() const noexcept { return core_dumped_; }

    /// asyncio's number: the code, -N for signal N, 255 when unknown.
    int returncode() const noexcept
    {
        switch (how_) {
        case kind::exited: return value_;
        case kind::signaled: return -value_;
        case kind::unknown: break;
        }
        return 255;  // what asyncio reports for a child someone else reaped
    }

    friend bool operator==(const exit_status&,
                           const exit_status&) noexcept = default;

private:
    exit_status(kind how, int value, bool core_dumped) noexcept
        : how_(how), value_(value), core_dumped_(core_dumped)
    {
    }

    kind how_ = kind::unknown;
    int value_ = 0;
    bool core_dumped_ = false;
};

/// The status in words: "exited with code 3", "killed by SIGTERM (15)".
BROOD_API std::string to_string(const exit_status& status);

}  // namespace brood
