// copy.cpp: see copy.hpp.
#include <brood/copy.hpp>

#include "async/reader_core.hpp"
#include "async/writer_core.hpp"

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(error.hpp)

#include <cerrno>
#include <functional>
#include <utility>

namespace brood::detail {

namespace {

// Nothing but the handlers of its steps holds it.
class copy_operation : public std::enable_shared_from_this<copy_operation> {
public:
    copy_operation(std::shared_ptr<reader_core> from,
                   const std::shared_ptr<writer_core>& to,
                   copying::handler done)
        : io_(from->get_executor()), from_(std::move(from)), to_(to),
          done_(std::move(done))
    {
    }
    copy_operation(const copy_operation&) = delete;
    copy_operation& operator=(const copy_operation&) = delete;
    // One that could not be started for want of memory must not keep them.
    ~copy_operation() { release(); }

    void start()
    {
        const auto to = to_.lock();
        if (from_->is_reading())
            return done_.complete(errc::already_reading, 0);
        if (to->is_writing())
            return done_.complete(errc::already_writing, 0);
        const std::weak_ptr<copy_operation> weak = weak_from_this();
        const std::function<void()> stop = [weak] {
            if (const auto self = weak.lock())
                self->stop_step_.emit(asio::cancellation_type::all);
        };
        auto stop_too = stop;
        from_->claim(stop);
        to->claim(std::move(stop_too));
        claimed_ = true;
        done_.on_cancel([weak, stop] {
            // A step that has come to its end cannot be cancelled any more: it
            // must not be followed by another one.
            if (const auto self = weak.lock())
                self->cancelled_ = true;
            stop();
        });
        moves_ = from_->can_move_to(*to);
        step();
    }

private:
    template <class Function>
    auto cancellable(Function then)
    {
        return asio::bind_cancellation_slot(stop_step_.slot(), std::move(then));
    }

    void step()
    {
        const auto to = to_.lock();
        if (cancelled_)
            return end(asio::error::operation_aborted);
        if (!to)
            return end(errc::stream_closed);
        const bool has_read = !from_->buffer().empty();
        if (!has_read && from_->trouble() == asio::error::eof)
            return end({});
        if (const auto ec = to->trouble())
            return end(ec);
        // Also with bytes that were read before, which stay there.
        if (from_->was_closed_by_us())
            return end(errc::stream_closed);
        if (has_read)
            return write(*to);
        if (const auto ec = from_->trouble())
            return end(ec);
        if (moves_)
            wait_to_move();
        else
            read();
    }

    void write(writer_core& to)
    {
        // So that little is counted that is not yet sent.
        constexpr std::size_t piece = std::size_t{64} * 1024;
        auto& buffer = from_->buffer();
        const auto bytes = buffer.view().substr(0, piece);
        if (!to.write(bytes))
            return end(to.trouble());
        copied_ += bytes.size();
        buffer.consume(bytes.size());
        auto drained = [self = shared_from_this()](error_code ec) {
            self->go_on(ec);
        };
        to.start_drain({cancellable(std::move(drained)), io_});
    }

    void read()
    {
        auto filled = [self = shared_from_this()](error_code) {
            self->from_->end_step();
            self->step();  // what is wrong stands behind what came before it
        };
        from_->begin_step();
        from_->start_fill({cancellable(std::move(filled)), io_});
    }

    // Only the writer's side can keep a move waiting then.
    void wait_to_move()
    {
        auto ready = [self = shared_from_this()](error_code ec) {
            self->from_->end_step();
            if (ec)
                self->go_on(ec);
            else
                self->move();
        };
        from_->begin_step();
        from_->start_wait({cancellable(std::move(ready)), io_});
    }

    void move()
    {
        const auto to = to_.lock();
        // What came in between must not wait for room.
        if (!to || cancelled_ || from_->trouble())
            return step();
        auto move = [self = shared_from_this()](pipe_sink& into) {
            const long moved = self->from_->move_now(into);
            const bool refused =
                moved < 0 && moved != -EAGAIN && moved != -EPIPE;
            // What the system does not let us move can still be read.
            if (refused)
                self->moves_ = false;
            return refused ? 0 : moved;
        };
        auto moved = [self = shared_from_this()](error_code ec,
                                                 std::size_t bytes) {
            self->copied_ += bytes;
            self->go_on(ec);
        };
        to->start_move(std::move(move), {cancellable(std::move(moved)), io_});
    }

    void go_on(error_code ec)
    {
        // A step is stopped by a cancellation, or since a stream was closed.
        if (ec && ec != asio::error::operation_aborted)
            end(ec);
        else
            step();
    }

    void end(error_code ec)
    {
        release();
        done_.complete(ec, copied_);
    }

    void release() noexcept
    {
        if (!std::exchange(claimed_, false))
            return;
        from_->release();
        if (const auto to = to_.lock())
            to->release();
    }

    executor io_;
    std::shared_ptr<reader_core> from_;
    // It holds us while it is slow, and is held by its loop then.
    std::weak_ptr<writer_core> to_;
    copying::handler done_;
    std::uint64_t copied_ = 0;
    asio::cancellation_signal stop_step_;
    bool claimed_ = false;
    bool cancelled_ = false;
    bool moves_ = false;  // where both are pipes, and the system lets us
};

}  // namespace

void copying::start(std::shared_ptr<reader_core> from,
                    std::shared_ptr<writer_core> to, handler done)
{
    std::make_shared<copy_operation>(std::move(from), to, std::move(done))
        ->start();
}

}  // namespace brood::detail
