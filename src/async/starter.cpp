// starter.cpp: see starter.hpp.
#include "async/starter.hpp"

#include "async/process_core.hpp"
#include "async/start_queue.hpp"
#include "core/start_patience.hpp"

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
             start_handler handler)
        : io_(io), make_(std::move(make)), shown_(site.what),
          where_(site.where), handler_(std::move(handler)),
          queue_(start_queue::of(io))
    {
    }

    void start()
    {
        // Also where others wait: it may need less than they do, and they
        // may be waiting for what it is to do.
        attempt();
        if (!handler_)
            return;
        if (!queue_.is_patient() || !make_timer())
            return complete(failure_, nullptr);
        place_ = queue_.add(weak_from_this());
        handler_.on_cancel([weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->cancel();
        });
        if (queue_.is_first(*place_))
            wait_or_give_up();
        else
            wait_until(steady_clock::time_point::max());
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
    // Leaves `failure_` where another attempt might do better; all else, good
    // or bad, completes.
    void attempt()
    {
        ++attempts_;
        std::shared_ptr<process_core> core;
        try {
            core = make_({shown_, where_});
        } catch (const spawn_error& error) {
            failure_ = std::current_exception();
            if (is_shortage(error.code()))
                return;
        } catch (...) {
            failure_ = std::current_exception();
        }
        const auto failure = core ? nullptr : failure_;
        complete(failure, std::move(core));
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
        if (!handler_)  // over, while this was on its way
            return;
        attempt();
        if (handler_)
            wait_or_give_up();
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
        if (handler_)
            complete(std::make_exception_ptr(
                         system_error(asio::error::operation_aborted)),
                     nullptr);
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
        if (failure)
            tell(failure);
        if (timer_)
            timer_->cancel();
        if (place_)
            queue_.leave(*std::exchange(place_, std::nullopt));
        std::exchange(handler_, start_handler())
            .complete(std::move(failure), std::move(core));
    }

    executor io_;
    start_attempt make_;
    command shown_;
    std::source_location where_;
    start_handler handler_;
    start_queue& queue_;
    std::optional<start_queue::entry> place_;
    std::optional<asio::steady_timer> timer_;
    core::start_patience patience_;
    std::exception_ptr failure_;
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
            return process_core::try_to_start(io, what, from);
        };
        start_child(io, site, std::move(make),
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

bool starts_are_patient(const executor& io)
{
    return start_queue::of(io).is_patient();
}

void start_child(const executor& io, start_site site, start_attempt attempt,
                 start_handler handler)
{
    std::make_shared<start_op>(io, site, std::move(attempt), std::move(handler))
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
