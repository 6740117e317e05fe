// process.cpp: the handle on a process_core, and the verbs that start one.
#include "async/initiate.hpp"
#include "async/process_core.hpp"
#include "async/starter.hpp"
#include "async/stop_operation.hpp"

#include BROOD_ASIO_HEADER(this_coro.hpp)

#include <csignal>
#include <stdexcept>
#include <utility>

namespace brood {

using detail::process_core;

namespace {

std::string name_of(int number)
{
    switch (number) {
    case 0: return "the child's standard input";
    case 1: return "the child's standard output";
    case 2: return "the child's standard error";
    default: return "descriptor " + std::to_string(number);
    }
}

detail::pipe_end& require_end(process_core& core, int number)
{
    auto* const end = core.end_of(number);
    if (!end)
        throw std::logic_error("brood: " + name_of(number) +
                               " is not piped; ask for it on the command");
    return *end;
}

stream_writer& require_writer(process_core& core, int number)
{
    auto& end = require_end(core, number);
    if (!end.writer)
        throw std::logic_error("brood: the child writes " + name_of(number) +
                               "; use reader()");
    return *end.writer;
}

stream_reader& require_reader(process_core& core, int number)
{
    auto& end = require_end(core, number);
    if (!end.reader)
        throw std::logic_error("brood: the child reads " + name_of(number) +
                               "; use writer()");
    return *end.reader;
}

}  // namespace

process::process(std::shared_ptr<process_core> core) noexcept
    : core_(std::move(core))
{
}
process::process(process&& other) noexcept = default;
process& process::operator=(process&& other) noexcept
{
    if (this != &other) {
        if (core_)
            core_->drop();
        core_ = std::move(other.core_);
    }
    return *this;
}
process::~process()
{
    if (core_)
        core_->drop();
}

process_core& process::core() const
{
    if (!core_)
        throw std::logic_error("brood: this process handle is empty: it was "
                               "moved from, or made without a process");
    return *core_;
}

executor process::get_executor() const
{
    return core().get_executor();
}
int process::pid() const
{
    return core().pid();
}
std::optional<exit_status> process::status() const
{
    return core().status();
}
std::optional<resource_usage> process::usage() const
{
    return core().usage();
}
std::optional<int> process::poll()
{
    return core().poll();
}

bool process::has_in() const
{
    return core().end_of(0) != nullptr;
}
bool process::has_out() const
{
    return core().end_of(1) != nullptr;
}
bool process::has_err() const
{
    return core().end_of(2) != nullptr;
}
stream_writer& process::in()
{
    return require_writer(core(), 0);
}
stream_reader& process::out()
{
    return require_reader(core(), 1);
}
stream_reader& process::err()
{
    return require_reader(core(), 2);
}
stream_writer& process::writer(int number)
{
    return require_writer(core(), number);
}
stream_reader& process::reader(int number)
{
    return require_reader(core(), number);
}

namespace {

awaitable<int> wait_for_exit(std::shared_ptr<process_core> core)
{
    co_return co_await detail::initiate<void(error_code, int)>(
        core, &process_core::start_wait, use_awaitable);
}

}  // namespace

awaitable<int> process::wait()
{
    core();
    return wait_for_exit(core_);
}

void process::start_wait(const std::shared_ptr<process_core>& core,
                         wait_handler handler)
{
    core->start_wait(std::move(handler));
}

bool process::send_signal(int signal, signal_target to)
{
    return core().send_signal(signal, to);
}
bool process::terminate()
{
    return send_signal(SIGTERM);
}
bool process::kill()
{
    return send_signal(SIGKILL);
}
namespace {

// Makes the operation where it is begun: a coroutine that held it while it
// waits for it would keep both alive when the loop goes.
class begin_stop {
public:
    explicit begin_stop(stop_sequence sequence) : sequence_(std::move(sequence))
    {
    }
    void operator()(const std::shared_ptr<process_core>& core,
                    detail::any_handler<void(error_code, int)> handler) const
    {
        // Without its loop there is nothing to wait with; the child is gone.
        if (!core->has_context())
            return handler.complete(asio::error::operation_aborted,
                                    core->poll().value_or(0));
        std::make_shared<detail::stop_operation>(core, sequence_)
            ->start(std::move(handler));
    }

private:
    stop_sequence sequence_;
};

awaitable<int> stop_and_wait(std::shared_ptr<process_core> core,
                             stop_sequence sequence)
{
    const begin_stop begin(std::move(sequence));
    co_return co_await detail::initiate<void(error_code, int)>(core, begin,
                                                               use_awaitable);
}

}  // namespace

awaitable<int> process::stop()
{
    return stop(core().stop_settings());
}
awaitable<int> process::stop(stop_sequence sequence)
{
    core();
    return stop_and_wait(core_, std::move(sequence));
}

stop_sequence process::stop_settings() const
{
    return core().stop_settings();
}
void process::start_stop(const std::shared_ptr<process_core>& core,
                         stop_sequence sequence, wait_handler handler)
{
    const begin_stop begin(std::move(sequence));
    begin(core, std::move(handler));
}

void process::resize(int rows, int columns)
{
    core().resize(rows, columns);
}
void process::detach()
{
    core().detach();
}

std::source_location process::created_at() const
{
    return core().where();
}

process spawn_process(const executor& io, const command& what,
                      std::source_location where)
{
    return process(process_core::start(io, what.data(), {what, where}));
}

awaitable<process> create_subprocess(command what, std::source_location where)
{
    // The moment to notice a cancellation that came before: it must not leave
    // a child.
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw system_error(asio::error::operation_aborted);
    const auto io = co_await asio::this_coro::executor;
    const detail::start_site site{what, where};
    auto core = co_await detail::start_child(io, what.data(), site);
    co_return process(std::move(core));
}

}  // namespace brood
