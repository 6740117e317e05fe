// libuv.cpp: the works with libuv.

#include "../measure.hpp"

#include <uv.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

uv_loop_t* const loop = uv_default_loop();

void must(int code, const char* what)
{
    if (code >= 0)
        return;
    std::fprintf(stderr, "%s: %s\n", what, uv_strerror(code));
    std::exit(1);
}

uv_handle_t* handle(void* any)
{
    return static_cast<uv_handle_t*>(any);
}

uv_stream_t* stream(uv_pipe_t& pipe)
{
    return reinterpret_cast<uv_stream_t*>(&pipe);
}

// A child, and the pipes of its standard streams where it has some.
struct child {
    uv_process_t process{};
    uv_pipe_t in{};
    uv_pipe_t out{};
    std::function<void()> closed;  // it has ended, and its handle is closed

    void start(std::vector<std::string> args, bool pipe_in = false,
               bool pipe_out = false)
    {
        std::vector<char*> argv;
        for (auto& each : args)
            argv.push_back(each.data());
        argv.push_back(nullptr);

        uv_stdio_container_t stdio[3];
        for (int fd = 0; fd != 3; ++fd) {
            stdio[fd].flags = UV_INHERIT_FD;
            stdio[fd].data.fd = fd;
        }
        if (pipe_in)
            use_pipe(stdio[0], in, UV_READABLE_PIPE);
        if (pipe_out)
            use_pipe(stdio[1], out, UV_WRITABLE_PIPE);

        uv_process_options_t options{};
        options.file = argv[0];
        options.args = argv.data();
        options.stdio = stdio;
        options.stdio_count = 3;
        options.exit_cb = [](uv_process_t* self, int64_t, int) {
            uv_close(handle(self), [](uv_handle_t* ended) {
                auto& it = *static_cast<child*>(ended->data);
                if (it.closed)
                    it.closed();
            });
        };
        process.data = this;
        must(uv_spawn(loop, &process, &options), "uv_spawn");
    }

private:
    static void use_pipe(uv_stdio_container_t& stdio, uv_pipe_t& pipe,
                         int direction)
    {
        uv_pipe_init(loop, &pipe, 0);
        stdio.flags = static_cast<uv_stdio_flags>(UV_CREATE_PIPE | direction);
        stdio.data.stream = stream(pipe);
    }
};

// Reads a child's output to its end.
struct reader {
    std::vector<char> buffer = std::vector<char>(bench::block_size);
    std::function<void(const char*, std::size_t)> data;

    void start(child& from)
    {
        from.out.data = this;
        uv_read_start(
            stream(from.out),
            [](uv_handle_t* pipe, std::size_t, uv_buf_t* to) {
                auto& self = *static_cast<reader*>(pipe->data);
                *to = uv_buf_init(self.buffer.data(),
                                  static_cast<unsigned>(self.buffer.size()));
            },
            [](uv_stream_t* pipe, ssize_t got, const uv_buf_t* from_pipe) {
                auto& self = *static_cast<reader*>(pipe->data);
                if (got > 0)
                    self.data(from_pipe->base, static_cast<std::size_t>(got));
                else if (got < 0)
                    uv_close(handle(pipe), nullptr);
            });
    }
};

// Writes to a child's input, one block after the other, and closes it.
struct writer {
    std::string block = std::string(bench::block_size, 'x');
    uv_write_t request{};
    uv_pipe_t* to = nullptr;
    long left = 0;

    void start(child& reader, long bytes)
    {
        to = &reader.in;
        left = bytes;
        request.data = this;
        next();
    }

private:
    void next()
    {
        if (left <= 0)
            return uv_close(handle(to), nullptr);
        left -= bench::block_size;
        const auto buffer =
            uv_buf_init(block.data(), static_cast<unsigned>(block.size()));
        uv_write(&request, stream(*to), &buffer, 1,
                 [](uv_write_t* done, int code) {
                     must(code, "uv_write");
                     static_cast<writer*>(done->data)->next();
                 });
    }
};

void run()
{
    uv_run(loop, UV_RUN_DEFAULT);
}

void spawn_wait(const char* tiny, long count)
{
    bench::stopwatch watch;
    child one;
    long left = count;
    one.closed = [&] {
        watch.lap();
        if (--left > 0)
            one.start({tiny});
    };
    one.start({tiny});
    run();
    bench::report(watch, count);
}

void spawn_communicate(const char* tiny, long count)
{
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        child one;
        reader output;
        std::string text;
        output.data = [&](const char* data, std::size_t size) {
            text.append(data, size);
        };
        one.start({tiny, "line"}, false, true);
        output.start(one);
        run();
        if (text.size() != bench::line_size)
            bench::fail("the output");
        watch.lap();
    }
    bench::report(watch, count);
}

void many(const char* tiny, long count, long at_once)
{
    const bench::stopwatch watch;
    std::vector<child> children(static_cast<std::size_t>(at_once));
    long left = count;
    for (auto& each : children) {
        each.closed = [&] {
            if (left > 0) {
                --left;
                each.start({tiny});
            }
        };
        each.closed();
    }
    run();
    bench::report(watch, count);
}

void in_flight(const char* tiny, long count)
{
    many(tiny, count, bench::children_in_flight);
}

void two_in_flight(const char* tiny, long count)
{
    many(tiny, count, bench::few_in_flight);
}

void read_some(const char* tiny, long bytes)
{
    const bench::stopwatch watch;
    long total = 0;
    child one;
    reader output;
    output.data = [&](const char*, std::size_t size) {
        total += static_cast<long>(size);
    };
    one.start({tiny, "flood", std::to_string(bytes)}, false, true);
    output.start(one);
    run();
    bench::report(watch, bytes);
    if (total != bytes)
        bench::fail("the output");
}

void read_all(const char* tiny, long bytes)
{
    const bench::stopwatch watch;
    std::string text;
    child one;
    reader output;
    output.data = [&](const char* data, std::size_t size) {
        text.append(data, size);
    };
    one.start({tiny, "flood", std::to_string(bytes)}, false, true);
    output.start(one);
    run();
    bench::report(watch, bytes);
    if (text.size() != static_cast<std::size_t>(bytes))
        bench::fail("the output");
}

void write_some(const char* tiny, long bytes)
{
    const bench::stopwatch watch;
    child one;
    writer input;
    one.start({tiny, "sink"}, true);
    input.start(one, bytes);
    run();
    bench::report(watch, bytes);
}

void duplex(const char* tiny, long bytes)
{
    const bench::stopwatch watch;
    long total = 0;
    child one;
    reader output;
    writer input;
    output.data = [&](const char*, std::size_t size) {
        total += static_cast<long>(size);
    };
    one.start({tiny, "cat"}, true, true);
    output.start(one);
    input.start(one, bytes);
    run();
    bench::report(watch, bytes);
    if (total != bytes)
        bench::fail("the output");
}

// libuv has no lines; its users split what they read.
void readline(const char* tiny, long count)
{
    const bench::stopwatch watch;
    long seen = 0;
    std::string rest;
    child one;
    reader output;
    output.data = [&](const char* data, std::size_t size) {
        const char* const end = data + size;
        while (const auto* newline = static_cast<const char*>(std::memchr(
                   data, '\n', static_cast<std::size_t>(end - data)))) {
            rest.clear();
            ++seen;
            data = newline + 1;
        }
        rest.append(data, end);
    };
    one.start({tiny, "lines", std::to_string(count)}, false, true);
    output.start(one);
    run();
    bench::report(watch, count);
    if (seen != count)
        bench::fail("the lines");
}

void alive(const char* tiny, long count)
{
    bench::allow_many_descriptors();
    child first;
    first.start({tiny});
    run();
    const auto before = bench::footprint::now();
    bench::stopwatch watch;
    std::vector<std::unique_ptr<child>> children;
    for (long i = 0; i != count; ++i) {
        children.push_back(std::make_unique<child>());
        children.back()->start({tiny, "pause"});
        watch.lap();
    }
    bench::report(watch, count, before, bench::footprint::now());
    for (const auto& each : children)
        uv_process_kill(&each->process, SIGKILL);
    run();
}

void stall(const char* tiny, long count)
{
    bench::stalls seen;
    uv_timer_t ticker;
    ticker.data = &seen;
    uv_timer_init(loop, &ticker);
    uv_timer_start(
        &ticker,
        [](uv_timer_t* self) {
            static_cast<bench::stalls*>(self->data)->ticked();
            uv_timer_again(self);
        },
        1, 1);

    const bench::stopwatch watch;
    std::vector<child> children(bench::stall_in_flight);
    long to_start = count;
    long to_end = count;
    const auto start = [&](child& each) {
        --to_start;
        const auto began = bench::stalls::clock::now();
        each.start({tiny});
        seen.held(began);
    };
    for (auto& each : children) {
        each.closed = [&] {
            if (to_start > 0)
                start(each);
            if (--to_end == 0)
                uv_close(handle(&ticker), nullptr);
        };
        start(each);
    }
    run();
    seen.report(watch, count);
}

}  // namespace

int main(int argc, char** argv)
{
    using work = void (*)(const char*, long);
    const std::pair<const char*, work> works[] = {
        {"spawn_wait", spawn_wait}, {"spawn_communicate", spawn_communicate},
        {"in_flight", in_flight},   {"two_in_flight", two_in_flight},
        {"read_some", read_some},   {"read_all", read_all},
        {"write_some", write_some}, {"duplex", duplex},
        {"readline", readline},     {"alive", alive},
        {"stall", stall},
    };
    return bench::run_named_work(argc, argv, works);
}
