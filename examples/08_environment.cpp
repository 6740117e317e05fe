// 08_environment.cpp: sets a child's variables, directory and files.

#include <brood/brood.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>

namespace fs = std::filesystem;
using brood::file;
using brood::file_mode;

brood::awaitable<void> run_to_the_end(brood::command what)
{
    auto child = co_await brood::create_subprocess(std::move(what));
    co_await child.wait();
}

brood::awaitable<void> write_and_read(fs::path log)
{
    // A command is a value: it can be kept, changed and printed. On top of
    // our own environment it gets one variable and loses another.
    auto greet = brood::shell("echo \"$GREETING from $PWD, HOME=$HOME\"")
                     .env("GREETING", "hello")
                     .unset_env("HOME")
                     .cwd("/usr")
                     .out(file(log));
    std::cout << to_string(greet, brood::show_environment::values) << "\n\n";

    // The file is opened by us, before the child is there: relative to our
    // own directory, not to the child's.
    co_await run_to_the_end(greet);
    co_await run_to_the_end(
        brood::exec("echo", "and goodbye").out(file(log, file_mode::append)));

    // From an empty environment, only what is set here.
    co_await run_to_the_end(brood::exec("env")
                                .clear_env()
                                .env("ONLY", "this")
                                .out(file(log, file_mode::append)));

    auto child = co_await brood::create_subprocess(
        brood::exec("cat", "-n").in(file(log)).out(brood::piped));
    auto [out, err] = co_await child.communicate();
    std::cout << out;
}

int main()
{
    auto name = (fs::temp_directory_path() / "brood-example-XXXXXX").string();
    const fs::path directory = ::mkdtemp(name.data());
    brood::run(write_and_read(directory / "log"));
    fs::remove_all(directory);
}
