// stop_operation.cpp: see stop_operation.hpp.
#include "async/stop_operation.hpp"

#include <brood/errors.hpp>

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(error.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <algorithm>
#include <csignal>
#include <utility>

namespace brood::detail {

stop_operation::stop_operation(std::shared_ptr<process_core> core,
                               stop_sequence sequence, stop_reason why)
    : core_(std::move(core)), ladder_(std::move(sequence)), why_(why),
      grace_(core_->get_executor()), pause_timer_(core_->get_executor())
{
    core_->keep_family();
}

stop_operation::~stop_operation()
{
    core_->release_family();
}

void stop_operation::run(std::function<void(bool)> ended)
{
    ended_ = std::move(ended);
    if (core_->family_has_ended())
        return carry_out(ladder_.on(core::stop_event::emptied));
    wait();
    carry_out(ladder_.on(core::stop_event::begin));
}

void stop_operation::hurry()
{
    carry_out(ladder_.on(core::stop_event::hurry));
}

void stop_operation::start(any_handler<void(error_code, int)> handler)
{
    auto kept = std::make_shared<any_handler<void(error_code, int)>>(
        std::move(handler));
    kept->on_cancel([weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->cancelled_ = true;
            self->hurry();
        }
    });
    run([this, kept](bool emptied) {
        // The returncode is known by now, except of a child that lives on.
        const int code = core_->poll().value_or(0);
        if (cancelled_)
            kept->complete(asio::error::operation_aborted, code);
        else if (!emptied)
            kept->complete(errc::not_stopped, code);
        else
            kept->complete({}, code);
    });
}

void stop_operation::carry_out(const core::stop_action& action)
{
    using kind = core::stop_action::kind;
    switch (action.what) {
    case kind::none: break;
    case kind::signal:
        tell(action.signal);
        send(action.signal);
        // One that is stopped could not react otherwise.
        send(SIGCONT);
        arm(action.grace);
        break;
    case kind::kill:
        tell(SIGKILL);
        send(SIGKILL);
        arm(action.grace);
        look();
        break;
    case kind::finish: end(true); break;
    case kind::give_up:
        // The last of them may have ended while nobody looked.
        end(core_->family_has_ended());
        break;
    }
}

void stop_operation::tell(int signal) const noexcept
{
    if (const auto* const seen = core_->observed())
        seen->stopped(why_, signal);
}

// That it reaches nobody, or is forbidden to reach a child of another user,
// is no error here: it shows in who is left.
void stop_operation::send(int signal)
{
    core_->signal_family(signal);
}

void stop_operation::arm(std::chrono::nanoseconds time)
{
    grace_.cancel();
    if (time == unlimited)
        return;
    grace_.expires_after(
        std::chrono::duration_cast<asio::steady_timer::duration>(time));
    grace_.async_wait([self = shared_from_this()](error_code ec) {
        // The end of an earlier grace may have been on its way as this one
        // began.
        const bool is_over =
            self->grace_.expiry() <= std::chrono::steady_clock::now();
        if (!ec && is_over && !self->over_)
            self->carry_out(self->ladder_.on(core::stop_event::grace_over));
    });
}

void stop_operation::wait()
{
    auto exited = [self = shared_from_this()](error_code ec, int) {
        if (self->over_)
            return;
        if (!ec)
            return self->look();
        // The handle was dropped: the child is somebody else's by now.
        self->cancelled_ = true;
        self->end(false);
    };
    core_->start_wait(
        {asio::bind_cancellation_slot(stop_waiting_.slot(), std::move(exited)),
         core_->get_executor()});
}

void stop_operation::look()
{
    if (over_ || !core_->status())
        return;
    if (core_->family_has_ended())
        return carry_out(ladder_.on(core::stop_event::emptied));
    // Somebody may have been born just as the others were killed.
    if (ladder_.killed())
        send(SIGKILL);
    look_later();
}

// No event tells that a group is empty.
void stop_operation::look_later()
{
    constexpr std::chrono::milliseconds longest_pause{50};
    pause_timer_.expires_after(pause_);
    pause_ = std::min(pause_ * 2, longest_pause);
    pause_timer_.async_wait([self = shared_from_this()](error_code ec) {
        if (!ec)
            self->look();
    });
}

void stop_operation::end(bool emptied)
{
    over_ = true;
    grace_.cancel();
    pause_timer_.cancel();
    stop_waiting_.emit(asio::cancellation_type::all);
    asio::post(core_->get_executor(), [self = shared_from_this(), emptied] {
        const auto ended = std::exchange(self->ended_, nullptr);
        ended(emptied);
    });
}

}  // namespace brood::detail
