// pipe_heat.hpp: whether a pipe is busy enough to be worth more memory.
//
// Pure: is told of each read or write, answers with the size to ask for. A
// pipe that is filled again and again while its reader is away makes both
// sides sleep and wake for each 64 KiB; a larger one does so less often.
#pragma once

#include <cstddef>

namespace brood::core {

class pipe_heat {
public:
    // pipe(7): what a pipe has at first; and what anybody may ask for.
    static constexpr std::size_t usual = std::size_t{64} * 1024;
    static constexpr std::size_t largest = std::size_t{1024} * 1024;

    // A call has moved `bytes` of the `asked` ones. The size that the pipe
    // should have now, or 0: it is well as it is.
    std::size_t moved(std::size_t bytes, std::size_t asked) noexcept
    {
        if (capacity_ >= largest)
            return 0;
        // What moved all that was wanted, or about what a full pipe has, left
        // the other side waiting. One short call among many is chance.
        const bool full = bytes == asked || bytes >= capacity_ / 2;
        run_ = full ? run_ + bytes : run_ / 2;
        if (run_ < patience * capacity_)
            return 0;
        run_ = 0;
        return capacity_ * step;
    }
    // What has become of it: its size as it is now.
    void grown(std::size_t capacity) noexcept { capacity_ = capacity; }
    // Do not ask again.
    void refused() noexcept { capacity_ = largest; }

private:
    // So many times its own size in a row: less is a burst, and over before
    // the larger pipe has paid.
    static constexpr std::size_t patience = 4;
    static constexpr std::size_t step = 4;

    std::size_t capacity_ = usual;
    std::size_t run_ = 0;
};

}  // namespace brood::core
