// detail/nursery.hpp: the scope that starts children and outlives them all.
//
// gather, wait_for and with_task_group are nurseries; they differ only in
// which children they start (fill) and in what they make of the outcome.
//
// Always true:
//   - A nursery that was entered is left when its last child is over, not
//     before, whatever happened.
//   - What happens first decides: a failure, or a cancellation from outside.
//     Either cancels the children that are left and lets no new one start.
//   - Everything happens on one executor that runs one thing at a time; the
//     children run there too, so neither they nor a nursery need a lock.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/child.hpp>
#include <brood/export.hpp>

#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <utility>

namespace brood::detail {

enum class resume;

class BROOD_API nursery : public child_owner,
                          public std::enable_shared_from_this<nursery> {
public:
    nursery();
    virtual ~nursery();
    nursery(const nursery&) = delete;
    nursery& operator=(const nursery&) = delete;

    // Enters: starts the children, and completes when the last one is over.
    // Cancelling cancels them. Throws nothing: see check().
    static awaitable<void> enter(std::shared_ptr<nursery> self);

    // Starts one more child; throws operation_aborted, and starts nothing,
    // when the nursery is being left.
    void start(std::shared_ptr<child> child, awaitable<void> body);

protected:
    // Starts the children that may run now. Called on entering, and again
    // after each child that ended well. What it throws is a failure.
    virtual void fill() = 0;

    // Cancels the children that are left, as neither failure nor error.
    void stop();

    std::size_t running() const noexcept { return children_.size(); }
    // Where the children run; once entered.
    const executor& where() const noexcept { return serial_; }
    bool cancelled() const noexcept { return stage_ == stage::cancelled; }
    const std::exception_ptr& failure() const noexcept { return failure_; }

    // The end is not told before the children (processes, that is) that were
    // dropped on this context have been collected, or 5 s have passed.
    void await_dropped_processes() noexcept { collects_ = true; }

    // After enter: throws what decided the outcome, if anything did.
    void check() const;

private:
    struct enter_operation;
    class hold;

    enum class stage { open, stopped, failed, cancelled };

    void child_ended(child& ended) final;
    void begin(std::shared_ptr<waiter> caller);
    void cancel_from_outside();
    void refill();
    void leave(stage why);
    void finish(resume how);
    bool must_look_again();

    executor serial_;
    stage stage_ = stage::open;
    std::exception_ptr failure_;
    std::shared_ptr<waiter> caller_;
    std::list<std::shared_ptr<child>> children_;
    // The next child to cancel: one that ends meanwhile must not leave this
    // dangling, so child_ended moves it on.
    std::list<std::shared_ptr<child>>::iterator next_ = children_.end();
    // While positive, the end is not told to the caller.
    int holds_ = 0;
    int fills_wanted_ = 0;
    // A child was destroyed before its end: so will the caller be.
    bool abandoned_ = false;
    bool collects_ = false;
    struct collection;
    std::shared_ptr<collection> collection_;
};

// The awaitable a verb returns. Starts nothing before it is awaited.
template <typename Nursery>
awaitable<typename Nursery::value_type>
run_nursery(std::shared_ptr<Nursery> nursery)
{
    co_await Nursery::enter(nursery);
    co_return nursery->take();
}

}  // namespace brood::detail
