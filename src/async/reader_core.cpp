// reader_core.cpp: see reader_core.hpp.
#include "async/reader_core.hpp"

#include "async/writer_core.hpp"
#include "os/memory.hpp"

#include <brood/errors.hpp>

#include BROOD_ASIO_HEADER(error.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <algorithm>
#include <cerrno>
#include <utility>

namespace brood::detail {

reader_core::reader_core(const executor& io, os::channel end, std::size_t limit)
    : io_(io), limit_(limit), source_(std::in_place, io, std::move(end)),
      buffer_(os::forget_memory)
{
}

error_code reader_core::trouble() const noexcept
{
    if (error_)
        return error_;
    if (ended_)
        return asio::error::eof;
    if (!source_)
        return errc::stream_closed;
    return {};
}

void reader_core::note(error_code ec, std::size_t bytes,
                       std::size_t asked) noexcept
{
    if (bytes != 0 && source_)
        source_->note(bytes, asked);
    if (ec == asio::error::eof)
        end();
    else if (ec && ec != asio::error::operation_aborted)
        error_ = ec;
}

// A close of ours is no cancellation.
error_code reader_core::seen_by_reader(error_code ec) const noexcept
{
    if (ec == asio::error::operation_aborted && !source_)
        return errc::stream_closed;
    return ec;
}

void reader_core::end() noexcept
{
    ended_ = true;
    source_.reset();
}

void reader_core::start_fill(any_handler<void(error_code)> handler)
{
    const auto ec =
        is_reading() ? make_error_code(errc::already_reading) : trouble();
    if (ec)
        return handler.complete(ec);
    set_reading(true);
    handler.on_cancel([weak = weak_from_this()] {
        if (const auto self = weak.lock())
            self->cancel();
    });
    const auto room = buffer_.prepare();
    source_->async_read(
        room.data(), room.size(),
        [self = shared_from_this(), handler = std::move(handler),
         asked = room.size()](error_code result, std::size_t bytes) mutable {
            self->set_reading(false);
            self->buffer_.commit(bytes);
            self->note(result, bytes, asked);
            handler.complete_in_this_turn(self->seen_by_reader(result));
        });
}

void reader_core::start_read_some(
    asio::mutable_buffer into,
    any_handler<void(error_code, std::size_t)> handler)
{
    if (is_reading())
        return handler.complete(errc::already_reading, 0);
    if (into.size() == 0)
        return handler.complete({}, 0);
    if (!buffer_.empty()) {
        const auto bytes =
            asio::buffer_copy(into, asio::buffer(buffer_.view()));
        buffer_.consume(bytes);
        return handler.complete({}, bytes);
    }
    if (const auto ec = trouble())
        return handler.complete(ec, 0);
    set_reading(true);
    handler.on_cancel([weak = weak_from_this()] {
        if (const auto self = weak.lock())
            self->cancel();
    });
    source_->async_read(
        into.data(), into.size(),
        [self = shared_from_this(), handler = std::move(handler),
         asked = into.size()](error_code result, std::size_t bytes) mutable {
            self->set_reading(false);
            self->note(result, bytes, asked);
            handler.complete_in_this_turn(self->seen_by_reader(result), bytes);
        });
}

void reader_core::read_to_end(std::function<void()> done)
{
    if (trouble()) {
        asio::post(io_, std::move(done));
        return;
    }
    set_reading(true);
    stopped_ = false;
    read_on(std::move(done));
}

void reader_core::read_on(std::function<void()> done)
{
    const auto room = buffer_.prepare();
    source_->async_read(
        room.data(), room.size(),
        [self = shared_from_this(), done = std::move(done),
         asked = room.size()](error_code result, std::size_t bytes) mutable {
            self->buffer_.commit(bytes);
            self->note(result, bytes, asked);
            if (!result && self->source_ && !self->stopped_)
                return self->read_on(std::move(done));
            self->set_reading(false);
            done();
        });
}

void reader_core::start_wait(any_handler<void(error_code)> handler)
{
    const auto ec =
        is_reading() ? make_error_code(errc::already_reading) : trouble();
    if (ec)
        return handler.complete(ec);
    set_reading(true);
    handler.on_cancel([weak = weak_from_this()] {
        if (const auto self = weak.lock())
            self->cancel();
    });
    source_->async_wait_readable(
        [self = shared_from_this(),
         handler = std::move(handler)](error_code result) mutable {
            self->set_reading(false);
            handler.complete_in_this_turn(self->seen_by_reader(result));
        });
}

bool reader_core::can_move_to(writer_core& to) noexcept
{
    return source_ && to.can_be_moved_to(*source_);
}

long reader_core::move_now(pipe_sink& to) noexcept
{
    if (!source_)
        return 0;
    const long moved = source_->move(to);
    // The kernel looks at the other end first, and that may be full, or gone,
    // where there is nothing left to move.
    const bool at_end = moved == 0 || (moved < 0 && source_->has_ended());
    if (at_end)
        end();
    const bool nothing =
        at_end || (moved == -EAGAIN && !source_->is_readable());
    return nothing ? 0 : moved;
}

void reader_core::claim(std::function<void()> closed) noexcept
{
    set_reading(true);
    closed_ = std::move(closed);
}

void reader_core::release() noexcept
{
    closed_ = nullptr;
    set_reading(false);
}

void reader_core::read_what_is_there()
{
    // Bounded by what the pipe can hold: a writer that outlived the child
    // could otherwise keep us here for ever. One more, to see the end behind
    // a pipe that was full.
    for (auto left = source_ ? source_->capacity() + 1 : 0; left != 0;) {
        const auto room = buffer_.prepare();
        const long got =
            source_->read_now(room.data(), std::min(room.size(), left));
        if (got <= 0) {
            if (got == 0)
                end();
            else if (got != -EAGAIN)
                error_ = error_code(static_cast<int>(-got),
                                    asio::error::get_system_category());
            return;
        }
        buffer_.commit(static_cast<std::size_t>(got));
        left -= static_cast<std::size_t>(got);
    }
}

void reader_core::cancel() noexcept
{
    // A read that has its bytes cannot be cancelled any more: it must not be
    // followed by another one.
    stopped_ = true;
    if (source_)
        source_->cancel();
}

void reader_core::close() noexcept
{
    closed_by_us_ = true;
    source_.reset();
    if (const auto closed = std::exchange(closed_, nullptr))
        closed();
}

}  // namespace brood::detail
