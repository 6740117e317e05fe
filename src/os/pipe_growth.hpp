// pipe_growth.hpp: makes a busy pipe larger, within a budget of the process.
//
// An ordinary user has 64 MiB for all pipes of all his programs (pipe(7),
// pipe-user-pages-soft); once they are used up, each new pipe gets two pages.
// So what this process takes beyond the usual size of its pipes stays below
// `budget`, and where the kernel refuses, the pipe stays as it is.
#pragma once

#include "core/pipe_heat.hpp"

#include <cstddef>
#include <utility>

namespace brood::os {

class pipe_growth {
public:
    static constexpr std::size_t budget = std::size_t{16} * 1024 * 1024;

    // `may_grow`: the pipe is of our own making, and nobody chose its size.
    explicit pipe_growth(bool may_grow) noexcept
    {
        if (!may_grow)
            heat_.refused();
    }
    pipe_growth(pipe_growth&& other) noexcept
        : heat_(other.heat_), taken_(std::exchange(other.taken_, 0))
    {
    }
    pipe_growth& operator=(pipe_growth&&) = delete;
    ~pipe_growth() { give_back(taken_); }

    // A call on the pipe's end `number` has moved `bytes` of `asked`.
    void moved(int number, std::size_t bytes, std::size_t asked) noexcept
    {
        if (const auto wanted = heat_.moved(bytes, asked))
            grow(number, wanted);
    }

    // What all pipes of this process have of the budget now.
    static std::size_t taken() noexcept;

private:
    void grow(int number, std::size_t wanted) noexcept;
    static bool take(std::size_t bytes) noexcept;
    static void give_back(std::size_t bytes) noexcept;

    core::pipe_heat heat_;
    std::size_t taken_ = 0;
};

}  // namespace brood::os
