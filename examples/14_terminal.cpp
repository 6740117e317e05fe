// 14_terminal.cpp: runs programs that behave otherwise with a terminal.
//
// Three of them: one that asks for a password, and would not read it from a
// pipe; one that keeps its answers back until its pipe is full, but sends each
// line to a terminal at once; and one that looks at the terminal's size.

#include <brood/brood.hpp>

#include <iostream>
#include <string>

// As ssh, sudo and others do it: straight from the terminal, unseen.
const char* const guard = R"(
    exec 0</dev/tty || exit 2
    stty -echo
    printf 'Password: ' >/dev/tty
    read word
    stty echo
    echo
    test "$word" = sesame
)";

brood::awaitable<void> open_door(std::string password)
{
    const brood::pty screen(24, 80);
    auto door = co_await brood::create_subprocess(
        brood::shell(guard).in(screen).out(screen).err(screen));

    co_await door.out().readuntil("Password: ");
    door.in().write(password + "\n");
    const auto shown = co_await door.out().read();

    const int code = co_await door.wait();
    std::cout << (code == 0 ? "open" : "shut") << ", the password was "
              << (shown.find(password) == shown.npos ? "not " : "")
              << "shown\n";
}

// With pipes both sides would wait for ever: tr's answer is too short to be
// sent before its end.
brood::awaitable<void> talk_to_tr()
{
    const auto screen = brood::pty().echo(false);
    auto tr = co_await brood::create_subprocess(
        brood::exec("tr", "a-z", "A-Z").in(screen).out(screen));

    for (const std::string word : {"one", "two"}) {
        tr.in().write(word + "\n");
        auto answer = co_await tr.out().readline();
        answer.erase(answer.find('\r'));  // a terminal's lines end with "\r\n"
        std::cout << "tr: " << answer << '\n';
    }

    // Ctrl-D ends the input of whoever reads lines.
    tr.in().write("\x04");
    const int code = co_await tr.wait();
    std::cout << "tr exited with " << code << '\n';
}

brood::awaitable<void> change_size()
{
    const auto screen = brood::pty(24, 80).echo(false);
    auto sh = co_await brood::create_subprocess(
        brood::shell("while read line; do stty size; done")
            .in(screen)
            .out(screen));

    sh.in().write("\n");
    const auto before = co_await sh.out().readline();
    sh.resize(50, 132);
    sh.in().write("\n");
    const auto after = co_await sh.out().readline();
    std::cout << "size: " << before << "size: " << after;
    // Dropping the handle ends the shell.
}

int main()
{
    brood::run(open_door("sesame"));
    brood::run(open_door("mellon"));
    brood::run(talk_to_tr());
    brood::run(change_size());
}
