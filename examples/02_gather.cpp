// 02_gather.cpp: runs two shell commands at the same time.

#include <brood/brood.hpp>

#include <iostream>
#include <string>

brood::awaitable<void> run(std::string line)
{
    auto child = co_await brood::create_subprocess(
        brood::shell(line).out(brood::piped).err(brood::piped));

    auto [out, err] = co_await child.communicate();

    std::cout << "['" << line << "' exited with " << *child.returncode()
              << "]\n";
    if (!out.empty())
        std::cout << "[stdout]\n" << out << '\n';
    if (!err.empty())
        std::cout << "[stderr]\n" << err << '\n';
}

brood::awaitable<void> both()
{
    // Ends when both have ended; the faster one prints first.
    co_await brood::gather(run("ls /zzz"), run("sleep 0.5; echo \"hello\""));
}

int main()
{
    brood::run(both());
}
