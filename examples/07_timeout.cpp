// 07_timeout.cpp: gives a command some time, then ends it; keeps its output.

#include <brood/brood.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

brood::awaitable<void> with_a_limit()
{
    auto child = co_await brood::create_subprocess(
        brood::shell("printf 'ready\\nfirst result\\n'; exec sleep 1000")
            .out(brood::piped));

    // The time runs from here, not from the start of a slow program.
    const auto first = co_await child.out().readline();
    std::cout << "child: " << first;

    bool late = false;
    try {
        auto [out, err] = co_await brood::wait_for(child.communicate(), 100ms);
        std::cout << "in time: " << out;
    } catch (const brood::timeout_error&) {
        late = true;  // here, in a catch block, nothing can be awaited
    }

    // A timeout ends the waiting, never the child. What was read before it is
    // not lost either: the next communicate() goes on from there.
    if (late) {
        std::cout << "the time is up\n";
        child.kill();
        auto [out, err] = co_await child.communicate();
        std::cout << "output so far: " << out;
    }
    std::cout << "child " << to_string(*child.status()) << '\n';
}

int main()
{
    brood::run(with_a_limit());
}
