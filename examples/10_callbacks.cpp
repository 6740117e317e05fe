// 10_callbacks.cpp: a child without coroutines, by callbacks alone.

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <array>
#include <cstddef>
#include <iostream>
#include <string>

// Runs a command and collects its output. It must live, and stay where it is,
// until the io_context has run out of work.
class collector {
public:
    collector(brood::asio::io_context& io, const brood::command& what)
        : child_(brood::spawn_process(io, what))
    {
        read();
        // The exit and the end of the output are two events, and come in any
        // order: a child may close its output and live on, or leave another
        // process behind that still writes.
        child_.async_wait([this](brood::error_code ec, int returncode) {
            if (!ec)
                returncode_ = returncode;
        });
    }

    const std::string& output() const { return output_; }
    int returncode() const { return returncode_; }

private:
    void read()
    {
        child_.out().async_read_some(
            brood::asio::buffer(chunk_),
            [this](brood::error_code ec, std::size_t size) {
                output_.append(chunk_.data(), size);
                if (!ec)
                    read();
                else if (ec != brood::asio::error::eof)
                    std::cerr << "reading: " << ec.message() << '\n';
            });
    }

    brood::process child_;
    std::array<char, 4096> chunk_;
    std::string output_;
    int returncode_ = -1;
};

int main()
{
    brood::asio::io_context io;
    collector first(io, brood::exec("seq", "1", "100000").out(brood::piped));
    collector second(io, brood::shell("echo sorry; exit 3").out(brood::piped));

    io.run();  // returns when both have ended

    std::cout << "seq: " << first.output().size() << " bytes, exit code "
              << first.returncode() << '\n'
              << "sh: " << second.output().size() << " bytes, exit code "
              << second.returncode() << '\n';
}
