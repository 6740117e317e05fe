// 05_filter.cpp: sends 8 MB through a filter, and keeps little of it.
//
// A pipe holds 64 KiB. Who writes everything first and reads afterwards waits
// for ever: the filter stops reading when nobody takes its output. So one
// coroutine writes while another one reads.

#include <brood/brood.hpp>

#include <cstddef>
#include <iostream>
#include <string>

const std::string quiet = "all work and no play makes jack a dull boy\n";
const std::string loud = "ALL WORK AND NO PLAY MAKES JACK A DULL BOY\n";
constexpr std::size_t count = 200'000;

brood::awaitable<void> feed(brood::stream_writer& in)
{
    for (std::size_t i = 0; i != count; ++i) {
        in.write(quiet);
        // Waits while the filter is behind; without this, what it does not
        // take yet would pile up in memory.
        co_await in.drain();
    }
    in.close();
}

brood::awaitable<std::size_t> count_loud(brood::stream_reader& out)
{
    std::size_t lines = 0;
    for (;;) {
        const std::string line = co_await out.readline();
        if (line.empty())  // the end; a line has at least its newline
            co_return lines;
        if (line == loud)
            ++lines;
    }
}

brood::awaitable<void> filter()
{
    auto tr = co_await brood::create_subprocess(
        brood::exec("tr", "a-z", "A-Z").in(brood::piped).out(brood::piped));

    auto [fed, lines] =
        co_await brood::gather(feed(tr.in()), count_loud(tr.out()));
    const int code = co_await tr.wait();

    std::cout << count << " lines sent, " << lines << " came back loud\n"
              << "tr exited with " << code << '\n';
}

// What fits into memory needs none of this: communicate() does both at once.
brood::awaitable<void> filter_in_one_go()
{
    auto tr = co_await brood::create_subprocess(
        brood::exec("tr", "a-z", "A-Z").in(brood::piped).out(brood::piped));

    std::string text;
    for (std::size_t i = 0; i != count; ++i)
        text += quiet;
    auto [out, err] = co_await tr.communicate(text);

    std::cout << text.size() << " bytes sent, " << out.size()
              << " came back, the first line is\n"
              << out.substr(0, loud.size());
}

int main()
{
    brood::run(filter());
    brood::run(filter_in_one_go());
}
