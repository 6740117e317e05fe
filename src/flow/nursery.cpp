// nursery.cpp: see detail/nursery.hpp.
#include <brood/detail/nursery.hpp>

#include "async/child_registry.hpp"
#include "flow/serial_executor.hpp"
#include "flow/waiter.hpp"

#include BROOD_ASIO_HEADER(steady_timer.hpp)

namespace brood::detail {

// Delays the end while children are started or cancelled, so that the caller
// is never resumed inside its own call, and only once the loops here are
// through with the list.
class nursery::hold {
public:
    explicit hold(nursery& held) : held_(held) { ++held_.holds_; }
    hold(const hold&) = delete;
    hold& operator=(const hold&) = delete;
    ~hold()
    {
        if (--held_.holds_ == 0)
            held_.finish(resume::later);
    }

private:
    nursery& held_;
};

struct nursery::enter_operation {
    std::shared_ptr<nursery> self;

    executor attach(const executor& current) const
    {
        self->serial_ = serial_executor(current);
        return self->serial_;
    }
    void begin(std::shared_ptr<waiter> caller) const
    {
        self->begin(std::move(caller));
    }
    void cancel(std::shared_ptr<waiter>) const { self->cancel_from_outside(); }
};

nursery::nursery() = default;
nursery::~nursery() = default;

awaitable<void> nursery::enter(std::shared_ptr<nursery> self)
{
    return suspend(enter_operation{std::move(self)});
}

void nursery::start(std::shared_ptr<child> child, awaitable<void> body)
{
    if (stage_ != stage::open)
        throw system_error(asio::error::operation_aborted,
                           "brood: started in a group that is ending");
    auto& started = *child;
    started.place_ = children_.insert(children_.end(), std::move(child));
    started.start(serial_, std::move(body), shared_from_this());
}

void nursery::stop()
{
    leave(stage::stopped);
}

void nursery::check() const
{
    if (cancelled())
        throw system_error(asio::error::operation_aborted);
    if (failure_)
        std::rethrow_exception(failure_);
}

void nursery::begin(std::shared_ptr<waiter> caller)
{
    const hold until_started(*this);
    caller_ = std::move(caller);
    refill();
}

void nursery::cancel_from_outside()
{
    if (caller_)
        leave(stage::cancelled);
}

void nursery::refill()
{
    // Again, not deeper, when a child ends inside its own start: operations
    // of others may complete where they are initiated.
    if (fills_wanted_++ > 0)
        return;
    try {
        for (int done = 0; done < fills_wanted_ && stage_ == stage::open;) {
            done = fills_wanted_;
            fill();
        }
    } catch (...) {
        if (stage_ == stage::open) {
            failure_ = std::current_exception();
            leave(stage::failed);
        }
    }
    fills_wanted_ = 0;
}

// Every request is passed on, not only the first: a child that cleans up
// after one may be asked again, as Asio does with a plain coroutine.
void nursery::leave(stage why)
{
    const hold until_cancelled(*this);
    if (stage_ == stage::open)
        stage_ = why;
    for (next_ = children_.begin(); next_ != children_.end();)
        (*next_++)->cancel_now();
}

void nursery::child_ended(child& ended)
{
    if (next_ == ended.place_)
        ++next_;
    const auto keep = std::move(*ended.place_);
    children_.erase(ended.place_);

    if (ended.was_abandoned()) {
        abandoned_ = true;
    } else if (!ended.failure()) {
        if (stage_ == stage::open)
            refill();
    } else if (stage_ == stage::open &&
               !(ended.cancel_asked_ && is_cancellation(ended.failure()))) {
        // Who cancelled this one alone knows; all else is a failure.
        failure_ = ended.failure();
        leave(stage::failed);
    }
    if (holds_ == 0)
        finish(resume::may_be_inline);
}

// A child whose handle went with a task was killed, and is being collected
// elsewhere; that takes milliseconds.
struct nursery::collection {
    explicit collection(const executor& io) : timer(io) {}

    asio::steady_timer timer;
    int looks = 0;
    bool waiting = false;
};

bool nursery::must_look_again()
{
    constexpr int most_looks = 500;
    constexpr std::chrono::milliseconds pause{10};
    constexpr std::chrono::milliseconds first_pause{1};
    if (!has_dropped_children(serial_))
        return false;
    if (!collection_)
        collection_ = std::make_shared<collection>(serial_);
    if (collection_->waiting)
        return true;
    if (collection_->looks == most_looks)
        return false;
    collection_->waiting = true;
    collection_->timer.expires_after(collection_->looks++ ? pause
                                                          : first_pause);
    collection_->timer.async_wait([self = shared_from_this()](error_code) {
        self->collection_->waiting = false;
        self->finish(resume::may_be_inline);
    });
    return true;
}

void nursery::finish(resume how)
{
    if (!children_.empty() || !caller_)
        return;
    if (collects_ && !abandoned_ && must_look_again())
        return;
    if (stage_ == stage::open)
        stage_ = stage::stopped;
    const auto caller = std::exchange(caller_, nullptr);
    if (!abandoned_)
        caller->complete({}, how);
}

}  // namespace brood::detail
