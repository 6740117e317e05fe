// copy.cpp: see copy.hpp.
#include <brood/copy.hpp>

#include "async/reader_core.hpp"
#include "async/writer_core.hpp"

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(error.hpp)

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

    void start()
    {
        done_.on_cancel([weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->cancel();
        });
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
        if (from_->is_reading())
            return end(errc::already_reading);
        if (!to || to->was_closed_by_us())
            return end(errc::stream_closed);
        if (to->is_writing())
            return end(errc::already_writing);
        if (!from_->buffer().empty() || to->is_closing())
            return write(*to);
        if (const auto ec = from_->trouble())
            return end(ec == asio::error::eof ? error_code() : ec);
        if (from_->can_move_to(*to))
            move(to);
        else
            read();
    }

    // What has been read already.
    void write(writer_core& to)
    {
        auto& buffer = from_->buffer();
        if (to.write(buffer.view())) {
            copied_ += buffer.size();
            buffer.consume(buffer.size());
        }
        auto drained = [self = shared_from_this()](error_code ec) {
            self->go_on(ec);
        };
        to.start_drain({cancellable(std::move(drained)), io_});
    }
    void read()
    {
        auto filled = [self = shared_from_this()](error_code ec) {
            // What else is wrong stands behind what came before it.
            const bool aborted = ec == asio::error::operation_aborted;
            self->go_on(aborted ? ec : error_code());
        };
        from_->start_fill({cancellable(std::move(filled)), io_});
    }
    void move(const std::shared_ptr<writer_core>& to)
    {
        auto moved = [self = shared_from_this()](error_code ec,
                                                 std::size_t bytes) {
            self->copied_ += bytes;
            self->go_on(ec);
        };
        from_->start_move(to, {cancellable(std::move(moved)), io_});
    }

    void go_on(error_code ec)
    {
        if (ec)
            end(ec);
        else
            step();
    }
    void cancel()
    {
        // A step that has come to its end cannot be cancelled any more: it
        // must not be followed by another one.
        cancelled_ = true;
        stop_step_.emit(asio::cancellation_type::all);
    }
    void end(error_code ec) { done_.complete(ec, copied_); }

    executor io_;
    std::shared_ptr<reader_core> from_;
    // It holds us while it is slow, and is held by its loop then.
    std::weak_ptr<writer_core> to_;
    copying::handler done_;
    std::uint64_t copied_ = 0;
    asio::cancellation_signal stop_step_;
    bool cancelled_ = false;
};

}  // namespace

void copying::start(handler done) const
{
    std::make_shared<copy_operation>(from_, to_, std::move(done))->start();
}

}  // namespace brood::detail
