// process_fallbacks.cpp: a child is started, and its end noticed, also where
// the system refuses the best way to do so, or gives a false hint.
#include "support/outcome.hpp"
#include "support/process_test.hpp"
#include "support/refused_calls.hpp"
#include "support/tracer.hpp"

#include "os/spawn.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>

namespace {

using brood::awaitable;
using brood::create_subprocess;
using brood::exit_status;
using brood::piped;
using brood::spawn_process;
using namespace std::chrono_literals;
using namespace brood_test;

using process = process_test;

// Every way to end, and 20 children at once.
void notices_every_exit()
{
    const leak_check before;
    brood::run([]() -> awaitable<void> {
        auto p = co_await create_subprocess(child("exit", "7"));
        require_equal(co_await p.wait(), 7);
        auto q = co_await create_subprocess(child("kill-self", "KILL"));
        require_equal(co_await q.wait(), -SIGKILL);
        std::vector<brood::process> many;
        for (int i = 0; i != 20; ++i)
            many.push_back(co_await create_subprocess(
                child("exit", std::to_string(i)).in(piped)));
        std::vector<awaitable<int>> waits;
        for (auto& each : many)
            waits.push_back(each.wait());
        const auto codes = co_await brood::gather(std::move(waits));
        for (int i = 0; i != 20; ++i)
            require_equal(codes.at(static_cast<std::size_t>(i)), i);
    }());
    require_clean(before);
}

TEST_F(process, every_child_watcher_notices_the_exit)
{
    EXPECT_NO_THROW(notices_every_exit());
    for (const int error : {ENOSYS, EPERM, EINVAL, EMFILE}) {
        BROOD_IN_A_COPY([error] {
            constexpr std::uint32_t clone_pidfd = 0x1000;  // linux/sched.h
            refuse({{SYS_pidfd_open, error},
                    {SYS_clone3, ENOSYS},
                    {SYS_clone, EINVAL, 0, clone_pidfd}});
            notices_every_exit();
        });
    }
}

TEST_F(process, is_noticed_without_a_pidfd_and_without_a_thread)
{
    BROOD_IN_A_COPY([] {
        // EPERM for clone3 takes threads away, too: unlike ENOSYS it makes
        // the C library give up.
        refuse({{SYS_pidfd_open, EPERM}, {SYS_clone3, EPERM}});
        notices_every_exit();
    });
}

TEST_F(process, needs_no_descriptor_to_notice_the_exit)
{
    if (address_sanitizer)
        GTEST_SKIP() << "sanitizers need descriptors of their own";
    BROOD_IN_A_COPY([] {
        asio::io_context io;
        asio::steady_timer timer(io, 0s);  // makes the loop's own descriptors
        timer.wait();
        auto before = spawn_process(io, child("exit", "1"));
        require_equal(wait_on(io, before), 1);
        std::vector<int> all;
        for (int fd = 0; (fd = ::dup(0)) >= 0;)
            all.push_back(fd);
        require_equal(errno, EMFILE);
        if (brood::os::current_engine() != brood::os::spawn_engine::clone) {
            // The others need two for the report of a failed exec.
            ::close(all[0]);
            ::close(all[1]);
        }
        auto p = spawn_process(io, child("exit", "7"));
        require_equal(wait_on(io, p), 7);
        for (const int fd : all)
            ::close(fd);
    });
}

void ends_with(int code)
{
    asio::io_context io;
    auto p = spawn_process(io, child("exit", std::to_string(code)));
    require_equal(wait_on(io, p), code);
}

TEST_F(process, a_refused_way_to_start_falls_back_to_the_next)
{
    using brood::os::current_engine;
    using brood::os::spawn_engine;
    for (const int error : {ENOSYS, EPERM, EINVAL}) {
        BROOD_IN_A_COPY([error] {
            const auto allowed = current_engine();
            refuse({{SYS_clone3, error}});
            ends_with(3);
            require_equal(current_engine(), allowed == spawn_engine::clone
                                                ? spawn_engine::vfork
                                                : allowed);
            notices_every_exit();
            require_equal(
                spawn_failure_of(brood::exec("/none")).value().code().value(),
                ENOENT);
            if (thread_sanitizer)
                return;
            refuse({refused_vfork(error)});
            ends_with(4);
            require(current_engine() == spawn_engine::fork);
            notices_every_exit();
            // No way is left: an error, with the step at which it ends.
            refuse({{SYS_clone, EPERM}});
            const auto failed = spawn_failure_of(child("exit", "0")).value();
            require(failed.step() == brood::spawn_step::start);
            require_equal(failed.code().value(), EPERM);
        });
    }
}

// True when the system says that process `pid` has ended, to whoever asks
// its pidfd, or when there are no pidfds to ask.
bool end_is_announced(int pid)
{
    const long pidfd = ::syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return true;
    pollfd asked{static_cast<int>(pidfd), POLLIN, 0};
    const int ready = ::poll(&asked, 1, 0);
    ::close(static_cast<int>(pidfd));
    return ready == 1;
}

void is_traced_to_the_end()
{
    asio::io_context io;
    auto p = spawn_process(io, ends_when_told());
    tracer debugger(p.pid());
    std::optional<int> code;
    p.async_wait([&code](brood::error_code, int got) { code = got; });

    require(debugger.interrupt(), "cannot interrupt");
    io.run_for(50ms);
    require(!code, "a stop by the tracer was taken for the end");
    require(debugger.go_on(), "cannot continue");

    p.in().close();
    require(wait_until([&] {
        return process_state(p.pid()) == 'Z' && end_is_announced(p.pid());
    }));
    // Announced, but the tracer has to take note of it first.
    io.restart();
    const auto turns = io.run_for(300ms);
    require(!code, "an announced end was taken for the end");
    require(turns < 500, "the loop is busy: " + std::to_string(turns));
    require(!p.poll(), "poll() made up a code");
    debugger.let_go();
    io.restart();
    io.run();
    require_equal(code.value_or(-1000), 5);
    require(p.status() == exit_status::exited(5));
}

TEST_F(process, a_readable_pidfd_is_not_yet_an_exit)
{
    try {
        is_traced_to_the_end();
    } catch (const cannot_be_tested& why) {
        GTEST_SKIP() << why.what();
    } catch (const requirement_failed& failure) {
        FAIL() << failure.what();
    }
}

}  // namespace
