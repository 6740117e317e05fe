// observation.cpp: see observation.hpp; and the face of an observer.
#include "async/observation.hpp"

#include "async/child_registry.hpp"

#include <utility>

namespace brood {

observer::~observer() = default;
void observer::spawned(const process_event&) noexcept {}
void observer::output(const process_event&, output_stream,
                      std::string_view) noexcept
{
}
void observer::exited(const process_event&, const exit_status&) noexcept {}
void observer::stopped(const process_event&, stop_reason, int) noexcept {}
void observer::start_failed(const process_event&, const spawn_error&) noexcept
{
}
void observer::dropped_running(const process_event&) noexcept {}

void use_observer(const executor& io, std::shared_ptr<observer> watcher)
{
    detail::child_registry::of(io).observe(std::move(watcher));
}

namespace detail {

std::unique_ptr<observation> observation::of(const executor& io,
                                             const start_site& site)
{
    auto of_command = site.what.data().observer;
    auto of_context = child_registry::observer_of(io);
    if (of_context == of_command)
        of_context.reset();  // once is enough
    if (!of_command && !of_context)
        return nullptr;
    return std::unique_ptr<observation>(
        new observation(site, std::move(of_command), std::move(of_context)));
}

namespace {

// An observer that keeps events would else keep itself.
command unobserved(command what)
{
    return std::move(what).observe(nullptr);
}

}  // namespace

observation::observation(const start_site& site,
                         std::shared_ptr<observer> of_command,
                         std::shared_ptr<observer> of_context)
    : of_command_(std::move(of_command)), of_context_(std::move(of_context)),
      event_(-1, unobserved(site.what), site.where)
{
}

template <class Tell>
void observation::tell(Tell call) const noexcept
{
    if (of_command_)
        call(*of_command_);
    if (of_context_)
        call(*of_context_);
}

void observation::spawned(int pid) noexcept
{
    event_.pid_ = pid;
    tell([this](observer& to) { to.spawned(event_); });
}

void observation::start_failed(const spawn_error& error) const noexcept
{
    tell([&](observer& to) { to.start_failed(event_, error); });
}

void observation::output(output_stream which,
                         std::string_view bytes) const noexcept
{
    tell([&](observer& to) { to.output(event_, which, bytes); });
}

void observation::exited(const exit_status& status) const noexcept
{
    tell([&](observer& to) { to.exited(event_, status); });
}

void observation::stopped(stop_reason why, int signal) const noexcept
{
    tell([&](observer& to) { to.stopped(event_, why, signal); });
}

void observation::dropped_running() const noexcept
{
    tell([this](observer& to) { to.dropped_running(event_); });
}

void tell_start_failed(const executor& io, const start_site& site,
                       const spawn_error& error)
{
    if (const auto observed = observation::of(io, site))
        observed->start_failed(error);
}

}  // namespace detail

}  // namespace brood
