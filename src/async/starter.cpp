// starter.cpp: see starter.hpp.
#include "async/starter.hpp"

#include "async/process_core.hpp"
#include "async/start_queue.hpp"
#include "core/start_patience.hpp"
#include "core/stop_ladder.hpp"

#include <brood/errors.hpp>

#include BROOD_ASIO_HEADER(error.hpp)
#include BROOD_ASIO_HEADER(post.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <optional>
#include <random>
#include <string>
#include <utility>

namespace brood::detail {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The same error; its message says what was done about it.
spawn_error with_effort(const spawn_error& error, const std::string& effort)
{
    std::string message = error.what();
    // described_error adds this, and will do so again.
    const auto reason = ": " + error.code().message();
    if (message.ends_with(reason))
        message.resize(message.size() - reason.size());
    return spawn_error(error.code(), error.step(), error.path(),
                       message + ", " + effort, error.interpreter());
}

milliseconds since(steady_clock::time_point then)
{
    return std::chrono::duration_cast<milliseconds>(steady_clock::now() - then);
}

// While it waits, its timer holds it, and so the context does.
class start_op final : public waiting_start,
                       public std::enable_shared_from_this<start_op> {
public:
    start_op(const executor& io, start_site site, start_attempt make,
             std::function<void()> gave_up, start_handler handler)
        : io_(io), make_(std::move(make)), gave_up_(std::move(gave_up)),
          shown_(site.what), where_(site.where), handler_(std::move(handler)),
          queue_(start_queue::of(io))
    {
    }

    void start()
    {
        handler_.on_cancel([weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->cancel();
        });
        // Also where others wait: it may need less than they do, and they
        // may be waiting for what it is to do.
        attempt();
    }

    void wake(bool child_ended) override
    {
        asio::post(io_, [self = shared_from_this(), child_ended] {
            if (child_ended)
                self->patience_.child_ended();
            self->go_on();
        });
    }

private:
    void attempt()
    {
        ++attempts_;
        try {
            under_way_ = make_({shown_, where_});
        } catch (...) {
            return failed(std::current_exception());
        }
        if (!under_way_->is_starting())
            return complete(nullptr, std::exchange(under_way_, nullptr));
        try {
            under_way_->wait_for_start(
                [self = shared_from_this()](std::exception_ptr why) {
                    auto core = std::exchange(self->under_way_, nullptr);
                    if (why)
                        self->failed(std::move(why));
                    else
                        self->complete_in_this_turn(std::move(core));
                });
        } catch (...) {  // out of memory
            under_way_.reset();
            failed(std::current_exception());
        }
    }

    void failed(std::exception_ptr why)
    {
        if (gave_up_)
            gave_up_();
        failure_ = std::move(why);
        if (!may_do_better() || !wait_in_queue())
            return complete(failure_, nullptr);
        if (queue_.is_first(*place_))
            wait_or_give_up();
        else
            wait_until(steady_clock::time_point::max());
    }

    // Another attempt, that is, later.
    bool may_do_better() const
    {
        try {
            std::rethrow_exception(failure_);
        } catch (const spawn_error& error) {
            return is_shortage(error.code());
        } catch (...) {
            return false;
        }
    }

    bool wait_in_queue()
    {
        if (place_)
            return true;
        if (!queue_.is_patient() || !make_timer())
            return false;
        place_ = queue_.add(weak_from_this());
        return true;
    }

    // Its service is made with the first timer of a context, and needs
    // descriptors as well.
    bool make_timer()
    {
        try {
            timer_.emplace(io_);
            return true;
        } catch (const system_error&) {
            return false;
        }
    }

    void go_on()
    {
        // Over, cancelled or at it, while this was on its way.
        if (handler_ && !under_way_ && !is_cancelled_)
            attempt();
    }

    // Its turn begins with its first failure as the first of the queue: the
    // time that others took is not its own.
    void wait_or_give_up()
    {
        if (!turn_)
            turn_ = steady_clock::now();
        const auto wait =
            patience_.attempt_failed(queue_.running() > 0, since(*turn_),
                                     static_cast<std::uint32_t>(chance_()));
        if (wait)
            wait_until(steady_clock::now() + *wait);
        else
            give_up();
    }

    void wait_until(steady_clock::time_point then)
    {
        timer_->expires_at(then);
        timer_->async_wait([self = shared_from_this()](error_code ec) {
            if (!ec)
                self->go_on();
        });
    }

    void give_up()
    {
        const auto effort =
            core::effort_text(attempts_, since(began_), queue_.running());
        try {
            std::rethrow_exception(failure_);
        } catch (const spawn_error& error) {
            failure_ = std::make_exception_ptr(with_effort(error, effort));
        }
        complete(failure_, nullptr);
    }

    void cancel()
    {
        if (!handler_ || std::exchange(is_cancelled_, true))
            return;
        stop_waiting();
        if (const auto core = std::exchange(under_way_, nullptr))
            end(core);
        else
            abort(nullptr);
    }

    // A child that was killed while it started has ended when that is told;
    // unless nothing can end it.
    void end(const std::shared_ptr<process_core>& core)
    {
        core->kill_start();
        core->start_wait({[self = shared_from_this(), core](error_code, int) {
                              self->abort(core);
                          },
                          io_});
        if (!make_timer())
            return;
        timer_->expires_after(core::stop_ladder::kill_grace);
        timer_->async_wait([self = shared_from_this(), core](error_code ec) {
            if (!ec)
                self->abort(core);
        });
    }

    void abort(std::shared_ptr<process_core> killed)
    {
        complete(std::make_exception_ptr(
                     system_error(asio::error::operation_aborted)),
                 std::move(killed));
    }

    // Of the last attempt, not of those before.
    void tell(const std::exception_ptr& failure) const
    {
        try {
            std::rethrow_exception(failure);
        } catch (const spawn_error& error) {
            tell_start_failed(io_, {shown_, where_}, error);
        } catch (...) {
            // Refused, or cancelled: nothing that the system did.
        }
    }

    void complete(std::exception_ptr failure,
                  std::shared_ptr<process_core> core)
    {
        if (!handler_)  // the other one of its end and its timer
            return;
        if (failure)
            tell(failure);
        stop_waiting();
        std::exchange(handler_, start_handler())
            .complete(std::move(failure), std::move(core));
    }

    // The usual case spares a turn of the loop.
    void complete_in_this_turn(std::shared_ptr<process_core> core)
    {
        stop_waiting();
        std::exchange(handler_, start_handler())
            .complete_in_this_turn(nullptr, std::move(core));
    }

    void stop_waiting()
    {
        if (timer_)
            timer_->cancel();
        if (place_)
            queue_.leave(*std::exchange(place_, std::nullopt));
    }

    executor io_;
    start_attempt make_;
    std::function<void()> gave_up_;
    command shown_;
    std::source_location where_;
    start_handler handler_;
    start_queue& queue_;
    std::shared_ptr<process_core> under_way_;  // it has not called exec yet
    std::optional<start_queue::entry> place_;
    std::optional<asio::steady_timer> timer_;
    core::start_patience patience_;
    std::exception_ptr failure_;
    bool is_cancelled_ = false;
    int attempts_ = 0;
    steady_clock::time_point began_ = steady_clock::now();
    std::optional<steady_clock::time_point> turn_;
    // Only to spread those apart that failed together.
    std::minstd_rand chance_{static_cast<std::minstd_rand::result_type>(
        steady_clock::now().time_since_epoch().count())};
};

struct initiate_start {
    using executor_type = executor;
    executor_type get_executor() const noexcept { return io; }
    template <class Handler>
    void operator()(Handler&& handler)
    {
        auto make = [io = io, what = std::move(what)](const start_site& from) {
            return process_core::begin_start(io, what, from);
        };
        start_child(io, site, std::move(make), nullptr,
                    start_handler(std::forward<Handler>(handler), io));
    }
    executor io;
    command_data what;
    start_site site;
};

}  // namespace

bool is_shortage(error_code ec) noexcept
{
    return ec == std::errc::too_many_files_open ||
           ec == std::errc::too_many_files_open_in_system ||
           ec == std::errc::resource_unavailable_try_again ||
           ec == std::errc::not_enough_memory;
}

void start_child(const executor& io, start_site site, start_attempt attempt,
                 std::function<void()> gave_up, start_handler handler)
{
    std::make_shared<start_op>(io, site, std::move(attempt), std::move(gave_up),
                               std::move(handler))
        ->start();
}

awaitable<std::shared_ptr<process_core>>
start_child(executor io, command_data what, start_site site)
{
    auto token = use_awaitable;
    return asio::async_initiate<asio::use_awaitable_t<>,
                                void(std::exception_ptr,
                                     std::shared_ptr<process_core>)>(
        initiate_start{std::move(io), std::move(what), site}, token);
}

}  // namespace brood::detail
