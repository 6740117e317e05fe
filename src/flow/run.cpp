// run.cpp: see run.hpp.
//
// Always true: on every way out, the frames on the loop are gone before the
// children are awaited, and the children are before the loop is.
#include <brood/run.hpp>

#include "async/child_registry.hpp"
#include "flow/task_registry.hpp"
#include "os/posix/interrupt.hpp"

#include BROOD_ASIO_HEADER(buffer.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(readable_pipe.hpp)

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace brood::detail {

namespace {

class loop : public asio::io_context {
public:
    loop() : io_context(1)  // one thread; others only post
    {
        registry().set_belongs_to_run();
    }
    ~loop()
    {
        // What is still suspended is destroyed here, and its process handles
        // let go of their children; not by the base class, which would leave
        // nothing to ask for them.
        shutdown();
        release_children(*this);
    }

    task_registry& registry()
    {
        return asio::use_service<task_registry>(*this);
    }
};

// Ctrl-C while this exists: cancels `main` once.
class interrupt_watch {
public:
    interrupt_watch(loop& loop, const std::shared_ptr<child>& main)
    {
        if (!source_.active())
            return;
        auto read_end = source_.take_pipe();
        pipe_.emplace(loop, read_end.number());
        read_end.release();
        pipe_->async_read_some(asio::buffer(&byte_, 1),
                               [this, main](error_code ec, std::size_t) {
                                   if (ec)
                                       return;
                                   seen_ = true;
                                   main->cancel();
                               });
    }

    bool seen() const noexcept { return seen_; }

private:
    os::interrupt source_;
    std::optional<asio::readable_pipe> pipe_;
    char byte_ = 0;
    bool seen_ = false;
};

// Runs the loop until `is_over`; returns false if it was stopped. What a
// handler throws that was posted to the loop goes to `failure`, and ends
// `main`.
template <typename Condition>
bool run_until(loop& loop, child& main, std::exception_ptr& failure,
               Condition is_over)
{
    while (!is_over()) {
        try {
            if (loop.run_one() == 0)
                return false;
        } catch (...) {
            if (!failure)
                failure = std::current_exception();
            main.cancel();
        }
    }
    return true;
}

}  // namespace

void run_main(const std::shared_ptr<child>& main, awaitable<void> body)
{
    loop loop;
    interrupt_watch watch(loop, main);
    std::exception_ptr failure;

    main->start(loop.get_executor(), std::move(body), nullptr);
    const bool ended =
        run_until(loop, *main, failure, [&] { return main->done(); }) &&
        !main->was_abandoned();
    const bool interrupted = watch.seen();

    // In rounds: a task may start others for its clean-up, and these get
    // their time until it has ended.
    auto tasks = loop.registry().running();
    while (!tasks.empty()) {
        for (const auto& task : tasks)
            task->cancel();
        const auto all_done = [&] {
            return std::ranges::all_of(tasks, &child::done);
        };
        if (!run_until(loop, *main, failure, all_done))
            break;
        tasks = loop.registry().running();
    }

    if (failure)
        std::rethrow_exception(failure);
    if (!ended)
        throw std::logic_error(
            "brood::run: the main coroutine can never end: the loop was "
            "stopped, or what it waited for was destroyed");
    if (interrupted && is_cancellation(main->failure()))
        throw keyboard_interrupt();
}

}  // namespace brood::detail
