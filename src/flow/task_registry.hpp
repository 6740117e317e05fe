// task_registry.hpp: the tasks of one execution context that still run.
//
// A service of the context, so that it goes when the context goes. It keeps
// no task alive: a task lives in its pending operation and in its handles.
#pragma once

#include <brood/asio.hpp>
#include <brood/detail/child.hpp>

#include BROOD_ASIO_HEADER(execution_context.hpp)

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace brood::detail {

class task_registry final : public asio::execution_context::service,
                            public child_owner {
public:
    using key_type = task_registry;
    static asio::execution_context::id id;

    explicit task_registry(asio::execution_context& context);

    static task_registry& of(const executor& current);

    // brood::run owns the context, and is the only thread in it.
    bool belongs_to_run() const noexcept { return belongs_to_run_; }
    void set_belongs_to_run() noexcept { belongs_to_run_ = true; }

    void add(const std::shared_ptr<child>& task);
    std::vector<std::shared_ptr<child>> running() const;

private:
    void child_ended(child& ended) override;
    void shutdown() override {}  // it owns nothing

    bool belongs_to_run_ = false;  // set before the context runs
    mutable std::mutex mutex_;
    std::unordered_map<child*, std::weak_ptr<child>> tasks_;
};

}  // namespace brood::detail
