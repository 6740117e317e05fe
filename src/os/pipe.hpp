// pipe.hpp: writing to a pipe whose reader may be gone.
#pragma once

#include <cstddef>

namespace brood::os {

// Writes like write(2) and returns the count, or -errno (-EPIPE when nobody
// reads any more). Raises no SIGPIPE and leaves the process's handling of
// that signal alone.
long write_quietly(int number, const void* data, std::size_t size) noexcept;

// The same for a file: at the limit of its size (setrlimit(2), RLIMIT_FSIZE)
// it fails with -EFBIG and raises no SIGXFSZ.
long write_file_quietly(int number, const void* data,
                        std::size_t size) noexcept;

// Moves up to `bytes` bytes from one pipe into another one without copying
// them: the count (0: end of file), or -errno; -EAGAIN: there is none to move,
// or no room. Raises no SIGPIPE.
long move_quietly(int from, int to, std::size_t bytes) noexcept;

// Whether read(2) would not have to wait.
bool is_readable(int number) noexcept;
// Whether it is a pipe that nobody writes any more, and is empty.
bool has_ended(int number) noexcept;

// Reads like read(2) and returns the count (0: end of file), or -errno.
long read_some(int number, void* data, std::size_t size) noexcept;

// Writes what fits into a descriptor that others use, too, and that must not
// be made non-blocking: some bytes, or -EAGAIN when it takes none now.
long write_without_waiting(int number, const void* data,
                           std::size_t size) noexcept;

}  // namespace brood::os
