// waiter.hpp: a suspended coroutine that something will resume once.
#pragma once

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(associated_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(associated_executor.hpp)
#include BROOD_ASIO_HEADER(async_result.hpp)
#include BROOD_ASIO_HEADER(dispatch.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <memory>
#include <optional>
#include <utility>

namespace brood::detail {

// Where a resumed coroutine runs: possibly inside the call, or never.
enum class resume : int { may_be_inline, later };

class waiter {
public:
    virtual ~waiter() = default;

    // Resumes the coroutine on its own executor, with an exception if `ec`.
    // Only the first call counts. A waiter destroyed without any destroys
    // the coroutine.
    virtual void complete(error_code ec, resume how) = 0;
};

template <typename Handler>
class waiter_for final : public waiter {
public:
    explicit waiter_for(Handler handler) : handler_(std::move(handler)) {}

    void complete(error_code ec, resume how) override
    {
        if (!handler_)
            return;
        auto where = asio::get_associated_executor(*handler_);
        auto call = [handler = std::move(*handler_), ec]() mutable {
            std::move(handler)(ec);
        };
        handler_.reset();
        if (how == resume::later)
            asio::post(where, std::move(call));
        else
            asio::dispatch(where, std::move(call));
    }

private:
    std::optional<Handler> handler_;
};

// Suspends the coroutine that awaits it, as `operation` says:
//   attach(executor)   told where the coroutine runs, says where the other
//                      two are to be called;
//   begin(waiter)      takes the suspended coroutine;
//   cancel(waiter)     was asked to end the wait.
template <typename Operation>
struct initiate_suspend {
    template <typename Handler>
    void operator()(Handler&& handler, Operation operation) const
    {
        using waiter_type = waiter_for<std::decay_t<Handler>>;
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto where = operation.attach(asio::get_associated_executor(handler));
        auto self =
            std::make_shared<waiter_type>(std::forward<Handler>(handler));
        if (slot.is_connected()) {
            slot.assign([operation, where, weak = std::weak_ptr<waiter>(self)](
                            asio::cancellation_type) {
                // On the right executor: Asio 1.22.1 emits where it is.
                asio::dispatch(where, [operation, weak]() mutable {
                    if (auto waiting = weak.lock())
                        operation.cancel(std::move(waiting));
                });
            });
        }
        asio::dispatch(where, [operation = std::move(operation),
                               self = std::move(self)]() mutable {
            operation.begin(std::move(self));
        });
    }
};

template <typename Operation>
awaitable<void> suspend(Operation operation)
{
    asio::use_awaitable_t<> token;
    return asio::async_initiate<asio::use_awaitable_t<>, void(error_code)>(
        initiate_suspend<Operation>(), token, std::move(operation));
}

}  // namespace brood::detail
