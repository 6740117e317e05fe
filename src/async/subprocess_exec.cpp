// subprocess_exec.cpp: see subprocess_exec.hpp.
#include <brood/subprocess_exec.hpp>

#include "async/starter.hpp"
#include "async/subprocess_transport_core.hpp"
#include "core/command_data.hpp"

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(error.hpp)
#include BROOD_ASIO_HEADER(post.hpp)

#include <stdexcept>

namespace brood::detail {

namespace {

const char* name_of(subprocess_verb verb)
{
    return verb == subprocess_verb::exec ? "subprocess_exec"
                                         : "subprocess_shell";
}

void require_fitting(subprocess_verb verb, const command_data& what)
{
    if (verb == subprocess_verb::exec && what.is_shell)
        throw std::invalid_argument("brood: subprocess_exec() is for "
                                    "exec(..); use subprocess_shell()");
    if (verb == subprocess_verb::shell && !what.is_shell)
        throw std::invalid_argument("brood: subprocess_shell() is for "
                                    "shell(line); use subprocess_exec()");
}

// What is to be started; checked here, before the factory is called.
command_data with_pipes(subprocess_verb verb, command_data what)
{
    require_fitting(verb, what);
    for (auto* const stream : {&what.in, &what.out, &what.err})
        if (!*stream)
            *stream = piped;
    check(what);
    return what;
}

// Each in a turn of its own: see call_then.
void tell_of_start(const executor& io, subprocess_started started,
                   std::shared_ptr<subprocess_stop> stop,
                   std::shared_ptr<subprocess_transport_core> core)
{
    asio::post(io, [stop, core] {
        if (!stop->is_wanted)
            core->begin();
    });
    asio::post(io, [started = std::move(started), stop, core] {
        if (!stop->is_wanted)
            return started(nullptr, subprocess_transport(core));
        core->discard();
        started(std::make_exception_ptr(
                    system_error(asio::error::operation_aborted)),
                {});
    });
}

}  // namespace

subprocess_transport
start_subprocess(subprocess_verb verb, const executor& io, command what,
                 const make_protocol<subprocess_protocol>& factory,
                 std::source_location where)
{
    const auto full = with_pipes(verb, what.data());
    auto protocol = made_by(factory, name_of(verb));
    auto core = subprocess_transport_core::make(
        process_core::start(io, full, {what, where}), std::move(protocol));
    asio::post(io, [core] { core->begin(); });
    return subprocess_transport(std::move(core));
}

void start_subprocess_later(subprocess_verb verb, const executor& io,
                            command what,
                            const make_protocol<subprocess_protocol>& factory,
                            subprocess_started started,
                            std::shared_ptr<subprocess_stop> stop,
                            std::source_location where)
{
    const auto fail = [&](std::exception_ptr why) {
        asio::post(io, [started, why = std::move(why)]() mutable {
            started(std::move(why), {});
        });
    };
    try {
        auto full = with_pipes(verb, what.data());
        auto protocol = made_by(factory, name_of(verb));
        auto done = [io, started, stop, protocol = std::move(protocol)](
                        std::exception_ptr failure,
                        std::shared_ptr<process_core> child) mutable {
            std::shared_ptr<subprocess_transport_core> core;
            if (!failure)
                try {
                    core = subprocess_transport_core::make(std::move(child),
                                                           std::move(protocol));
                } catch (...) {  // out of memory
                    failure = std::current_exception();
                }
            if (failure)
                return started(std::move(failure), {});
            tell_of_start(io, std::move(started), std::move(stop),
                          std::move(core));
        };
        auto attempt = [io, full = std::move(full)](const start_site& site) {
            return process_core::begin_start(io, full, site);
        };
        start_child(
            io, {what, where}, std::move(attempt), nullptr,
            {asio::bind_cancellation_slot(stop->signal.slot(), std::move(done)),
             io});
    } catch (...) {
        fail(std::current_exception());
    }
}

}  // namespace brood::detail
