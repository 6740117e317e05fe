// consumer_test.cpp: the smallest test of a project that uses brood::testing.

#include <brood/brood.hpp>
#include <brood/testing/testing.hpp>

#include <filesystem>
#include <iostream>
#include <string>

brood::awaitable<std::string> hello(brood::launcher& commands)
{
    co_return co_await commands.check_output(brood::exec("echo", "hello"));
}

// A real process in a script's place: what only the static library needs.
brood::awaitable<std::string> talk(brood::launcher& commands)
{
    auto child = co_await commands.create_subprocess(
        brood::exec("no-such-program").out(brood::piped));
    auto [out, err] = co_await child.communicate();
    co_return out;
}

int main()
{
    using namespace brood::testing;
    const std::filesystem::path file = "consumer_test.json";

    scripted_launcher fake;
    fake.on(argv("echo", "hello"), replies().out("scripted\n"));
    fake.on(any_command(), replies().out("stand-in\n"));
    const auto scripted = brood::run(hello(fake));
    const auto talked = brood::run(talk(fake));
    recording_launcher recorder(brood::system_launcher(), file);
    const auto recorded = brood::run(hello(recorder));
    replaying_launcher replay(file);
    const auto replayed = brood::run(hello(replay));
    std::filesystem::remove(file);

    if (scripted != "scripted\n" || talked != "stand-in\n" ||
        recorded != "hello\n" || replayed != recorded) {
        std::cerr << scripted << talked << recorded << replayed;
        return 1;
    }
}
