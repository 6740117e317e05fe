// detail/body_nursery.hpp: a scope around one body, a callable that gives an
// awaitable.
//
// with_task_group and with_process are such scopes; they differ only in what
// they call the body with.
#pragma once

#include <brood/detail/nursery.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace brood::detail {

template <typename T, typename Body>
class body_nursery : public nursery {
public:
    using value_type = T;

    // After enter: the body's value, or what decided the outcome.
    T take()
    {
        // The body's captures go before the caller goes on.
        body_.reset();
        check();
        return unwrap<T>(*std::move(value_));
    }

protected:
    template <typename B>
    explicit body_nursery(std::in_place_t, B&& body)
        : body_(std::in_place, std::forward<B>(body))
    {
    }

private:
    // Called once; `body` lives until all is over.
    virtual awaitable<T> call(Body& body) = 0;

    void fill() final
    {
        if (std::exchange(started_, true))
            return;
        start(std::make_shared<child>(),
              put<T>(shared_from_this(), value_, call(*body_)));
    }

    bool started_ = false;
    // Kept until all is over: a coroutine lambda lives in its closure.
    std::optional<Body> body_;
    std::optional<value_of<T>> value_;
};

}  // namespace brood::detail
