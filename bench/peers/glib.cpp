// glib.cpp: the works with GLib's GSubprocess.

#include "../measure.hpp"

#include <gio/gio.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace {

GMainLoop* loop = nullptr;

void must(GError* error)
{
    if (!error)
        return;
    std::fprintf(stderr, "%s\n", error->message);
    std::exit(1);
}

GSubprocess* start(std::vector<const char*> argv, int flags)
{
    argv.push_back(nullptr);
    GError* error = nullptr;
    auto* const made = g_subprocess_newv(
        argv.data(), static_cast<GSubprocessFlags>(flags), &error);
    must(error);
    return made;
}

constexpr int inherit = G_SUBPROCESS_FLAGS_STDIN_INHERIT;
constexpr int pipe_in = G_SUBPROCESS_FLAGS_STDIN_PIPE;
constexpr int pipe_out = G_SUBPROCESS_FLAGS_STDOUT_PIPE;

// Calls `ended` when the child has; `ended` must live until then.
void on_exit(GSubprocess* child, std::function<void()>& ended)
{
    g_subprocess_wait_check_async(
        child, nullptr,
        [](GObject* source, GAsyncResult* result, gpointer data) {
            GError* error = nullptr;
            g_subprocess_wait_check_finish(G_SUBPROCESS(source), result,
                                           &error);
            must(error);
            g_object_unref(source);
            (*static_cast<std::function<void()>*>(data))();
        },
        &ended);
}

// Ends the loop when all of so many parts have called it.
std::function<void()> quit_after(int parts)
{
    return [parts]() mutable {
        if (--parts == 0)
            g_main_loop_quit(loop);
    };
}

void spawn_wait(const char* tiny, long count)
{
    bench::stopwatch watch;
    long left = count;
    std::function<void()> next = [&] {
        watch.lap();
        if (--left > 0)
            on_exit(start({tiny}, inherit), next);
        else
            g_main_loop_quit(loop);
    };
    on_exit(start({tiny}, inherit), next);
    g_main_loop_run(loop);
    bench::report(watch, count);
}

std::size_t communicate(std::vector<const char*> argv)
{
    auto* const child = start(std::move(argv), inherit | pipe_out);
    GBytes* out = nullptr;
    g_subprocess_communicate_async(
        child, nullptr, nullptr,
        [](GObject* source, GAsyncResult* result, gpointer data) {
            GError* error = nullptr;
            g_subprocess_communicate_finish(G_SUBPROCESS(source), result,
                                            static_cast<GBytes**>(data),
                                            nullptr, &error);
            must(error);
            g_main_loop_quit(loop);
        },
        &out);
    g_main_loop_run(loop);
    const auto size = g_bytes_get_size(out);
    g_bytes_unref(out);
    g_object_unref(child);
    return size;
}

void spawn_communicate(const char* tiny, long count)
{
    bench::stopwatch watch;
    for (long i = 0; i != count; ++i) {
        if (communicate({tiny, "line"}) != bench::line_size)
            bench::fail("the output");
        watch.lap();
    }
    bench::report(watch, count);
}

void read_all(const char* tiny, long bytes)
{
    const auto text = std::to_string(bytes);
    const bench::stopwatch watch;
    const auto size = communicate({tiny, "flood", text.c_str()});
    bench::report(watch, bytes);
    if (size != static_cast<std::size_t>(bytes))
        bench::fail("the output");
}

void keep_running(const char* tiny, long count, int at_once,
                  bench::stalls* seen)
{
    long to_start = count;
    long to_end = count;
    std::function<void()> ended;
    const auto start_one = [&] {
        --to_start;
        const auto began = bench::stalls::clock::now();
        auto* const child = start({tiny}, inherit);
        if (seen)
            seen->held(began);
        on_exit(child, ended);
    };
    ended = [&] {
        if (to_start > 0)
            start_one();
        if (--to_end == 0)
            g_main_loop_quit(loop);
    };
    for (int i = 0; i != at_once; ++i)
        start_one();
    g_main_loop_run(loop);
}

void many(const char* tiny, long count, int at_once)
{
    const bench::stopwatch watch;
    keep_running(tiny, count, at_once, nullptr);
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

// Reads a child's output to its end, block by block.
struct reader {
    GInputStream* from;
    std::function<void()> done;
    long total = 0;
    std::vector<char> buffer = std::vector<char>(bench::block_size);

    void next()
    {
        g_input_stream_read_async(
            from, buffer.data(), buffer.size(), G_PRIORITY_DEFAULT, nullptr,
            [](GObject* source, GAsyncResult* result, gpointer data) {
                auto& self = *static_cast<reader*>(data);
                GError* error = nullptr;
                const auto got = g_input_stream_read_finish(
                    G_INPUT_STREAM(source), result, &error);
                must(error);
                self.total += got;
                if (got > 0)
                    self.next();
                else
                    self.done();
            },
            this);
    }
};

// Writes to a child's input, block by block, and closes it.
struct writer {
    GOutputStream* to;
    long left;
    std::function<void()> done;
    std::string block = std::string(bench::block_size, 'x');

    void next()
    {
        if (left <= 0) {
            g_output_stream_close(to, nullptr, nullptr);
            return done();
        }
        left -= bench::block_size;
        g_output_stream_write_all_async(
            to, block.data(), block.size(), G_PRIORITY_DEFAULT, nullptr,
            [](GObject* source, GAsyncResult* result, gpointer data) {
                GError* error = nullptr;
                g_output_stream_write_all_finish(G_OUTPUT_STREAM(source),
                                                 result, nullptr, &error);
                must(error);
                static_cast<writer*>(data)->next();
            },
            this);
    }
};

void read_some(const char* tiny, long bytes)
{
    const auto text = std::to_string(bytes);
    const bench::stopwatch watch;
    auto done = quit_after(2);
    auto* const child =
        start({tiny, "flood", text.c_str()}, inherit | pipe_out);
    reader output{g_subprocess_get_stdout_pipe(child), [&] { done(); }};
    output.next();
    on_exit(child, done);
    g_object_ref(child);
    g_main_loop_run(loop);
    g_object_unref(child);
    bench::report(watch, bytes);
    if (output.total != bytes)
        bench::fail("the output");
}

void write_some(const char* tiny, long bytes)
{
    const bench::stopwatch watch;
    auto done = quit_after(2);
    auto* const child = start({tiny, "sink"}, pipe_in);
    writer input{g_subprocess_get_stdin_pipe(child), bytes, [&] { done(); }};
    input.next();
    on_exit(child, done);
    g_main_loop_run(loop);
    bench::report(watch, bytes);
}

void duplex(const char* tiny, long bytes)
{
    const bench::stopwatch watch;
    auto done = quit_after(3);
    auto* const child = start({tiny, "cat"}, pipe_in | pipe_out);
    g_object_ref(child);
    reader output{g_subprocess_get_stdout_pipe(child), [&] { done(); }};
    writer input{g_subprocess_get_stdin_pipe(child), bytes, [&] { done(); }};
    output.next();
    input.next();
    on_exit(child, done);
    g_main_loop_run(loop);
    g_object_unref(child);
    bench::report(watch, bytes);
    if (output.total != bytes)
        bench::fail("the output");
}

struct line_reader {
    GDataInputStream* from;
    std::function<void()> done;
    long seen = 0;

    void next()
    {
        g_data_input_stream_read_line_async(
            from, G_PRIORITY_DEFAULT, nullptr,
            [](GObject* source, GAsyncResult* result, gpointer data) {
                auto& self = *static_cast<line_reader*>(data);
                GError* error = nullptr;
                char* const line = g_data_input_stream_read_line_finish(
                    G_DATA_INPUT_STREAM(source), result, nullptr, &error);
                must(error);
                if (!line)
                    return self.done();
                g_free(line);
                ++self.seen;
                self.next();
            },
            this);
    }
};

void readline(const char* tiny, long count)
{
    const auto text = std::to_string(count);
    const bench::stopwatch watch;
    auto done = quit_after(2);
    auto* const child =
        start({tiny, "lines", text.c_str()}, inherit | pipe_out);
    g_object_ref(child);
    line_reader output{
        g_data_input_stream_new(g_subprocess_get_stdout_pipe(child)),
        [&] { done(); }};
    output.next();
    on_exit(child, done);
    g_main_loop_run(loop);
    g_object_unref(output.from);
    g_object_unref(child);
    bench::report(watch, count);
    if (output.seen != count)
        bench::fail("the lines");
}

void alive(const char* tiny, long count)
{
    bench::allow_many_descriptors();
    auto first_done = quit_after(1);
    on_exit(start({tiny}, inherit), first_done);
    g_main_loop_run(loop);

    const auto before = bench::footprint::now();
    bench::stopwatch watch;
    std::vector<GSubprocess*> children;
    for (long i = 0; i != count; ++i) {
        children.push_back(start({tiny, "pause"}, inherit));
        watch.lap();
    }
    bench::report(watch, count, before, bench::footprint::now());
    for (auto* const each : children)
        g_subprocess_force_exit(each);
    for (auto* const each : children) {
        g_subprocess_wait(each, nullptr, nullptr);
        g_object_unref(each);
    }
}

void stall(const char* tiny, long count)
{
    bench::stalls seen;
    g_timeout_add(
        1,
        [](gpointer data) -> gboolean {
            static_cast<bench::stalls*>(data)->ticked();
            return G_SOURCE_CONTINUE;
        },
        &seen);
    const bench::stopwatch watch;
    keep_running(tiny, count, bench::stall_in_flight, &seen);
    seen.report(watch, count);
}

}  // namespace

int main(int argc, char** argv)
{
    loop = g_main_loop_new(nullptr, FALSE);
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
