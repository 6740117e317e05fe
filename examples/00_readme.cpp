// 00_readme.cpp: the program in README.md.

#include <brood/brood.hpp>

#include <iostream>

brood::awaitable<void> sort_fruit()
{
    auto sort = co_await brood::create_subprocess(
        brood::exec("sort").in(brood::piped).out(brood::piped));
    auto [out, err] = co_await sort.communicate("pear\nfig\napple\n");
    std::cout << out << "sort " << to_string(*sort.status()) << '\n';
}

int main()
{
    brood::run(sort_fruit());
}
