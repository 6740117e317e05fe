// 01_shell.cpp: runs a shell command; shows its output and how it ended.

#include <brood/brood.hpp>

#include <iostream>
#include <string>

brood::awaitable<void> run(std::string line)
{
    auto child = co_await brood::create_subprocess(
        brood::shell(line).out(brood::piped).err(brood::piped));

    // Reads both streams to their ends, and waits for the exit.
    auto [out, err] = co_await child.communicate();

    std::cout << "['" << line << "' exited with " << *child.returncode()
              << "]\n";
    if (!out.empty())
        std::cout << "[stdout]\n" << out << '\n';
    if (!err.empty())
        std::cout << "[stderr]\n" << err << '\n';
}

int main()
{
    // A command that fails is no exception: its exit code is a value.
    brood::run(run("ls /zzz"));
}
