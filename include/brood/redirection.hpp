// redirection.hpp: where one of a child's descriptors leads.
//
// A value that only says what is wanted. Nothing is opened before the child
// is started.
#pragma once

#include <brood/detail/text_argument.hpp>
#include <brood/pty.hpp>

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>

namespace brood {

/// How file() opens its file.
enum class file_mode {
    read,      ///< Read an existing file.
    truncate,  ///< Write; create the file or empty it.
    append,    ///< Write at the end; create the file if need be.
};

/// A pipe between the parent and the child (asyncio's PIPE).
struct piped_t {
    explicit piped_t() = default;
};
/// For command::child_fd: a pipe that the child reads and we write.
struct piped_in_t {
    explicit piped_in_t() = default;
};
/// For command::child_fd: a pipe that the child writes and we read.
struct piped_out_t {
    explicit piped_out_t() = default;
};
/// The parent's own descriptor (asyncio's None).
struct inherit_t {
    explicit inherit_t() = default;
};
/// The null device (asyncio's DEVNULL).
struct devnull_t {
    explicit devnull_t() = default;
};
/// For err only: wherever standard output goes (asyncio's STDOUT).
struct to_stdout_t {
    explicit to_stdout_t() = default;
};

inline constexpr piped_t piped{};
inline constexpr piped_in_t piped_in{};
inline constexpr piped_out_t piped_out{};
inline constexpr inherit_t inherit{};
inline constexpr devnull_t devnull{};
inline constexpr to_stdout_t to_stdout{};

/// Where one descriptor of a child leads: one of the constants above, file(),
/// from_fd() or a pty.
///
/// Threads: a plain value.
class redirection {
public:
    enum class kind {
        pipe,
        input_pipe,
        output_pipe,
        parents,
        null_device,
        merged,
        path,
        descriptor,
        terminal,
    };

    redirection(piped_t) noexcept : what_(kind::pipe) {}
    redirection(piped_in_t) noexcept : what_(kind::input_pipe) {}
    redirection(piped_out_t) noexcept : what_(kind::output_pipe) {}
    redirection(inherit_t) noexcept : what_(kind::parents) {}
    redirection(devnull_t) noexcept : what_(kind::null_device) {}
    redirection(to_stdout_t) noexcept : what_(kind::merged) {}

    redirection(const pty& terminal) noexcept
        : what_(kind::terminal), terminal_(terminal)
    {
    }

    kind what() const noexcept { return what_; }
    /// The file's path; empty unless what() is path.
    const std::string& path() const noexcept { return path_; }
    /// How to open the file; none: read for input, truncate for output.
    std::optional<file_mode> mode() const noexcept { return mode_; }
    /// The caller's descriptor; -1 unless what() is descriptor.
    int descriptor() const noexcept { return descriptor_; }
    /// What kind of terminal; only good where what() is terminal.
    const pty& terminal() const noexcept { return terminal_; }

private:
    explicit redirection(kind what) noexcept : what_(what) {}

    friend redirection file(detail::text_argument path);
    friend redirection file(detail::text_argument path, file_mode mode);
    friend redirection from_fd(int descriptor) noexcept;

    kind what_;
    std::optional<file_mode> mode_;
    int descriptor_ = -1;
    std::string path_;
    pty terminal_{};
};

/// A file by its path: read where the child reads, emptied and written where
/// it writes.
///
/// The parent opens it before the child is started, relative to its own
/// working directory, with permissions 0666 less the umask.
[[nodiscard]] inline redirection file(detail::text_argument path)
{
    redirection made(redirection::kind::path);
    made.path_ = std::move(path.value);
    return made;
}

/// A file by its path, opened as `mode` says.
[[nodiscard]] inline redirection file(detail::text_argument path,
                                      file_mode mode)
{
    auto made = file(std::move(path));
    made.mode_ = mode;
    return made;
}

/// A descriptor of the caller's: an open file, a socket, a pipe.
///
/// Lifetime: it must stay open until the child has been started. brood gives
/// the child a duplicate and never closes the caller's.
[[nodiscard]] inline redirection from_fd(int descriptor) noexcept
{
    redirection made(redirection::kind::descriptor);
    made.descriptor_ = descriptor;
    return made;
}

/// The descriptor behind an I/O object, such as an Asio socket.
template <class IoObject>
    requires requires(IoObject& object) {
        { object.native_handle() } -> std::convertible_to<int>;
    }
[[nodiscard]] redirection from_fd(IoObject& object)
{
    return from_fd(static_cast<int>(object.native_handle()));
}

static_assert(!std::is_aggregate_v<redirection>);

}  // namespace brood
