// result.hpp: what came of a coroutine, its value or its exception.
#pragma once

#include <cassert>
#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

namespace brood {

/// Holds what came of a coroutine: a value, or the exception that ended it.
///
/// What `gather(..., return_exceptions)` gives. A coroutine without a value
/// has a result<std::monostate>.
///
/// Threads: a plain value.
template <typename T>
class [[nodiscard]] result {
    static_assert(std::is_object_v<T> &&
                  !std::is_same_v<T, std::exception_ptr>);

public:
    using value_type = T;

    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}

    /// Pre: `exception` is not null.
    result(std::exception_ptr exception) noexcept
        : state_(std::in_place_index<1>, std::move(exception))
    {
        assert(this->exception());
    }

    bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /// The value; without one, rethrows the exception.
    T& value() & { return *checked(); }
    const T& value() const& { return *checked(); }
    T&& value() && { return std::move(*checked()); }

    /// The value. Pre: has_value().
    T& operator*() & noexcept { return *unchecked(); }
    const T& operator*() const& noexcept { return *unchecked(); }
    T&& operator*() && noexcept { return std::move(*unchecked()); }
    T* operator->() noexcept { return unchecked(); }
    const T* operator->() const noexcept { return unchecked(); }

    /// The exception; null when there is a value.
    std::exception_ptr exception() const noexcept
    {
        auto* exception = std::get_if<1>(&state_);
        return exception ? *exception : nullptr;
    }

private:
    T* unchecked() noexcept
    {
        assert(has_value());
        return std::get_if<0>(&state_);
    }
    const T* unchecked() const noexcept
    {
        assert(has_value());
        return std::get_if<0>(&state_);
    }
    T* checked()
    {
        rethrow_exception();
        return unchecked();
    }
    const T* checked() const
    {
        rethrow_exception();
        return unchecked();
    }
    void rethrow_exception() const
    {
        if (auto* exception = std::get_if<1>(&state_))
            std::rethrow_exception(*exception);
    }

    std::variant<T, std::exception_ptr> state_;
};

static_assert(!std::is_aggregate_v<result<int>>);

}  // namespace brood
