// detail/any_handler.hpp: one completion handler of any type, kept until its
// operation ends.
//
// Lets an operation live in a .cpp file: the header's template wraps the
// user's handler, everything below sees only the signature. Keeps the
// handler's executor (with a work guard, so that its context goes on
// running), allocator and cancellation slot. (Asio has this itself only from
// 1.27 on.)
#pragma once

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(associated_allocator.hpp)
#include BROOD_ASIO_HEADER(associated_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(associated_executor.hpp)
#include BROOD_ASIO_HEADER(dispatch.hpp)
#include BROOD_ASIO_HEADER(executor_work_guard.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace brood::detail {

// A handler with its arguments, ready to be run by its executor.
template <class Handler, class... Arguments>
struct bound_handler {
    using executor_type = asio::associated_executor_t<Handler, executor>;
    using allocator_type = asio::associated_allocator_t<Handler>;

    executor_type get_executor() const noexcept { return executor_; }
    allocator_type get_allocator() const noexcept
    {
        return asio::get_associated_allocator(handler_);
    }
    void operator()()
    {
        std::apply(std::move(handler_), std::move(arguments_));
    }

    Handler handler_;
    executor_type executor_;
    std::tuple<Arguments...> arguments_;
};

// The same for a handler with an executor of its own: it goes there once the
// operation's executor has had its turn. Not posted there at once: what is
// posted to the executor of asio::use_future starts a pool of threads.
template <class Handler, class... Arguments>
struct forwarded_handler {
    using bound = bound_handler<Handler, Arguments...>;
    using allocator_type = typename bound::allocator_type;

    allocator_type get_allocator() const noexcept
    {
        return ready_.get_allocator();
    }
    void operator()()
    {
        const auto to = work_.get_executor();
        asio::dispatch(to, std::move(ready_));
    }

    bound ready_;
    asio::executor_work_guard<typename bound::executor_type> work_;
};

template <class Signature>
class any_handler;

template <class... Arguments>
class any_handler<void(Arguments...)> {
public:
    any_handler() noexcept = default;

    // `io` is the executor of the object that the operation is about; empty
    // when its execution context is gone.
    template <class Handler>
    any_handler(Handler handler, const executor& io)
        : held_(make(std::move(handler), io))
    {
    }
    any_handler(any_handler&& other) noexcept
        : held_(std::exchange(other.held_, nullptr))
    {
    }
    any_handler& operator=(any_handler&& other) noexcept
    {
        any_handler(std::move(other)).swap(*this);
        return *this;
    }
    ~any_handler()
    {
        if (held_)
            held_->destroy();
    }

    explicit operator bool() const noexcept { return held_ != nullptr; }
    void swap(any_handler& other) noexcept { std::swap(held_, other.held_); }

    // `stop` runs when the operation is cancelled through its slot, whatever
    // the type of the cancellation.
    template <class Stop>
    void on_cancel(Stop stop)
    {
        if (held_->slot.is_connected())
            held_->slot.assign(
                [stop = std::move(stop)](asio::cancellation_type) mutable {
                    stop();
                });
    }

    // Hands the result to the handler's executor; never runs it inline.
    void complete(Arguments... arguments)
    {
        release()->complete(turn::next, std::move(arguments)...);
    }

    // The same, without waiting for a turn of the loop: it may run inline.
    // Only as the last act of a handler that the loop itself has called.
    void complete_in_this_turn(Arguments... arguments)
    {
        release()->complete(turn::current, std::move(arguments)...);
    }

private:
    enum class turn : int { current, next };

    struct base {
        virtual void complete(turn when, Arguments... arguments) = 0;
        virtual void destroy() noexcept = 0;
        asio::cancellation_slot slot;

    protected:
        ~base() = default;
    };

    template <class Handler>
    struct holder final : base {
        using bound = bound_handler<Handler, Arguments...>;
        using work_executor = typename bound::executor_type;
        using allocator = typename std::allocator_traits<
            typename bound::allocator_type>::template rebind_alloc<holder>;

        holder(Handler&& handler, const executor& io)
            : handler_(std::move(handler)), io_(io),
              work_(asio::get_associated_executor(handler_, io))
        {
            this->slot = asio::get_associated_cancellation_slot(handler_);
        }

        // The memory goes back before the handler runs, so that it can be
        // used again by the next operation that the handler starts.
        void complete(turn when, Arguments... arguments) override
        {
            const allocator memory(asio::get_associated_allocator(handler_));
            const auto io = std::move(io_);
            auto work = std::move(work_);
            const auto to = work.get_executor();
            bound ready{std::move(handler_), to, {std::move(arguments)...}};
            destroy(memory);
            if (!io || is_same(to, io))
                submit(when, to, std::move(ready));
            else
                submit(when, io,
                       forwarded_handler<Handler, Arguments...>{
                           std::move(ready), std::move(work)});
        }

        void destroy() noexcept override
        {
            destroy(allocator(asio::get_associated_allocator(handler_)));
        }

        void destroy(allocator memory) noexcept
        {
            this->~holder();
            std::allocator_traits<allocator>::deallocate(memory, this, 1);
        }

        template <class Executor, class Function>
        static void submit(turn when, const Executor& to, Function function)
        {
            if (when == turn::current)
                asio::dispatch(to, std::move(function));
            else
                asio::post(to, std::move(function));
        }

        static bool is_same(const work_executor& to, const executor& io)
        {
            if constexpr (std::is_same_v<work_executor, executor>)
                return to == io;
            else
                return false;
        }

        Handler handler_;
        executor io_;
        asio::executor_work_guard<work_executor> work_;
    };

    template <class Handler>
    static base* make(Handler handler, const executor& io)
    {
        using made = holder<Handler>;
        typename made::allocator memory(
            asio::get_associated_allocator(handler));
        auto* place = std::allocator_traits<typename made::allocator>::allocate(
            memory, 1);
        try {
            return ::new (static_cast<void*>(place))
                made(std::move(handler), io);
        } catch (...) {
            std::allocator_traits<typename made::allocator>::deallocate(
                memory, place, 1);
            throw;
        }
    }

    base* release() noexcept
    {
        auto* held = std::exchange(held_, nullptr);
        if (held->slot.is_connected())
            held->slot.clear();
        return held;
    }

    base* held_ = nullptr;
};

}  // namespace brood::detail
