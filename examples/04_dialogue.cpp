// 04_dialogue.cpp: asks bc and sqlite3 questions, one after the other.
//
// A dialogue works with a program that answers at once. Many do not: with a
// pipe as its standard output, C's stdio keeps what is printed until it has
// some 4 KiB, and both sides wait for ever. bc and sqlite3 send everything
// out before they read on; for others, `stdbuf -oL program` may help.

#include <brood/brood.hpp>

#include <algorithm>
#include <iostream>
#include <string>
#include <system_error>

using brood::piped;

// bc answers each line with one line.
brood::awaitable<void> calculate()
{
    auto bc = co_await brood::create_subprocess(
        brood::exec("bc", "-q").in(piped).out(piped));

    std::string sum = "1";
    for (int i = 0; i != 5; ++i) {
        bc.in().write(sum + " * 12 + 1\n");
        sum = co_await bc.out().readline();
        std::cout << "bc: " << sum;
        sum.pop_back();  // the newline
    }

    // The end of its input is the end of bc.
    bc.in().close();
    const int code = co_await bc.wait();
    std::cout << "bc exited with " << code << '\n';
}

// sqlite3's answers have any number of lines, so each question asks it to
// print a mark at the end of the answer.
brood::awaitable<std::string> ask(brood::process& sqlite, std::string question)
{
    const std::string mark = "-- end of answer --\n";
    sqlite.in().write(question + "\n.print " + mark);
    co_await sqlite.in().drain();

    auto answer = co_await sqlite.out().readuntil(mark);
    answer.erase(answer.size() - mark.size());
    co_return answer;
}

brood::awaitable<void> query()
{
    auto sqlite = co_await brood::create_subprocess(
        brood::exec("sqlite3", "-batch", ":memory:").in(piped).out(piped));

    co_await ask(sqlite, "create table fruit(name, price);");
    co_await ask(sqlite, "insert into fruit values('fig', 3), ('pear', 2);");
    const auto rows =
        co_await ask(sqlite, "select * from fruit order by price;");
    std::cout << std::ranges::count(rows, '\n') << " rows, the first is "
              << rows.substr(0, rows.find('\n')) << '\n';

    sqlite.in().close();
    co_await sqlite.wait();
}

int main()
{
    brood::run(calculate());

    std::cout << "sqlite3: ";
    try {
        brood::run(query());
    } catch (const brood::spawn_error& error) {
        if (error.code() != std::errc::no_such_file_or_directory)
            throw;
        std::cout << "not installed\n";
    }
}
