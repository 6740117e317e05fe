// 03_readline.cpp: reads one line of a program's output, the date.

#include <brood/brood.hpp>

#include <iostream>
#include <string>

brood::awaitable<std::string> get_date()
{
    auto child = co_await brood::create_subprocess(
        brood::exec("date", "+%F %T").out(brood::piped));

    // The line comes with its newline; an empty one would be the end.
    std::string line = co_await child.out().readline();
    if (line.ends_with('\n'))
        line.pop_back();

    co_await child.wait();
    co_return line;
}

int main()
{
    std::cout << "Current date: " << brood::run(get_date()) << '\n';
}
