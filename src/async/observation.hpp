// observation.hpp: who is told of one child.
//
// There is one only for a child that somebody observes.
#pragma once

#include "core/command_data.hpp"

#include <brood/observer.hpp>

#include <memory>
#include <source_location>
#include <string_view>

namespace brood::detail {

// For whom a child is started. Only for the time of a call.
struct start_site {
    // As the user gave it, without what a verb adds.
    const command& what;
    std::source_location where;
};

class observation {
public:
    // Null: nobody observes what is started there. Must come before the
    // child, because it may throw bad_alloc.
    static std::unique_ptr<observation> of(const executor& io,
                                           const start_site& site);

    void spawned(int pid) noexcept;
    void start_failed(const spawn_error& error) const noexcept;
    void output(output_stream which, std::string_view bytes) const noexcept;
    void exited(const exit_status& status) const noexcept;
    void stopped(stop_reason why, int signal) const noexcept;
    void dropped_running() const noexcept;

private:
    observation(const start_site& site, std::shared_ptr<observer> of_command,
                std::shared_ptr<observer> of_context);
    template <class Tell>
    void tell(Tell call) const noexcept;

    std::shared_ptr<observer> of_command_;
    std::shared_ptr<observer> of_context_;
    process_event event_;
};

// Tells those who observe what is started there, if anybody does.
void tell_start_failed(const executor& io, const start_site& site,
                       const spawn_error& error);

// Tells those who observe what is started there, if anybody does.
void tell_start_failed(const executor& io, const start_site& site,
                       const spawn_error& error);

}  // namespace brood::detail
