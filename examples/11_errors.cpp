// 11_errors.cpp: what can go wrong when a child is started, and how it looks.

#include <brood/brood.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace fs = std::filesystem;

brood::awaitable<int> run(brood::command what)
{
    auto child = co_await brood::create_subprocess(std::move(what));
    co_return co_await child.wait();
}

void attempt(const std::string& title, const brood::command& what)
{
    std::cout << title << ":\n";
    try {
        // A child that was started and fails is no error, but a value.
        const int code = brood::run(run(what));
        std::cout << "  ended with " << code << '\n';
    } catch (const brood::spawn_error& error) {
        // The system refused. No child exists, and nothing is left open.
        std::cout << "  " << error.what() << '\n'
                  << "  at step '" << to_string(error.step()) << "', with '"
                  << error.path() << "'\n";
        if (!error.interpreter().empty())
            std::cout << "  missing: '" << error.interpreter() << "'\n";
    } catch (const std::invalid_argument& error) {
        // This can work on no system; nothing was even tried.
        std::cout << "  " << error.what() << '\n';
    }
}

int main()
{
    auto name = (fs::temp_directory_path() / "brood-example-XXXXXX").string();
    const fs::path directory = ::mkdtemp(name.data());
    const auto script = directory / "script";
    std::ofstream(script) << "#!/no/such/interpreter\n";
    fs::permissions(script, fs::perms::owner_all);

    using brood::exec;
    // Searched on the PATH that the child would have.
    attempt("no such program",
            exec("no-such-program").env("PATH", "/usr/bin:/bin"));
    attempt("no such interpreter", exec(script));
    attempt("not executable", exec("/etc/passwd"));
    attempt("no such directory", exec("true").cwd("/no/such/directory"));
    attempt("no such file", exec("cat").in(brood::file("/no/such/file")));
    attempt("no such user", exec("true").user("nobody-of-this-name"));
    attempt("a NUL byte", exec("echo", std::string("a\0b", 3)));
    attempt("a bad variable", exec("true").env("A=B", "c"));
    attempt("a program that fails", exec("false"));

    fs::remove_all(directory);
}
