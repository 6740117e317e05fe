// spool: what a job has written and nobody can be shown yet: in memory, and
// from a limit on in a file without a name.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cli {

class spool {
public:
    explicit spool(std::uint64_t in_memory) noexcept : limit_(in_memory) {}
    spool(const spool&) = delete;
    spool& operator=(const spool&) = delete;
    ~spool();

    // Throws std::system_error when the disk is full, or takes no file.
    void append(std::string_view bytes);
    bool would_spill(std::size_t more) const noexcept
    {
        return file_ < 0 && memory_.size() + more > limit_;
    }

    std::uint64_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    std::uint64_t in_memory() const noexcept { return memory_.size(); }
    bool spilled() const noexcept { return file_ >= 0; }

    // What comes next, read once from the front; empty: that was all. Valid
    // until the next call.
    std::string_view next();

    // Gives everything back.
    void clear() noexcept;

private:
    std::uint64_t limit_;
    std::string memory_;
    std::uint64_t size_ = 0;
    std::uint64_t read_ = 0;
    int file_ = -1;
    std::string chunk_;
};

}  // namespace cli
