// 06_hundred.cpp: runs a hundred commands, eight at a time.

#include <brood/brood.hpp>

#include <algorithm>
#include <iostream>
#include <numeric>
#include <ranges>
#include <string>

int running = 0;
int most_running = 0;

brood::awaitable<int> square(int number)
{
    most_running = std::max(most_running, ++running);

    const auto n = std::to_string(number);
    auto child = co_await brood::create_subprocess(
        brood::exec("expr", n, "*", n).out(brood::piped));
    auto [out, err] = co_await child.communicate();

    --running;
    co_return std::stoi(out);
}

brood::awaitable<void> squares()
{
    // Nothing has been started yet: the view makes an awaitable when gather
    // asks for it, and gather asks when one of its eight places is free.
    auto work = std::views::iota(1, 101) | std::views::transform(square);
    const auto values = co_await brood::gather(work, brood::in_flight(8));

    // The values come in the order of the range, whichever was done first.
    std::cout << values.size() << " commands, the third says " << values[2]
              << ", the sum is "
              << std::accumulate(values.begin(), values.end(), 0) << '\n'
              << "at most " << most_running << " ran at the same time\n";
}

int main()
{
    brood::run(squares());
}
