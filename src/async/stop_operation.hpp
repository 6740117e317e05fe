// stop_operation.hpp: stops one child and its family.
//
// What to do next is core::stop_ladder's decision; this carries it out: sends
// the signals, keeps the time, and finds out when nobody is left alive. The
// family is looked at only once the child itself has ended.
#pragma once

#include "async/process_core.hpp"
#include "core/stop_ladder.hpp"

#include <brood/detail/any_handler.hpp>

#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <chrono>
#include <functional>
#include <memory>

namespace brood::detail {

class stop_operation : public std::enable_shared_from_this<stop_operation> {
public:
    stop_operation(std::shared_ptr<process_core> core, stop_sequence sequence,
                   stop_reason why = stop_reason::none);
    ~stop_operation();

    const executor& get_executor() const noexcept
    {
        return core_->get_executor();
    }

    // Calls `ended` once, on the loop, never inline: true when nobody is left
    // alive, false when somebody was not to be killed. Destroyed without that
    // call when the loop goes.
    void run(std::function<void(bool)> ended);
    // Kills those who are left.
    void hurry();

    // run() with a handler's face. Completes with the returncode, or with
    // not_stopped; cancelled, it hurries, and completes with
    // operation_aborted.
    void start(any_handler<void(error_code, int)> handler);

private:
    void carry_out(const core::stop_action& action);
    void send(int signal);
    void tell(int signal) const noexcept;
    void arm(std::chrono::nanoseconds time);
    void wait();
    void look();
    void look_later();
    void end(bool emptied);

    std::shared_ptr<process_core> core_;
    core::stop_ladder ladder_;
    stop_reason why_;
    std::function<void(bool)> ended_;
    asio::cancellation_signal stop_waiting_;
    asio::steady_timer grace_;
    asio::steady_timer pause_timer_;
    std::chrono::milliseconds pause_{1};
    bool cancelled_ = false;
    bool over_ = false;
};

}  // namespace brood::detail
