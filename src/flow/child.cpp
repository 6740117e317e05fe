// child.cpp: see detail/child.hpp.
#include <brood/detail/child.hpp>

#include "flow/waiter.hpp"

#include BROOD_ASIO_HEADER(co_spawn.hpp)

namespace brood::detail {

// What co_spawn calls at the body's end. Destroyed without that call, when
// an operation lets go of the suspended body because its context goes away,
// it says so: those who wait for the child are to be destroyed in turn, for
// nothing else holds them.
class child::end_handler {
public:
    explicit end_handler(std::shared_ptr<child> child)
        : child_(std::move(child))
    {
    }
    end_handler(end_handler&&) noexcept = default;
    end_handler& operator=(end_handler&&) = delete;
    ~end_handler()
    {
        if (child_)
            child_->abandon();
    }

    void operator()(std::exception_ptr failure)
    {
        // The handler's copy goes first: the child is over, not abandoned.
        const auto child = std::move(child_);
        child->ended(std::move(failure));
    }

    using cancellation_slot_type = asio::cancellation_slot;
    cancellation_slot_type get_cancellation_slot() const noexcept
    {
        return child_->signal_.slot();
    }

private:
    std::shared_ptr<child> child_;
};

child::child() = default;
child::~child() = default;

void child::start(executor serial, awaitable<void> body,
                  std::shared_ptr<child_owner> owner)
{
    serial_ = std::move(serial);
    owner_ = std::move(owner);
    asio::co_spawn(serial_, std::move(body), end_handler(shared_from_this()));
}

void child::cancel() noexcept
{
    if (done())
        return;
    try {
        asio::post(serial_, [self = shared_from_this()] {
            self->cancel_asked_ = true;
            self->cancel_now();
        });
    } catch (...) {
        // No memory even to ask. The child runs on; who waits for it waits.
    }
}

void child::cancel_now()
{
    if (!done())
        signal_.emit(asio::cancellation_type::terminal);
}

void child::ended(std::exception_ptr failure)
{
    finish(std::move(failure));
    for (const auto& joiner : std::exchange(joiners_, {}))
        joiner->complete({}, resume::later);
    // Last: the owner may resume its caller, and the caller may do anything.
    if (const auto owner = std::exchange(owner_, nullptr))
        owner->child_ended(*this);
}

void child::abandon() noexcept
{
    abandoned_ = true;
    finish(
        std::make_exception_ptr(system_error(asio::error::operation_aborted)));
    joiners_.clear();
    if (const auto owner = std::exchange(owner_, nullptr))
        owner->child_ended(*this);
}

void child::finish(std::exception_ptr failure) noexcept
{
    failure_ = std::move(failure);
    done_ = true;
}

struct child::join_operation {
    std::shared_ptr<child> self;

    executor attach(const executor&) const { return self->serial_; }

    void begin(std::shared_ptr<waiter> joiner) const
    {
        if (self->done())
            joiner->complete({}, resume::later);
        else
            self->joiners_.push_back(std::move(joiner));
    }

    void cancel(std::shared_ptr<waiter> joiner) const
    {
        if (std::erase(self->joiners_, joiner) != 0)
            joiner->complete(asio::error::operation_aborted, resume::later);
    }
};

awaitable<void> child::join(std::shared_ptr<child> self)
{
    return suspend(join_operation{std::move(self)});
}

bool is_cancellation(const std::exception_ptr& failure) noexcept
{
    if (!failure)
        return false;
    try {
        std::rethrow_exception(failure);
    } catch (const system_error& error) {
        return error.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

}  // namespace brood::detail
