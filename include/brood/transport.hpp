// transport.hpp: what moves the bytes for a protocol.
//
// A transport is a reference: copies mean the same transport, and it lives on
// without them, until it has told its protocol that the connection is lost.
#pragma once

#include <brood/asio.hpp>
#include <brood/exit_status.hpp>
#include <brood/export.hpp>
#include <brood/process.hpp>
#include <brood/protocol.hpp>
#include <brood/resource_usage.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>

namespace brood {

namespace detail {
class read_transport_core;
class subprocess_transport_core;
class write_transport_core;
}  // namespace detail

/// Reads a pipe (or what else connect_read_pipe takes) for a read_protocol.
///
/// Reads whenever there is something, unless reading is paused. Once the
/// connection is lost, its functions do nothing.
///
/// Threads:  one transport: one strand. Its executor must run one thing at a
///           time.
/// Lifetime: an empty one (of no transport) behaves as if it were lost.
/// Limits:   what was read while reading was being paused: one read, of
///           256 KiB at the most.
/// See:      asyncio.ReadTransport
class BROOD_API read_transport {
public:
    read_transport() noexcept = default;
    explicit read_transport(
        std::shared_ptr<detail::read_transport_core> core) noexcept;

    /// False once close() was called, or the connection lost.
    bool is_reading() const noexcept;
    /// No data_received() and no eof_received() from now on until
    /// resume_reading(): who writes will have to wait. Doing it twice is
    /// doing it once. A paused transport keeps no loop running.
    void pause_reading();
    void resume_reading();

    /// Closes our end; connection_lost() follows, in a later turn of the loop.
    void close();
    bool is_closing() const noexcept;

    /// Who is told; null when nobody is, any more.
    std::shared_ptr<read_protocol> protocol() const noexcept;
    /// From now on, `successor` is told; it gets no connection_made().
    ///
    /// Errors: std::logic_error for null, and for one of a child's pipes,
    ///         whose subprocess_transport it is that has a protocol.
    void set_protocol(std::shared_ptr<read_protocol> successor);

private:
    std::shared_ptr<detail::read_transport_core> core_;
};

/// Writes a pipe (or what else connect_write_pipe takes).
///
/// Writes at once what is taken, keeps the rest, and notices when its reader
/// is gone, also without a write. Once the connection is lost, its functions
/// do nothing.
///
/// Threads:  one transport: one strand. Its executor must run one thing at a
///           time.
/// Lifetime: an empty one (of no transport) behaves as if it were lost.
/// Limits:   none for what waits to be sent: pause_writing() says when it is
///           too much.
/// Platform: the end of a TCP peer is noticed with the next write only: it may
///           still read.
/// See:      asyncio.WriteTransport
class BROOD_API write_transport {
public:
    /// Pausing begins above `high`, and ends at `low`.
    struct water_marks {
        std::size_t low;
        std::size_t high;
    };

    write_transport() noexcept = default;
    explicit write_transport(
        std::shared_ptr<detail::write_transport_core> core) noexcept;

    /// Sends `bytes`, now or as soon as they are taken. Raises no SIGPIPE.
    ///
    /// False: closing or lost, and the bytes were dropped.
    bool write(std::string_view bytes);
    /// Writes each element of a range of strings, in order.
    template <std::ranges::input_range Range>
    bool writelines(Range&& lines)
    {
        std::string joined;
        for (auto&& line : lines)
            joined += line;
        return write(joined);
    }
    /// Lets the other side see the end, once everything is sent: closes.
    ///
    /// Errors: std::logic_error on a child's terminal, which has no half
    ///         close.
    void write_eof();
    bool can_write_eof() const noexcept;

    /// How many bytes wait to be sent.
    std::size_t write_buffer_size() const noexcept;
    water_marks write_buffer_limits() const noexcept;
    /// 64 KiB and 16 KiB unless set. One alone sets the other: the low one is
    /// a quarter of the high one. A high one of 0 pauses whenever anything
    /// waits.
    ///
    /// Errors: std::invalid_argument when low is above high.
    void set_write_buffer_limits(std::optional<std::size_t> high = {},
                                 std::optional<std::size_t> low = {});

    /// Closes once everything is sent; connection_lost() follows, in a later
    /// turn of the loop.
    void close();
    /// Closes at once; what was not sent is lost.
    void abort();
    bool is_closing() const noexcept;

    /// Who is told; null when nobody is, any more.
    std::shared_ptr<write_protocol> protocol() const noexcept;
    /// From now on, `successor` is told; it gets no connection_made().
    ///
    /// Errors: std::logic_error for null, and for one of a child's pipes,
    ///         whose subprocess_transport it is that has a protocol.
    void set_protocol(std::shared_ptr<write_protocol> successor);

private:
    std::shared_ptr<detail::write_transport_core> core_;
};

/// A child, for a subprocess_protocol.
///
/// It is process for those who are called: the same child, the same pipes, the
/// same rules. What a child leaves behind when it has ended (its code, its
/// usage) can be asked for as long as one wants.
///
/// Threads:  one transport: one strand. Its executor must run one thing at a
///           time.
/// Lifetime: the child lives with the transport, not with this handle; it is
///           killed by close(), and with the execution context, unless the
///           command said on_drop::detach. Of an empty one (of no transport)
///           all but asking for pipes, is_closing(), protocol() and close()
///           throws std::logic_error.
/// See:      asyncio.SubprocessTransport
class BROOD_API subprocess_transport {
public:
    subprocess_transport() noexcept = default;
    explicit subprocess_transport(
        std::shared_ptr<detail::subprocess_transport_core> core) noexcept;

    int pid() const;
    /// The exit code, or -N for death by signal N; none while it runs. Asks
    /// the kernel, as process::returncode() does.
    std::optional<int> returncode();
    std::optional<exit_status> status() const;
    std::optional<resource_usage> usage() const;

    /// The transport of a pipe that the child writes (1, 2, or a child_fd), or
    /// reads (0, or a child_fd); an empty one where it has no such pipe, and
    /// when the connection is lost.
    read_transport pipe_reader(int fd) const;
    write_transport pipe_writer(int fd) const;

    /// As process::send_signal, terminate and kill: false when the child is
    /// gone already.
    bool send_signal(int signal, signal_target to = signal_target::child);
    bool terminate();
    bool kill();

    /// Gives the child up: closes its pipes, without sending what waits, and
    /// kills it if it still runs. Does not wait. The rest is told as ever:
    /// each pipe lost, process_exited(), connection_lost().
    ///
    /// With on_drop::detach it is not killed, and its end still awaited.
    void close();
    /// True after close(), and when the connection is lost.
    bool is_closing() const noexcept;

    /// Who is told; null when nobody is, any more.
    std::shared_ptr<subprocess_protocol> protocol() const noexcept;
    /// From now on, `successor` is told; it gets no connection_made().
    ///
    /// Errors: std::logic_error for null.
    void set_protocol(std::shared_ptr<subprocess_protocol> successor);

private:
    detail::subprocess_transport_core& core() const;

    std::shared_ptr<detail::subprocess_transport_core> core_;
};

}  // namespace brood
