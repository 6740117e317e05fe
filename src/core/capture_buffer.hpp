// capture_buffer.hpp: keeps the wanted part of an output of any length.
//
// Memory stays below twice the limit, whatever comes in.
#pragma once

#include "core/read_buffer.hpp"

#include <brood/capture.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace brood::core {

class capture_buffer {
public:
    capture_buffer(std::size_t limit, keep policy) noexcept;

    void append(std::string_view bytes);
    // Appends what has come into `from` since the last time. The head stays
    // in there until it is whole, and is never copied. Pre: always the same
    // buffer, of which nobody else takes.
    void append_from(read_buffer& from);
    // So many bytes at the beginning of that buffer are appended already.
    std::size_t in_place() const noexcept { return in_place_; }

    // All that came in, kept or not.
    std::uint64_t total() const noexcept { return total_; }
    std::uint64_t left_out() const noexcept;

    // What was kept. The buffer is done with. `from`: as above.
    std::string take();
    std::string take(read_buffer& from);

private:
    std::size_t head_limit_;
    std::size_t tail_limit_;
    std::string head_;
    std::string tail_;
    std::uint64_t total_ = 0;
    std::size_t in_place_ = 0;
};

}  // namespace brood::core
