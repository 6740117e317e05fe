// stdio.cpp: where a child's descriptors lead.
#include "support/descriptors.hpp"
#include "support/in_a_copy.hpp"
#include "support/outcome.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(local/connect_pair.hpp)
#include BROOD_ASIO_HEADER(local/stream_protocol.hpp)
#include BROOD_ASIO_HEADER(read.hpp)
#include BROOD_ASIO_HEADER(write.hpp)

#include <algorithm>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace {

using brood::awaitable;
using brood::create_subprocess;
using brood::devnull;
using brood::file;
using brood::file_mode;
using brood::from_fd;
using brood::inherit;
using brood::piped;
using brood::piped_in;
using brood::piped_out;
using brood::shell;
using brood::spawn_step;
using brood::to_stdout;
using namespace brood_test;

using stdio = stdio_test;

TEST_F(stdio, unset_streams_are_inherited)
{
    BROOD_IN_A_COPY([this] {
        const auto start_again = [this] {
            write_file(dir / "in", "input");
            redirect(0, dir / "in", O_RDONLY);
            redirect(1, dir / "out", O_RDWR | O_CREAT | O_TRUNC);
            redirect(2, dir / "err", O_RDWR | O_CREAT | O_TRUNC);
        };
        start_again();
        require_equal(outcome_of(child("cat")).code, 0);
        require_equal(read_file(dir / "out"), "input");
        require_equal(outcome_of(child("err", "oh")).code, 0);
        require_equal(read_file(dir / "err"), "oh\n");

        start_again();
        outcome_of(child("cat").in(piped), "given");
        require_equal(read_file(dir / "out"), "given");
        const auto read = outcome_of(child("cat").out(piped));
        require_equal(read.out, "input");
        require_equal(read_file(dir / "out"), "given");

        start_again();
        const auto both = outcome_of(child("both", "1").err(piped));
        require_equal(both.err, "err 0\n");
        require_equal(read_file(dir / "out"), "out 0\n");
        require_equal(read_file(dir / "err"), "");
    });
}

TEST_F(stdio, pipes_carry_each_stream)
{
    for (int set = 0; set != 8; ++set) {
        auto what = quiet(shell("cat; echo out; echo err >&2"));
        if (set & 1)
            what.in(piped);
        if (set & 2)
            what.out(piped);
        if (set & 4)
            what.err(piped);
        const auto ended = outcome_of(what, set & 1 ? "in\n" : "");
        EXPECT_EQ(ended.code, 0);
        EXPECT_EQ(ended.out, set & 2 ? set & 1 ? "in\nout\n" : "out\n" : "");
        EXPECT_EQ(ended.err, set & 4 ? "err\n" : "");
    }
    EXPECT_EQ(output_of(child("print-fds").in(piped).err(piped)),
              "0 pipe\n1 pipe\n2 pipe\n");
}

TEST_F(stdio, dev_stdin_can_be_opened)
{
    EXPECT_EQ(output_of(child("open-dev-stdin").in(piped), "through"),
              "through");
}

TEST_F(stdio, devnull_is_empty_and_swallows)
{
    EXPECT_EQ(output_of(child("count-stdin").in(devnull)), "0\n");
    EXPECT_EQ(output_of(child("print-fds").in(devnull).err(devnull)),
              "0 null\n1 pipe\n2 null\n");
    BROOD_IN_A_COPY([this] {
        redirect(1, dir / "out");
        redirect(2, dir / "err");
        run_test([]() -> awaitable<void> {
            auto p = co_await create_subprocess(
                child("both", "3").out(devnull).err(devnull));
            require(!p.has_out() && !p.has_err());
            const auto written = co_await p.communicate();
            require_equal(written.out + written.err, "");
        });
        require_equal(read_file(dir / "out") + read_file(dir / "err"), "");
    });
}

TEST_F(stdio, files_are_read_written_and_appended)
{
    write_file(dir / "in", "some input");
    EXPECT_EQ(output_of(child("cat").in(file(dir / "in"))), "some input");
    EXPECT_EQ(output_of(child("cat").in(file(dir / "in", file_mode::read))),
              "some input");

    write_file(dir / "out", "something longer than what comes");
    outcome_of(child("both", "1")
                   .out(file(dir / "out"))
                   .err(file(dir / "err", file_mode::append)));
    EXPECT_EQ(read_file(dir / "out"), "out 0\n");
    outcome_of(child("both", "1")
                   .out(file(dir / "out", file_mode::truncate))
                   .err(file(dir / "err", file_mode::append)));
    EXPECT_EQ(read_file(dir / "out"), "out 0\n");
    EXPECT_EQ(read_file(dir / "err"), "err 0\nerr 0\n");
    EXPECT_EQ(
        output_of(
            child("fd-flags", "2").err(file(dir / "err", file_mode::append))),
        "2 write append\n");
    EXPECT_EQ(output_of(child("fd-flags", "0").in(file(dir / "in"))),
              "0 read\n");
}

TEST_F(stdio, files_are_opened_by_the_parent_in_its_directory)
{
    BROOD_IN_A_COPY([this] {
        std::filesystem::create_directory(dir / "elsewhere");
        must(::chdir(dir.path().c_str()));
        ::umask(027);
        write_file("in", "from here");
        require_equal(outcome_of(child("cat")
                                     .cwd("elsewhere")
                                     .umask(0)
                                     .in(file("in"))
                                     .out(file("out")))
                          .code,
                      0);
        require_equal(read_file(dir / "out"), "from here");
        struct stat about{};
        must(::stat((dir / "out").c_str(), &about));
        require_equal(about.st_mode & 0777u, 0640u);
    });
}

void expect_open_error(const brood::command& what, int error,
                       const std::string& path)
{
    const auto failed = spawn_failure_of(what);
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->step(), spawn_step::open);
    EXPECT_EQ(failed->code(), system_error_code(error));
    EXPECT_EQ(failed->path(), path);
    EXPECT_NE(std::string(failed->what()).find(path), std::string::npos);
}

TEST_F(stdio, files_that_cannot_be_opened_start_nothing)
{
    const auto marker = dir / "started";
    const auto start = quiet(shell(": > " + marker.string()));
    const auto none = (dir / "none").string();
    const auto here = dir.path().string();
    const auto fifo = (dir / "fifo").string();
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const auto with = [&start](auto set) {
        auto what = start;
        set(what);
        return what;
    };
    const auto under_none = none + "/out";

    expect_open_error(with([&](auto& c) { c.in(file(none)); }), ENOENT, none);
    expect_open_error(with([&](auto& c) { c.out(file(under_none)); }), ENOENT,
                      under_none);
    expect_open_error(with([&](auto& c) { c.in(file(here)); }), EISDIR, here);
    expect_open_error(with([&](auto& c) { c.out(file(here)); }), EISDIR, here);
    expect_open_error(
        with([&](auto& c) { c.err(file(here, file_mode::append)); }), EISDIR,
        here);
    // Nobody has it open: waiting for somebody would stop the loop.
    expect_open_error(with([&](auto& c) { c.in(file(fifo)); }), ENXIO, fifo);
    expect_open_error(with([&](auto& c) { c.out(file(fifo)); }), ENXIO, fifo);
    expect_open_error(
        with([&](auto& c) { c.child_fd(5, file(none, file_mode::read)); }),
        ENOENT, none);
    EXPECT_FALSE(std::filesystem::exists(marker));
}

TEST_F(stdio, a_fifo_with_a_peer_is_used)
{
    const auto fifo = dir / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    auto peer = open_file(fifo, O_RDWR);
    run_test([&]() -> awaitable<void> {
        auto p =
            co_await create_subprocess(child("cat").in(file(fifo)).out(piped));
        EXPECT_EQ(::write(peer, "hello\n", 6), 6);
        EXPECT_EQ(co_await p.out().readline(), "hello\n");
        peer.close();
        EXPECT_EQ(co_await p.wait(), 0);
    });
}

TEST_F(stdio, a_callers_descriptor_is_used_and_left_open)
{
    write_file(dir / "in", "skipped|read");
    const auto in = open_file(dir / "in", O_RDONLY);
    ASSERT_EQ(::lseek(in, 8, SEEK_SET), 8);
    EXPECT_EQ(output_of(child("cat").in(from_fd(in))), "read");
    // One file, one position: the child's reading has moved ours.
    EXPECT_EQ(::lseek(in, 0, SEEK_CUR), 12);
    EXPECT_EQ(::fcntl(in, F_GETFD), FD_CLOEXEC);

    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_NONBLOCK), 0);
    const test_fd read_end(ends[0]);
    const test_fd write_end(ends[1]);
    const int flags = ::fcntl(write_end, F_GETFL);
    EXPECT_EQ(
        outcome_of(
            child("both", "1").out(from_fd(write_end)).err(from_fd(write_end)))
            .code,
        0);
    char bytes[100] = {};
    EXPECT_EQ(::read(read_end, bytes, sizeof bytes), 12);
    EXPECT_EQ(std::string(bytes), "out 0\nerr 0\n");
    EXPECT_EQ(::fcntl(write_end, F_GETFL), flags);
    EXPECT_EQ(::fcntl(write_end, F_GETFD), 0);
}

TEST_F(stdio, one_descriptor_serves_any_two_streams)
{
    const auto path = dir / "file";
    write_file(path, "");
    const auto both_ways = open_file(path, O_RDWR | O_APPEND);
    const auto it = from_fd(both_ways);
    const std::vector<std::string> twice(2, path.string());
    EXPECT_EQ(links_in(quiet(links_reporter({0, 1})).in(it).out(it)), twice);
    EXPECT_EQ(links_in(quiet(links_reporter({1, 2})).out(it).err(it)), twice);
    EXPECT_EQ(links_in(quiet(links_reporter({2, 0})).err(it).in(it)), twice);
    outcome_of(child("both", "2").out(it).err(it));
    EXPECT_EQ(read_file(path), "out 0\nerr 0\nout 1\nerr 1\n");
}

TEST_F(stdio, an_asio_socket_can_be_given)
{
    using socket = asio::local::stream_protocol::socket;
    asio::io_context io;
    socket ours(io);
    socket childs(io);
    asio::local::connect_pair(ours, childs);
    auto p = brood::spawn_process(
        io, child("cat").in(from_fd(childs)).out(from_fd(childs)));
    childs.close();
    asio::write(ours, asio::buffer("ping", 4));
    std::string answer(4, '\0');
    asio::read(ours, asio::buffer(answer));
    EXPECT_EQ(answer, "ping");
    ours.shutdown(socket::shutdown_send);
    std::optional<int> code;
    p.async_wait([&code](brood::error_code, int got) { code = got; });
    io.run();
    EXPECT_EQ(code, 0);
}

TEST_F(stdio, the_parents_own_streams_can_be_given)
{
    BROOD_IN_A_COPY([this] {
        redirect(1, dir / "1");
        redirect(2, dir / "2");
        require_equal(
            outcome_of(child("both", "1").out(from_fd(2)).err(from_fd(1))).code,
            0);
        require_equal(read_file(dir / "1"), "err 0\n");
        require_equal(read_file(dir / "2"), "out 0\n");
        outcome_of(child("both", "1").out(from_fd(1)).err(devnull));
        require_equal(read_file(dir / "1"), "err 0\nout 0\n");
    });
}

std::string both_joined(int count)
{
    std::string lines;
    for (int i = 0; i != count; ++i)
        lines +=
            "out " + std::to_string(i) + "\nerr " + std::to_string(i) + "\n";
    return lines;
}

TEST_F(stdio, err_joins_out_in_order)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(
            child("both", "1000").out(piped).err(to_stdout));
        EXPECT_FALSE(p.has_err());
        EXPECT_THROW(p.err(), std::logic_error);
        const auto written = co_await p.communicate();
        EXPECT_EQ(written.out, both_joined(1000));
        EXPECT_EQ(written.err, "");
        EXPECT_EQ(co_await p.wait(), 0);
    });
    outcome_of(child("both", "1000").out(file(dir / "out")).err(to_stdout));
    EXPECT_EQ(read_file(dir / "out"), both_joined(1000));
}

TEST_F(stdio, err_joins_an_inherited_out)
{
    BROOD_IN_A_COPY([this] {
        redirect(1, dir / "1");
        redirect(2, dir / "2");
        outcome_of(child("both", "2").out(inherit).err(to_stdout));
        require_equal(read_file(dir / "1"), both_joined(2));
        require_equal(read_file(dir / "2"), "");
    });
}

// The parent's 0, 1 and 2 are files of these names from now on.
std::vector<std::string> open_three_files(const temp_dir& dir)
{
    std::vector<std::string> names;
    for (const int number : {0, 1, 2}) {
        names.push_back((dir / std::to_string(number)).string());
        redirect(number, names.back());
    }
    return names;
}

brood::command& set_stream(brood::command& what, int number, int source)
{
    if (number == 0)
        return what.in(from_fd(source));
    return number == 1 ? what.out(from_fd(source)) : what.err(from_fd(source));
}

TEST_F(stdio, any_mix_of_descriptors_works)
{
    BROOD_IN_A_COPY([this] {
        const auto names = open_three_files(dir);
        std::vector<std::size_t> order{0, 1, 2};
        do {
            auto what = links_reporter({0, 1, 2});
            for (const int number : {0, 1, 2})
                set_stream(
                    what, number,
                    static_cast<int>(order[static_cast<std::size_t>(number)]));
            require_equal(
                links_in(what),
                std::vector{names[order[0]], names[order[1]], names[order[2]]});
        } while (std::next_permutation(order.begin(), order.end()));
    });
    for (const int missing : {0, 1, 2}) {
        BROOD_IN_A_COPY([this, missing] {
            const auto names = open_three_files(dir);
            must(::close(missing));
            const int a = missing == 0 ? 1 : 0;
            const int b = missing == 2 ? 1 : 2;
            for (int to_a : {0, 1, 2}) {
                for (int to_b : {0, 1, 2}) {
                    if (to_a == to_b)
                        continue;
                    auto what = links_reporter({to_a, to_b, 3 - to_a - to_b});
                    set_stream(what, to_a, a);
                    set_stream(what, to_b, b);
                    const int rest = 3 - to_a - to_b;
                    require_equal(
                        links_in(what),
                        std::vector{
                            names[static_cast<std::size_t>(a)],
                            names[static_cast<std::size_t>(b)],
                            rest == missing
                                ? closed
                                : names[static_cast<std::size_t>(rest)]});
                }
            }
        });
    }
}

TEST_F(stdio, cycles_of_descriptors_are_resolved)
{
    BROOD_IN_A_COPY([this] {
        std::vector<std::string> names;
        for (int number = 0; number != 9; ++number) {
            names.push_back((dir / std::to_string(number)).string());
            redirect(number, names.back());
        }
        const std::vector<std::vector<int>> mixes{
            {1, 2, 3, 4, 5, 6, 7, 8, 0},  // one cycle
            {8, 0, 1, 2, 3, 4, 5, 6, 7},  // the other way round
            {8, 7, 6, 5, 4, 3, 2, 1, 0},  // four swaps
            {5, 5, 5, 0, 0, 1, 1, 2, 2},  // one source for several
            {0, 1, 2, 3, 4, 5, 6, 7, 8},  // all as they are
            {3, 4, 3, 8, 7, 0, 0, 1, 6},
        };
        for (const auto& mix : mixes) {
            auto what = links_reporter({0, 1, 2, 3, 4, 5, 6, 7, 8});
            std::vector<std::string> expected;
            for (int number = 0; number != 9; ++number) {
                const int source = mix[static_cast<std::size_t>(number)];
                expected.push_back(names[static_cast<std::size_t>(source)]);
                if (number < 3)
                    set_stream(what, number, source);
                else
                    what.child_fd(number, from_fd(source));
            }
            require_equal(links_in(what), expected);
        }
    });
}

TEST_F(stdio, works_with_the_parents_own_streams_closed)
{
    for (int missing = 1; missing != 8; ++missing) {
        BROOD_IN_A_COPY([this, missing] {
            auto expected = open_three_files(dir);
            for (const int number : {0, 1, 2}) {
                if (!(missing & (1 << number)))
                    continue;
                must(::close(number));
                expected[static_cast<std::size_t>(number)] = closed;
            }
            const leak_check before;
            run_test([missing]() -> awaitable<void> {
                auto p = co_await create_subprocess(
                    child("print-fds").in(piped).out(piped).err(piped));
                for (const int number : {0, 1, 2}) {
                    const auto link = link_of(number);
                    require(!(missing & (1 << number)) ||
                                (!link.starts_with("pipe:") &&
                                 link != "anon_inode:[pidfd]"),
                            "a descriptor of ours is below 3: " + link);
                }
                const auto written = co_await p.communicate();
                require_equal(written.out, "0 pipe\n1 pipe\n2 pipe\n");
            });
            // What is inherited is closed where the parent's is, whatever
            // the loop has opened there meanwhile.
            require_equal(links_in(links_reporter({0, 1, 2})), expected);
            const auto failed =
                spawn_failure_of(brood::exec("/none").in(piped).out(piped));
            require(failed.has_value());
            require(failed->step() == spawn_step::exec);
            require_equal(failed->code().value(), ENOENT);
            require_clean(before);
        });
    }
}

// How much the pipes take that were opened after `before` was made.
std::vector<int> sizes_of_new_pipes(const descriptor_table& before)
{
    std::vector<int> sizes;
    for (const auto& [fd, link] : open_descriptors())
        if (!before.contains(fd) && link.starts_with("pipe:"))
            sizes.push_back(::fcntl(fd, F_GETPIPE_SZ));
    return sizes;
}

TEST_F(stdio, pipe_size_is_honoured)
{
    asio::io_context io;
    const auto three = child("cat").in(piped).out(piped).err(piped);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const int usual = ::fcntl(ends[0], F_GETPIPE_SZ);
    ::close(ends[0]);
    ::close(ends[1]);
    const int page = static_cast<int>(::sysconf(_SC_PAGESIZE));

    auto before = open_descriptors();
    auto p = brood::spawn_process(io, three);
    EXPECT_EQ(sizes_of_new_pipes(before), std::vector<int>(3, usual));
    before = open_descriptors();
    // The kernel rounds up to a power of two, and at least a page.
    auto q =
        brood::spawn_process(io, brood::command(three).pipe_size(
                                     2 * static_cast<std::size_t>(page) + 1));
    EXPECT_EQ(sizes_of_new_pipes(before), std::vector<int>(3, 4 * page));
    before = open_descriptors();
    auto r = brood::spawn_process(io, brood::command(three).pipe_size(1));
    EXPECT_EQ(sizes_of_new_pipes(before), std::vector<int>(3, page));

    // More than even root can have.
    const auto failed =
        spawn_failure_of(brood::command(three).pipe_size(0x7fffffff));
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->step(), spawn_step::pipe);
    EXPECT_TRUE(failed->code().value() == EPERM ||
                failed->code().value() == ENOMEM);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1} << 31})
        EXPECT_TRUE(refusal_of(brood::command(three).pipe_size(size)));
}

TEST_F(stdio, child_fd_pipes_work_above_two)
{
    run_test([]() -> awaitable<void> {
        auto p = co_await create_subprocess(shell("cat <&3 >&7")
                                                .child_fd(3, piped_in)
                                                .child_fd(7, piped_out)
                                                .limit(1));
        EXPECT_FALSE(p.has_in() || p.has_out() || p.has_err());
        EXPECT_TRUE(p.writer(3).write("a"));
        EXPECT_EQ(co_await p.reader(7).readexactly(1), "a");
        EXPECT_TRUE(p.writer(3).write(pattern(1000)));
        p.writer(3).close();
        EXPECT_EQ(co_await p.reader(7).read(), pattern(1000));
        EXPECT_TRUE(p.reader(7).at_eof());
        EXPECT_EQ(co_await p.wait(), 0);
        EXPECT_THROW(p.reader(3), std::logic_error);
        EXPECT_THROW(p.writer(7), std::logic_error);
    });
    write_file(dir / "in", "from a file");
    EXPECT_EQ(
        output_of(child("read-fd", "150")
                      .child_fd(150, file(dir / "in", file_mode::read))
                      .child_fd(151, file(dir / "out", file_mode::append))),
        "from a file");
    EXPECT_TRUE(std::filesystem::exists(dir / "out"));
}

}  // namespace
