// main.cpp: the smallest program of a project that uses brood.

#include <brood/brood.hpp>

#include <iostream>
#include <string>

brood::awaitable<std::string> hello()
{
    auto child = co_await brood::create_subprocess(
        brood::exec("echo", "hello").out(brood::piped));
    auto [out, err] = co_await child.communicate();
    co_return out;
}

int main()
{
    const std::string out = brood::run(hello());
    if (out != "hello\n") {
        std::cerr << "expected \"hello\", got \"" << out << "\"\n";
        return 1;
    }
}
