// task_registry.cpp: see task_registry.hpp.
#include "flow/task_registry.hpp"

#include "flow/serial_executor.hpp"

namespace brood::detail {

asio::execution_context::id task_registry::id;

task_registry::task_registry(asio::execution_context& context)
    : asio::execution_context::service(context)
{
}

task_registry& task_registry::of(const executor& current)
{
    return asio::use_service<task_registry>(
        asio::query(current, asio::execution::context));
}

void task_registry::add(const std::shared_ptr<child>& task)
{
    std::lock_guard lock(mutex_);
    tasks_.emplace(task.get(), task);
}

std::vector<std::shared_ptr<child>> task_registry::running() const
{
    std::vector<std::shared_ptr<child>> running;
    std::lock_guard lock(mutex_);
    running.reserve(tasks_.size());
    for (const auto& entry : tasks_) {
        if (auto alive = entry.second.lock())
            running.push_back(std::move(alive));
    }
    return running;
}

void task_registry::child_ended(child& ended)
{
    std::lock_guard lock(mutex_);
    tasks_.erase(&ended);
}

void start_task(const std::shared_ptr<child>& task, const executor& current,
                awaitable<void> body)
{
    auto& registry = task_registry::of(current);
    registry.add(task);
    // Not owned: the context keeps its services longer than its coroutines.
    task->start(
        serial_executor(current), std::move(body),
        std::shared_ptr<child_owner>(std::shared_ptr<void>(), &registry));
}

}  // namespace brood::detail
