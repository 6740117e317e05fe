// coroutine.cpp: the job as a C++20 coroutine.
//
// The plain verbs are awaitables. What takes too long is cancelled by
// wait_for; that ends the reading and loses nothing.

#include "job.hpp"

brood::awaitable<void> work(job what)
{
    auto child = co_await brood::create_subprocess(what.child());
    std::optional<std::string> line;
    try {
        line = co_await brood::wait_for(child.out().readline(), what.limit());
    } catch (const brood::timeout_error&) {
        // No line, then.
    }
    tell_line(line);
    const int returncode = co_await child.stop();
    tell_end(returncode);
}

int main(int argc, char** argv)
{
    brood::run(work(job(argc, argv)));
}
