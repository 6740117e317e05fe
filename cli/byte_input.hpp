// byte_input: the bytes of a file, or of whatever else has a name, in pieces.
//
// A regular file is read at once, a piece at a time. A pipe, a terminal or a
// socket is waited for on the loop, so that jobs run and end meanwhile; of
// those, no more is read than is asked for, and a piece.

#pragma once

#include <brood/asio.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace cli {

class byte_input {
public:
    // Opens it; "-" is the standard input. Throws input_error.
    explicit byte_input(const std::string& path);
    byte_input(byte_input&&) noexcept;
    byte_input& operator=(byte_input&&) noexcept;
    ~byte_input();

    // Appends what comes next to `bytes`; false: it was the end. Cancelled, it
    // loses nothing. Throws input_error.
    brood::awaitable<bool> read_into(std::string& bytes);

    // The last `bytes` were not needed: of a file, whoever reads it after us
    // gets them. Of anything else they are lost.
    void give_back(std::size_t bytes) noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace cli
