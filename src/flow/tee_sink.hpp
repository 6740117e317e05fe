// tee_sink.hpp: one tee at work.
//
// Never blocks the loop: what the parent's own output does not take now is
// kept, and its owner reads no more until it has been taken.
#pragma once

#include "os/posix/descriptor.hpp"

#include <brood/tee.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace brood::detail {

class tee_sink {
public:
    // `parents`: 1 or 2, for tee::to_parent. Throws spawn_error.
    tee_sink(tee to, int parents, std::size_t line_limit);

    // What a function throws passes on.
    void take(std::string_view bytes);
    // Hands on what is left of a line.
    void finish();
    // True when nothing waits to be taken.
    bool flush();

private:
    void take_lines(std::string_view bytes);
    void write_on();
    // The count of what was taken now; number_ is -1 after an error.
    std::size_t write_some(std::string_view bytes);

    tee to_;
    int number_ = -1;  // -1: none, or given up
    // Writing to it may have to wait for somebody.
    bool blocks_ = false;
    std::size_t line_limit_;
    os::descriptor file_;
    std::string waiting_;
};

}  // namespace brood::detail
