// protocol.hpp: what a program that works with callbacks overrides.
//
// A transport moves the bytes and calls these functions; it belongs to the
// library, the protocol to the program. For code without coroutines; with
// them, process and its streams are the shorter way.
#pragma once

#include <brood/asio.hpp>
#include <brood/export.hpp>

#include <string_view>

namespace brood {

class read_transport;
class subprocess_transport;
class write_transport;

/// Is told what comes in through a read_transport.
///
/// The order is always: connection_made(), data_received() any number of
/// times, eof_received() if the end was reached, connection_lost(). Each but
/// data_received() is called once at the most, and connection_lost() exactly
/// once, unless the execution context goes first.
///
/// Threads:  every function is called by the transport's executor, never from
///           within a function of the library that the program has called.
/// Lifetime: the transport holds its protocol until connection_lost() has
///           returned.
/// Errors:   what a function throws leaves the loop's run(); the transport
///           goes on as if the function had returned.
/// See:      asyncio.Protocol
class BROOD_API read_protocol {
public:
    virtual ~read_protocol();

    virtual void connection_made(read_transport transport);
    /// Bytes in the order in which they were written; never empty. The view
    /// is good until the function returns.
    virtual void data_received(std::string_view bytes);
    /// The other side has closed, or is gone.
    virtual void eof_received();
    /// Nothing comes after this. `why` is set after an error; not after the
    /// end of the stream or close().
    virtual void connection_lost(error_code why);
};

/// Is told what becomes of what was written to a write_transport.
///
/// The order is always: connection_made(), pause_writing() and
/// resume_writing() in turn, connection_lost().
///
/// Threads:  as for read_protocol, but for pause_writing(), which is called by
///           the write() that makes it necessary.
/// Lifetime: as for read_protocol.
/// Errors:   as for read_protocol.
/// See:      asyncio.BaseProtocol
class BROOD_API write_protocol {
public:
    virtual ~write_protocol();

    virtual void connection_made(write_transport transport);
    /// More waits to be sent than the high water mark allows.
    virtual void pause_writing();
    /// It has gone down to the low water mark.
    virtual void resume_writing();
    /// Closed. `why` says what kept bytes from being sent (broken_pipe: the
    /// reader is gone); none when all were sent, or dropped by abort().
    virtual void connection_lost(error_code why);
};

/// Is told what happens to a child.
///
/// What is certain about the order:
/// 1. connection_made() comes first, before anything else is told.
/// 2. For each pipe: its pipe_data_received() in the order of the bytes, then
///    exactly one pipe_connection_lost(), also for those that we write.
/// 3. process_exited() comes exactly once, anywhere between those of the
///    pipes: the end of the child is not the end of what it has written.
/// 4. connection_lost() comes exactly once and last: after process_exited()
///    and after every pipe was lost. A descendant that keeps a pipe open
///    keeps it away; subprocess_transport::close() brings it.
/// 5. pause_writing() and resume_writing() come in turn, for each pipe.
/// Where the execution context goes first, nothing is told any more.
///
/// Threads:  as for write_protocol.
/// Lifetime: as for read_protocol.
/// Errors:   as for read_protocol.
/// See:      asyncio.SubprocessProtocol
class BROOD_API subprocess_protocol {
public:
    virtual ~subprocess_protocol();

    virtual void connection_made(subprocess_transport transport);
    /// `fd` is the child's number for the pipe: 1, 2, or that of a child_fd.
    virtual void pipe_data_received(int fd, std::string_view bytes);
    virtual void pipe_connection_lost(int fd, error_code why);
    virtual void process_exited();
    virtual void connection_lost();
    virtual void pause_writing(int fd);
    virtual void resume_writing(int fd);
};

}  // namespace brood
