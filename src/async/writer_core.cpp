// writer_core.cpp: see writer_core.hpp.
#include "async/writer_core.hpp"

#include <brood/errors.hpp>

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace brood::detail {

writer_core::writer_core(const executor& io, os::channel end)
    : io_(io), can_end_(!end.kind.is_terminal),
      sink_(std::in_place, io, std::move(end))
{
}

// Who waits for its close may be left when the last that used it has gone: an
// async_write_some, of a process that was dropped meanwhile.
writer_core::~writer_core()
{
    complete_all(closes_, error_);
}

long writer_core::write_now(const void* data, std::size_t size) noexcept
{
    long result = 0;
    do
        result = sink_->write_now(data, size);
    while (result == -EINTR);
    if (result > 0)
        line_begun_ = static_cast<const char*>(data)[result - 1] != '\n';
    return result;
}

bool writer_core::write(std::string_view bytes)
{
    if (closing_)
        throw std::logic_error("brood: write() after close()");
    if (error_ || !sink_)
        return false;
    const bool idle = waiting() == 0 && !direct_;
    if (idle && !bytes.empty()) {
        const long written = write_now(bytes.data(), bytes.size());
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (written != -EAGAIN) {
            fail(static_cast<int>(-written));
            return false;
        }
    }
    if (bytes.empty())
        return true;
    // What was sent is dropped only when it is the larger part, so that each
    // byte is moved once at the most.
    if (sent_ > pending_.size() / 2) {
        pending_.erase(0, sent_);
        sent_ = 0;
    }
    pending_.append(bytes);
    wait_writable();
    return true;
}

void writer_core::wait_writable()
{
    if (waiting_for_room_ || !sink_)
        return;
    waiting_for_room_ = true;
    sink_->async_wait_writable([self = shared_from_this()](error_code ec) {
        self->waiting_for_room_ = false;
        if (ec && ec != asio::error::operation_aborted)
            return self->fail(ec.value());
        // A cancelled direct write wakes us too; whoever still has bytes to
        // write goes on.
        if (!ec || self->waiting() || self->direct_)
            self->flush();
    });
}

void writer_core::flush()
{
    if (direct_) {
        flush_pending(direct_->behind);
        if (direct_ && direct_->behind == 0)
            flush_direct();
    }
    if (!direct_)
        flush_pending(waiting());
    if (error_ || !sink_)
        return;
    if (waiting() <= low_water_)
        complete_all(drains_, {});
    if (waiting() || direct_)
        wait_writable();
    else if (closing_)
        finish_close();
}

void writer_core::flush_pending(std::size_t bytes)
{
    while (sink_ && bytes) {
        const long written = write_now(pending_.data() + sent_, bytes);
        if (written == -EAGAIN)
            return;
        if (written < 0)
            return fail(static_cast<int>(-written));
        const auto done = static_cast<std::size_t>(written);
        sent_ += done;
        bytes -= done;
        if (direct_)
            direct_->behind -= done;
    }
    if (waiting())
        return;
    pending_.clear();
    sent_ = 0;
    // A large burst must not keep its memory for ever.
    constexpr std::size_t usual = std::size_t{256} * 1024;
    if (pending_.capacity() > usual)
        pending_.shrink_to_fit();
}

void writer_core::flush_direct()
{
    if (!direct_ || !sink_)
        return;
    const auto& from = direct_->from;
    const long written = direct_->instead ? direct_->instead(*sink_)
                                          : write_now(from.data(), from.size());
    if (written == -EAGAIN)
        return;
    if (written < 0)
        return fail(static_cast<int>(-written));
    auto done = std::move(direct_->done);
    direct_.reset();
    done.complete({}, static_cast<std::size_t>(written));
}

void writer_core::start_write_some(asio::const_buffer from,
                                   size_handler handler)
{
    start_direct({from, std::move(handler), move()});
}

bool writer_core::can_be_moved_to(pipe_source& from) noexcept
{
    return sink_ && from.can_move_to(*sink_);
}

void writer_core::start_move(move what, size_handler handler)
{
    start_direct({asio::const_buffer(), std::move(handler), std::move(what)});
}

void writer_core::claim(std::function<void()> closed) noexcept
{
    closed_ = std::move(closed);
}

void writer_core::tell_closed()
{
    if (const auto closed = std::exchange(closed_, nullptr))
        closed();
}

error_code writer_core::trouble() const noexcept
{
    if (error_)
        return error_;
    if (closing_ || !sink_)
        return errc::stream_closed;
    return {};
}

void writer_core::start_direct(direct_write write)
{
    if (const auto ec = trouble())
        return write.done.complete(ec, 0);
    const bool claimed = closed_ && !write.instead;
    if (direct_ || claimed)
        return write.done.complete(errc::already_writing, 0);
    if (!write.instead && write.from.size() == 0)
        return write.done.complete({}, 0);
    write.done.on_cancel([weak = weak_from_this()] {
        if (const auto self = weak.lock())
            self->cancel_direct();
    });
    direct_.emplace(std::move(write));
    direct_->behind = waiting();
    if (waiting() == 0)
        flush_direct();
    if (direct_)
        wait_writable();
}

void writer_core::cancel_direct()
{
    if (!direct_)
        return;
    auto done = std::move(direct_->done);
    direct_.reset();
    if (waiting() == 0 && closing_)
        finish_close();
    else if (waiting() == 0)
        sink_->cancel();
    done.complete(asio::error::operation_aborted, 0);
}

void writer_core::start_drain(done_handler handler)
{
    if (error_)
        return handler.complete(error_);
    if (waiting() <= high_water_)
        return handler.complete({});
    enlist(drains_, std::move(handler));
}

void writer_core::close()
{
    if (closing_)
        return;
    closing_ = true;
    // A copy does not wait for room any more.
    tell_closed();
    if (waiting() == 0 && !direct_)
        finish_close();
}

void writer_core::close_and_shut_down()
{
    shuts_down_ = true;
    close();
}

void writer_core::abort()
{
    if (!sink_)
        return;
    closing_ = true;
    pending_ = std::string();
    sent_ = 0;
    if (direct_) {
        auto done = std::move(direct_->done);
        direct_.reset();
        done.complete(errc::stream_closed, 0);
    }
    finish_close();
}

void writer_core::close_when_hung_up()
{
    if (!sink_ || !sink_->can_be_hung_up())
        return;
    sink_->async_wait_hung_up([self = shared_from_this()](error_code ec) {
        if (!self->sink_)
            return;
        // A cancelled direct write ends this wait, too.
        if (ec == asio::error::operation_aborted)
            return self->close_when_hung_up();
        const int reason = self->sink_->hang_up();
        // Urgent data looks the same to the reactor, and would for ever.
        if (ec || reason < 0)
            return;
        if (reason > 0 || self->waiting() || self->direct_)
            return self->fail(reason > 0 ? reason : EPIPE);
        self->closing_ = true;
        self->finish_close();
    });
}

void writer_core::end_input()
{
    // What still waits comes before it.
    const bool line_begun = waiting() ? pending_.back() != '\n' : line_begun_;
    if (sink_ && !closing_)
        write(sink_->end_of_input(line_begun));
    close();
}

void writer_core::start_wait_closed(done_handler handler)
{
    if (!sink_)
        return handler.complete(error_);
    enlist(closes_, std::move(handler));
}

void writer_core::finish_close()
{
    if (shuts_down_ && sink_ && !error_)
        sink_->shut_down();
    sink_.reset();
    complete_all(drains_, error_);
    complete_all(closes_, error_);
    tell_closed();
}

void writer_core::let_go() noexcept
{
    // A copy is nobody who waits: it has nowhere to copy to any more.
    tell_closed();
    // More may follow: communicate() outlives the handle.
    if (direct_)
        return;
    if (!drains_.empty() || !closes_.empty())
        return close();
    if (waiting())
        error_ = asio::error::broken_pipe;
    pending_.clear();
    sent_ = 0;
    sink_.reset();
}

void writer_core::abandon() noexcept
{
    // What has not been sent never will be.
    if (sink_ || !is_closing())
        error_ = asio::error::operation_aborted;
    sink_.reset();
    pending_.clear();
    sent_ = 0;
    drains_.clear();
    closes_.clear();
    direct_.reset();
    closed_ = nullptr;
    io_ = executor();
}

void writer_core::fail(int error)
{
    error_ = error_code(error, asio::error::get_system_category());
    pending_ = std::string();
    sent_ = 0;
    if (direct_) {
        auto done = std::move(direct_->done);
        direct_.reset();
        done.complete(error_, 0);
    }
    finish_close();
}

void writer_core::enlist(handlers& list, done_handler handler)
{
    const auto place = list.insert(list.end(), std::move(handler));
    place->on_cancel([weak = weak_from_this(), &list, place] {
        // Without its context the handlers are gone already.
        const auto self = weak.lock();
        if (!self || !self->sink_)
            return;
        auto cancelled = std::move(*place);
        list.erase(place);
        cancelled.complete(asio::error::operation_aborted);
    });
}

void writer_core::complete_all(handlers& list, error_code ec)
{
    auto ready = std::exchange(list, {});
    for (auto& each : ready)
        each.complete(ec);
}

}  // namespace brood::detail
