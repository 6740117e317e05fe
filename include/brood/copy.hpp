// copy.hpp: from what one child writes to what another one reads.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/any_handler.hpp>
#include <brood/export.hpp>
#include <brood/stream_reader.hpp>
#include <brood/stream_writer.hpp>

#include BROOD_ASIO_HEADER(async_result.hpp)

#include <cstdint>
#include <memory>
#include <utility>

namespace brood {

namespace detail {

class copying {
public:
    using executor_type = executor;
    using handler = any_handler<void(error_code, std::uint64_t)>;

    copying(const stream_reader& from, const stream_writer& to) noexcept
        : from_(from.core_), to_(to.core_), io_(from.get_executor())
    {
    }
    executor_type get_executor() const noexcept { return io_; }
    // Gives the two away, as those of a stream_writer do.
    template <class Handler>
    void operator()(Handler&& done) &&
    {
        start(std::move(from_), std::move(to_),
              handler(std::forward<Handler>(done), io_));
    }

private:
    BROOD_API static void start(std::shared_ptr<reader_core> from,
                                std::shared_ptr<writer_core> to, handler done);

    std::shared_ptr<reader_core> from_;
    std::shared_ptr<writer_core> to_;
    executor io_;
};

}  // namespace detail

/// Passes on what `from` reads, up to its end, to `to`.
///
/// `to` stays open, and may still have some of it to send: close() it, and
/// wait_closed() tells whether all was taken. For commands that are started
/// together a pipeline is better, whose bytes never come here at all.
///
/// Pre:          the loop of both is the same.
/// Completion:   void(error_code, std::uint64_t), the bytes passed on, also
///               with an error; never inline. broken_pipe when nobody reads
///               any more (nobody looks before there is something to write),
///               errc::stream_closed after a close() of either, or once the
///               process that `to` is of is dropped (broken_pipe if something
///               was still to be sent); errc::already_reading or
///               errc::already_writing beside another read, copy or
///               async_write_some.
/// Cancellation: every type. What was not passed on is still in `from`.
/// Threads:      both belong to the one strand that calls.
/// Lifetime:     of both processes: may end meanwhile, as for a read and a
///               write.
/// Limits:       `to` keeps 128 KiB of it at the most, whoever is slow. What
///               is given to write() meanwhile comes on top, and lands between
///               what is copied.
/// Platform:     between two pipes of Linux the bytes are moved, not copied
///               (splice(2)); everywhere else they are read and written. A
///               child that makes its pipe one of packets (O_DIRECT, pipe(2))
///               has them moved as packets, as a shell's pipeline has: who
///               reads only a part of one loses the rest of it.
template <class Token = asio::use_awaitable_t<>>
auto async_copy(const stream_reader& from, const stream_writer& to,
                Token&& token = Token())
{
    return asio::async_initiate<Token, void(error_code, std::uint64_t)>(
        detail::copying(from, to), token);
}

/// The same, awaited: the number of bytes.
///
/// Errors: system_error with what async_copy() completes with.
[[nodiscard]] inline awaitable<std::uint64_t> copy(const stream_reader& from,
                                                   const stream_writer& to)
{
    return async_copy(from, to, use_awaitable);
}

}  // namespace brood
