// pty.hpp: a pseudo-terminal, as pty(7) has it: what we hold is the master,
// what the child gets is the terminal.
#pragma once

#include "os/posix/descriptor.hpp"

#include <brood/pty.hpp>

#include <cstddef>

namespace brood::os {

struct pty_ends {
    descriptor master;
    descriptor terminal;
    int error = 0;
};

// Both close-on-exec from birth, of the size and in the mode that is wanted.
// Never becomes the caller's controlling terminal.
pty_ends make_pty(const pty& wanted) noexcept;

// 0, or errno. The programs on the terminal get SIGWINCH if it has changed.
int resize_terminal(int master, int rows, int columns) noexcept;

// Types like write(2) and returns the count, or -errno: -EPIPE where nobody
// has the terminal open any more.
long type(int master, const void* data, std::size_t size) noexcept;

// The character that ends the input of a program that reads lines; -1 where
// the terminal has none, or the program reads in another way.
int end_of_input_character(int master) noexcept;

}  // namespace brood::os
