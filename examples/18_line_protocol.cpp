// 18_line_protocol.cpp: a protocol class of one's own, for whole lines, on a
// child's output and on a pipe of the program.

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <cstddef>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include <unistd.h>

// Cuts a stream into lines. A line that gets too long is cut as well: what a
// stranger sends must not fill the memory.
class line_splitter {
public:
    template <class Sink>
    void take(std::string_view bytes, Sink line)
    {
        constexpr std::size_t longest = 64 * 1024;
        for (const char each : bytes) {
            if (each == '\n' || rest_.size() == longest)
                finish(line);
            if (each != '\n')
                rest_ += each;
        }
    }
    // At the end: what has no newline is a line, too.
    template <class Sink>
    void end(Sink line)
    {
        if (!rest_.empty())
            finish(line);
    }

private:
    template <class Sink>
    void finish(Sink line)
    {
        line(rest_);
        rest_.clear();
    }

    std::string rest_;
};

// Lines of a child: derive from it and say what is done with each.
class line_protocol : public brood::subprocess_protocol {
public:
    virtual void line_received(int fd, std::string_view line) = 0;

    void pipe_data_received(int fd, std::string_view bytes) final
    {
        of(fd).take(bytes,
                    [&](std::string_view line) { line_received(fd, line); });
    }
    void pipe_connection_lost(int fd, brood::error_code) final
    {
        of(fd).end([&](std::string_view line) { line_received(fd, line); });
    }

private:
    line_splitter& of(int fd) { return fd == 1 ? output_ : errors_; }

    line_splitter output_;
    line_splitter errors_;
};

// What a compiler says, say: counted, and shown with its number.
class numbered_lines : public line_protocol {
public:
    void line_received(int fd, std::string_view line) override
    {
        auto& number = fd == 1 ? out_ : err_;
        std::cout << (fd == 1 ? "out " : "err ") << ++number << ": " << line
                  << '\n';
    }

private:
    int out_ = 0;
    int err_ = 0;
};

// The same for any descriptor: a pipe, a socket, a terminal, a file.
class file_lines : public brood::read_protocol {
public:
    void data_received(std::string_view bytes) override
    {
        lines_.take(bytes, show);
    }
    void eof_received() override { lines_.end(show); }

private:
    static void show(std::string_view line)
    {
        std::cout << "pipe: " << line << '\n';
    }

    line_splitter lines_;
};

int main()
{
    brood::asio::io_context io;
    static_cast<void>(brood::subprocess_shell(
        io, [] { return std::make_shared<numbered_lines>(); },
        brood::shell("echo one; echo two; printf three").err(brood::devnull)));
    io.run();

    int ends[2];
    if (pipe(ends) != 0)
        return 1;
    io.restart();
    // Both belong to their transports from here on.
    auto [reader, unused] = brood::connect_read_pipe(
        io, [] { return std::make_shared<file_lines>(); }, ends[0]);
    auto [writer, none] = brood::connect_write_pipe(
        io, [] { return std::make_shared<brood::write_protocol>(); }, ends[1]);
    writer.write("four\nfi");
    writer.write("ve\n");
    writer.close();
    io.run();
}
