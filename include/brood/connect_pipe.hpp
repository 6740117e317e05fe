// connect_pipe.hpp: a transport for a descriptor that you have.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/has_executor.hpp>
#include <brood/detail/protocol_factory.hpp>
#include <brood/export.hpp>
#include <brood/protocol.hpp>
#include <brood/transport.hpp>

#include <memory>
#include <utility>

namespace brood {

namespace detail {

BROOD_API read_transport
connect_read(const executor& io, int descriptor,
             const make_protocol<read_protocol>& factory);
BROOD_API write_transport
connect_write(const executor& io, int descriptor,
              const make_protocol<write_protocol>& factory);

}  // namespace detail

/// Reads a descriptor for a protocol that `factory` makes: a pipe, FIFO,
/// socket, terminal (either side) or other device, or a file.
///
/// Returns the transport and the protocol at once; connection_made() follows,
/// in a turn of the loop. What can be known to be wrong is thrown here, never
/// told later.
///
/// The descriptor belongs to the transport from the call on, also when it
/// throws, and is closed by it; but for 0, 1 and 2, and for one that the loop
/// watches already (both directions of a socket, say), which are duplicated
/// and left to whom they belong.
///
/// Errors:   system_error for a descriptor that is not open for reading, or a
///           directory, or that the loop cannot watch; what the factory throws;
///           std::invalid_argument when it gives none.
/// Threads:  safe from any thread. `io` must run one thing at a time.
/// Platform: no O_NONBLOCK is left on a description that others share: a pipe,
///           FIFO or terminal is opened once more, by /proc; a socket is read
///           with MSG_DONTWAIT; where neither can be done, the flag is set for
///           the single call. A file, and a device that epoll refuses, is
///           taken to be ready always, and read in the loop's thread: a slow
///           disk holds it up. A message of up to 256 KiB is not cut. EIO of a
///           terminal whose other side is gone is the end of its stream.
/// See:      asyncio.loop.connect_read_pipe
template <class Factory>
    requires detail::protocol_factory<Factory, read_protocol>
[[nodiscard]] auto connect_read_pipe(const executor& io, Factory factory,
                                     int descriptor)
{
    std::shared_ptr<detail::protocol_of<Factory>> protocol;
    auto transport = detail::connect_read(
        io, descriptor, detail::noting<read_protocol>(factory, protocol));
    return std::pair(std::move(transport), std::move(protocol));
}

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context, class Factory>
    requires detail::protocol_factory<Factory, read_protocol>
[[nodiscard]] auto connect_read_pipe(Context& context, Factory factory,
                                     int descriptor)
{
    return connect_read_pipe(executor(context.get_executor()),
                             std::move(factory), descriptor);
}

/// Writes a descriptor for a protocol that `factory` makes; all as for
/// connect_read_pipe.
///
/// A reader that goes is noticed at once, not with the next write (but for a
/// TCP peer, see write_transport).
///
/// Errors:   as for connect_read_pipe, for writing.
/// See:      asyncio.loop.connect_write_pipe
template <class Factory>
    requires detail::protocol_factory<Factory, write_protocol>
[[nodiscard]] auto connect_write_pipe(const executor& io, Factory factory,
                                      int descriptor)
{
    std::shared_ptr<detail::protocol_of<Factory>> protocol;
    auto transport = detail::connect_write(
        io, descriptor, detail::noting<write_protocol>(factory, protocol));
    return std::pair(std::move(transport), std::move(protocol));
}

/// The same for an execution context, such as an asio::io_context.
template <detail::has_executor Context, class Factory>
    requires detail::protocol_factory<Factory, write_protocol>
[[nodiscard]] auto connect_write_pipe(Context& context, Factory factory,
                                      int descriptor)
{
    return connect_write_pipe(executor(context.get_executor()),
                              std::move(factory), descriptor);
}

}  // namespace brood
