// The part of attempt that makes its streams and asks the guard to start it.

#include "cli/attempt.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace cli {

namespace {

[[noreturn]] void fail(const std::string& what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

winsize size_of_terminal(const output_options& asked)
{
    winsize size{};
    for (const int each : {STDERR_FILENO, STDOUT_FILENO, STDIN_FILENO})
        if (ioctl(each, TIOCGWINSZ, &size) == 0 && size.ws_col != 0)
            break;
    if (size.ws_col == 0)
        size.ws_col = 80;
    if (size.ws_row == 0)
        size.ws_row = 24;
    if (asked.columns != 0)
        size.ws_col = asked.columns;
    if (asked.rows != 0)
        size.ws_row = asked.rows;
    return size;
}

}  // namespace

// What begin() makes, closed unless it is taken out.
struct attempt::descriptors {
    descriptors() = default;
    descriptors(const descriptors&) = delete;
    descriptors& operator=(const descriptors&) = delete;
    ~descriptors()
    {
        for (const int each : passed)
            close(each);
        for (const int each : ours)
            if (each >= 0)
                close(each);
    }

    std::vector<int> passed;  // to the job
    std::array<int, 2> ours{-1, -1};
};

void attempt::begin()
{
    const auto& asked = host_.asked();
    const bool one = asked.as == options::form::one;
    start_request request;
    request.id = id_;
    request.slot = record_.slot;
    request.argv = what_->argv;
    request.env = host_.environment();
    request.env.emplace_back("PARALLEL_SEQ", std::to_string(what_->seq));
    descriptors made;
    // A pipe all the same where bytes are to be counted or waited for.
    const bool piped =
        one ? asked.one_captures
            : asked.output.how != output_options::mode::ungroup ||
                  asked.time.idle_timeout || asked.output.max_output ||
                  asked.output.tag || !asked.output.results.empty() ||
                  asked.output.fail_only || asked.output.keep_order;
    if (asked.output.pty) {
        open_terminal(made);
        request.out = request.err = stream_use::terminal;
    } else if (piped) {
        open_pipe(made, 0);
        open_pipe(made, 1);
    } else {
        request.out = request.err = stream_use::ours;
    }
    if (asked.stdin_from == "-" || (one && asked.stdin_from.empty())) {
        request.in = stream_use::ours;
    } else if (!asked.stdin_from.empty()) {
        const int file = open(asked.stdin_from.c_str(), O_RDONLY | O_CLOEXEC);
        if (file < 0)
            fail("--stdin-from: " + asked.stdin_from);
        request.in = stream_use::given;
        // Behind a terminal, before the pipes: the order of the streams.
        made.passed.insert(made.passed.begin() + (asked.output.pty ? 1 : 0),
                           file);
    }
    if (!text_ && (piped || asked.output.pty) && !open_text())
        return;
    began_ = clock::now();  // unless the guard knows better
    host_.ask_guard(request, made.passed);
    adopt(made);
}

// False: there is nowhere for it to go, and the run ends; this is over.
bool attempt::open_text()
{
    try {
        text_ = host_.output().open(*what_);
        return true;
    } catch (const std::system_error& failure) {
        // When other jobs have ended, there will be some.
        if (failure.code() == std::errc::too_many_files_open ||
            failure.code() == std::errc::too_many_files_open_in_system)
            throw;
        host_.fail(failure.what());
    } catch (const std::exception& failure) {
        host_.fail(failure.what());
    }
    record_.status = cause_ = job_status::canceled;
    exited_ = gone_ = true;
    check();
    return false;
}

void attempt::open_pipe(descriptors& made, unsigned number)
{
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0)
        fail("no pipe for a job's output");
    made.ours[number] = ends[0];
    made.passed.push_back(ends[1]);
    // Ours alone: the job's end is another description.
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

void attempt::open_terminal(descriptors& made)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (master < 0)
        fail("no terminal for a job");
    made.ours[0] = master;
    if (grantpt(master) != 0 || unlockpt(master) != 0)
        fail("a job's terminal cannot be used");
    const int other = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (other < 0)
        fail("a job's terminal cannot be opened");
    made.passed.push_back(other);
    const auto size = size_of_terminal(host_.asked().output);
    ioctl(master, TIOCSWINSZ, &size);
    termios how{};
    if (tcgetattr(other, &how) == 0) {
        // Lines end as in a pipe: our own terminal adds what it needs.
        how.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
        tcsetattr(other, TCSANOW, &how);
    }
}

void attempt::resize()
{
    if (!host_.asked().output.pty || streams_[0].fd < 0)
        return;
    const auto size = size_of_terminal(host_.asked().output);
    // The kernel tells the job, where it is another one.
    ioctl(streams_[0].fd, TIOCSWINSZ, &size);
}

void attempt::adopt(descriptors& made)
{
    for (const unsigned each : {0u, 1u}) {
        if (made.ours[each] < 0)
            continue;
        streams_[each].fd = made.ours[each];
        made.ours[each] = -1;
        streams_[each].open = true;
    }
    if (streams_[0].open && record_.pty) {
        streams_[0].job_side = made.passed.front();
        made.passed.erase(made.passed.begin());
    }
}

}  // namespace cli
