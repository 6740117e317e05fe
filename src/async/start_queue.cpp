// start_queue.cpp: see start_queue.hpp.
#include "async/start_queue.hpp"

#include <brood/detail/patient_starts.hpp>

#include BROOD_ASIO_HEADER(execution/context.hpp)
#include BROOD_ASIO_HEADER(query.hpp)

#include <utility>

namespace brood::detail {

asio::execution_context::id start_queue::id;

start_queue::start_queue(asio::execution_context& context)
    : asio::execution_context::service(context),
      gathers_(std::make_shared<std::atomic<int>>(0))
{
}

start_queue& start_queue::of(const executor& io)
{
    return asio::use_service<start_queue>(
        asio::query(io, asio::execution::context));
}

start_queue::entry start_queue::add(std::weak_ptr<waiting_start> last)
{
    const std::lock_guard lock(mutex_);
    return waiting_.insert(waiting_.end(), std::move(last));
}

bool start_queue::is_first(entry place)
{
    const std::lock_guard lock(mutex_);
    return place == waiting_.begin();
}

void start_queue::leave(entry place) noexcept
{
    bool was_first = false;
    {
        const std::lock_guard lock(mutex_);
        was_first = place == waiting_.begin();
        waiting_.erase(place);
    }
    if (was_first)
        wake_first(false);
}

void start_queue::wake_first(bool child_ended) noexcept
{
    std::shared_ptr<waiting_start> first;
    {
        const std::lock_guard lock(mutex_);
        if (!waiting_.empty())
            first = waiting_.front().lock();
    }
    if (!first)
        return;
    try {
        first->wake(child_ended);
    } catch (...) {
        // No memory to tell it: its own timer will wake it.
    }
}

// Asio destroys the timers of those that wait, and these hold them; what
// they left here, in leave() or without, means nothing any more.
void start_queue::shutdown() noexcept {}

std::shared_ptr<void> patient_starts(const executor& io)
{
    auto count = start_queue::of(io).gathers();
    ++*count;
    // Without memory for it, shared_ptr calls the deleter all the same.
    auto* const place = count.get();
    return std::shared_ptr<void>(
        place, [count = std::move(count)](void*) { --*count; });
}

}  // namespace brood::detail
