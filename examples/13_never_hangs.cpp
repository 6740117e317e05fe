// 13_never_hangs.cpp: a command that does all to outlive its time limit.

#include <brood/brood.hpp>

#include <chrono>
#include <csignal>
#include <iostream>

using namespace std::chrono_literals;

brood::awaitable<void> with_all_its_family()
{
    // It ignores SIGTERM, and so does the sleep beside it, which holds the
    // pipes and would go on for half a minute after the shell is gone.
    const auto stubborn =
        brood::shell("trap '' TERM; sleep 30 & echo hi; sleep 30")
            .timeout(2s)
            .stop(brood::stop_sequence().then(SIGTERM, 1s));
    const auto ended = co_await brood::run_process(stubborn);

    std::cout << "it wrote: " << ended.out;
    std::cout << to_string(ended) << '\n';
    std::cout << (ended.elapsed < 10s ? "on time" : "too late") << '\n';

    // One that moves to a session of its own is found there, too.
    const auto hidden =
        brood::shell("trap '' TERM; setsid sleep 30 & echo hi; sleep 30")
            .timeout(2s)
            .containment(brood::containment::session)
            .stop(brood::stop_sequence().then(SIGTERM, 1s));
    const auto found = co_await brood::run_process(hidden);
    std::cout << to_string(found)
              << ", all output is here: " << (found.complete ? "yes" : "no")
              << '\n';
}

int main()
{
    brood::run(with_all_its_family());
}
