// output_events.hpp: what a child writes to its standard output and error,
// merged as it arrives.
#pragma once

#include <brood/asio.hpp>
#include <brood/export.hpp>
#include <brood/process.hpp>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace brood {

namespace detail {
class event_core;
}  // namespace detail

/// Which of its two streams a child wrote to.
enum class output_source {
    out,  ///< Its standard output.
    err,  ///< Its standard error.
};

/// Some bytes, and where they came from.
///
/// Threads: a plain value.
class output_event {
public:
    output_event(output_source source, std::string bytes) noexcept
        : source_(source), bytes_(std::move(bytes))
    {
    }

    output_source source() const noexcept { return source_; }
    /// At least one.
    const std::string& bytes() const& noexcept { return bytes_; }
    std::string bytes() && noexcept { return std::move(bytes_); }

private:
    output_source source_;
    std::string bytes_;
};

/// The type of by_line.
class by_line_t {
public:
    explicit constexpr by_line_t() = default;
};

/// Makes each event of output_events one line.
inline constexpr by_line_t by_line{};

/// Both of a child's outputs, as one sequence of events in the order in which
/// they arrive.
///
/// The order is that of arrival *here*. Two pipes carry no common clock: what
/// came on both of them while nobody was waiting in next() comes out with
/// standard output first. Where the child's own order matters, send both
/// into one pipe, `.out(piped).err(to_stdout)`: the kernel keeps the order of
/// its writes, and which is which is lost.
///
/// Pull only, as the streams themselves: nothing is read before next(), and
/// then one read of each at the most, so a slow consumer slows the child down.
/// The readers of the process can be used between two next().
///
/// Threads:  distinct objects: safe. One object, with its process: one strand.
/// Lifetime: may outlive its process. Dropping it leaves what was read and not
///           given out in the process's readers.
/// Limits:   one read, some 256 KiB, for each stream; by line, the limit of
///           the command in addition.
/// See:      process::communicate, which keeps the two apart
class [[nodiscard]] BROOD_API output_events {
public:
    /// Errors: std::logic_error unless both outputs are piped.
    explicit output_events(process& from);
    /// The same by line: an event is one line with its newline, or the rest
    /// at a stream's end. Lines come in the order of their newlines' arrival.
    output_events(process& from, by_line_t);
    output_events(output_events&&) noexcept;
    output_events& operator=(output_events&&) noexcept;
    ~output_events();

    /// The next event; none once both streams have ended, or were closed by
    /// us.
    ///
    /// Cancellation: nothing is lost; what had arrived is given out by the
    ///               next call.
    /// Errors:       std::logic_error beside another next(), or another read
    ///               of one of the streams; by line, limit_overrun_error for
    ///               a line over the limit: nothing is consumed, and the
    ///               stream's own read() gets at it. system_error when a
    ///               stream breaks, once; the other one goes on.
    [[nodiscard]] awaitable<std::optional<output_event>> next();

private:
    std::shared_ptr<detail::event_core> core_;
};

static_assert(!std::is_aggregate_v<output_event>);
static_assert(!std::is_aggregate_v<by_line_t>);

}  // namespace brood
