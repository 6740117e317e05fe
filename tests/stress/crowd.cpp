// crowd.cpp: as many children at once as anybody has.
#include "support/async_test.hpp"
#include "support/fixture.hpp"
#include "support/in_a_copy.hpp"
#include "support/sanitized.hpp"

#include "os/setting.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <vector>

namespace {

using namespace brood_test;

constexpr int most = sanitized ? 500 : 10'000;

using crowd = clean_test;

// One descriptor for each, and a few for the loop.
void allow_descriptors(int count)
{
    rlimit limit{};
    must(::getrlimit(RLIMIT_NOFILE, &limit));
    const auto wanted = static_cast<rlim_t>(count) + 100;
    if (limit.rlim_max < wanted)
        throw cannot_be_tested("so many descriptors are not to be had");
    limit.rlim_cur = std::max(limit.rlim_cur, wanted);
    must(::setrlimit(RLIMIT_NOFILE, &limit));
}

awaitable<void> live_and_die(int count)
{
    const auto threads = thread_count();
    std::vector<brood::process> all;
    try {
        for (int i = 0; i != count; ++i)
            all.push_back(co_await brood::create_subprocess(
                child("ready-then-pause").out(brood::devnull)));
    } catch (const brood::spawn_error& error) {
        if (error.code() == std::errc::resource_unavailable_try_again)
            throw cannot_be_tested("so many processes are not allowed");
        throw;
    }
    require_equal(static_cast<int>(children().size()), count);
    // Each has somebody who waits for it.
    std::vector<brood::task<int>> waits;
    for (auto& each : all)
        waits.push_back(co_await brood::create_task(each.wait()));
    require(thread_count() == threads, "there are more threads");
    for (auto& each : all)
        require(each.kill(), "a child had ended by itself");
    for (auto& each : waits)
        require_equal(co_await each.join(), -SIGKILL);
}

TEST_F(crowd, ten_thousand_children_live_at_once)
{
    // Once is enough: a start by fork or a thread for each would take minutes.
    if (!brood::os::setting("BROOD_SPAWN_ENGINE").empty() ||
        !brood::os::setting("BROOD_CHILD_WATCHER").empty())
        GTEST_SKIP() << "only with the usual engine and watcher";
    BROOD_IN_A_COPY([] {
        allow_descriptors(most);
        const leak_check before;
        brood::run(live_and_die(most));
        require_clean(before);
    });
}

}  // namespace
