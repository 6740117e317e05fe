#include "cli/jobserver.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <system_error>

namespace cli {

namespace {

// The value of the last option of this name.
std::string_view option_of(std::string_view makeflags, std::string_view name)
{
    std::string_view value;
    while (!makeflags.empty()) {
        const auto end = makeflags.find(' ');
        const auto word = makeflags.substr(0, end);
        if (word.starts_with(name))
            value = word.substr(name.size());
        makeflags = end == std::string_view::npos ? std::string_view()
                                                  : makeflags.substr(end + 1);
    }
    return value;
}

// Of our own, so that it can be non-blocking and others' stay as they are.
int reopen(const std::string& path, int flags)
{
    return open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC);
}

bool has(const std::vector<int>& all, int number)
{
    return std::find(all.begin(), all.end(), number) != all.end();
}

bool is_open_for(int fd, int access)
{
    const int flags = fcntl(fd, F_GETFL);
    return flags >= 0 &&
           ((flags & O_ACCMODE) == access || (flags & O_ACCMODE) == O_RDWR);
}

// The two ends of one pipe.
bool is_pipe(int in, int out)
{
    struct stat first{};
    struct stat second{};
    return fstat(in, &first) == 0 && fstat(out, &second) == 0 &&
           S_ISFIFO(first.st_mode) && S_ISFIFO(second.st_mode) &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino &&
           is_open_for(in, O_RDONLY) && is_open_for(out, O_WRONLY);
}

std::pair<int, int> numbers_of(std::string_view auth)
{
    std::pair<int, int> both(-1, -1);
    const auto* const last = auth.data() + auth.size();
    const auto first = std::from_chars(auth.data(), last, both.first);
    if (first.ec != std::errc() || first.ptr == last || *first.ptr != ',')
        return {-1, -1};
    const auto second = std::from_chars(first.ptr + 1, last, both.second);
    if (second.ec != std::errc())
        return {-1, -1};
    return both;
}

}  // namespace

jobserver::~jobserver()
{
    while (!taken_.empty())
        give();
    if (read_ >= 0)
        close(read_);
    if (write_ >= 0)
        close(write_);
    for (const int each : passed_)
        if (each >= 0)
            close(each);
}

std::unique_ptr<jobserver>
jobserver::of_parent(std::string_view makeflags,
                     const std::vector<int>& inherited)
{
    // Older ones (4.1) called it --jobserver-fds.
    auto auth = option_of(makeflags, "--jobserver-auth=");
    if (auth.empty())
        auth = option_of(makeflags, "--jobserver-fds=");
    if (auth.empty())
        return nullptr;
    std::unique_ptr<jobserver> made(new jobserver);
    if (auth.starts_with("fifo:")) {
        const std::string path(auth.substr(5));
        made->read_ = reopen(path, O_RDONLY);
        made->write_ = reopen(path, O_WRONLY);
    } else {
        const auto [in, out] = numbers_of(auth);
        // Negative where make says that a recipe without "+" gets none.
        if (!has(inherited, in) || !has(inherited, out) || !is_pipe(in, out))
            return nullptr;
        made->read_ = reopen("/proc/self/fd/" + std::to_string(in), O_RDONLY);
        made->write_ = reopen("/proc/self/fd/" + std::to_string(out), O_WRONLY);
        // So that a make among the jobs finds it, too.
        made->passed_ = {in, out};
    }
    if (made->read_ < 0 || made->write_ < 0 ||
        !is_pipe(made->read_, made->write_))
        return nullptr;
    return made;
}

std::unique_ptr<jobserver> jobserver::serve(unsigned slots)
{
    const auto fail = [](const char* what) {
        throw std::system_error(errno, std::generic_category(), what);
    };
    // A pipe and not a fifo: GNU make before 4.4 ends where it meets a fifo,
    // and the later ones take both.
    std::unique_ptr<jobserver> made(new jobserver);
    if (pipe2(made->passed_.data(), O_CLOEXEC) != 0)
        fail("--jobserver: no pipe");
    const auto [in, out] = made->passed_;
    // Non-blocking descriptions of our own, of the same pipe.
    made->read_ = reopen("/proc/self/fd/" + std::to_string(in), O_RDONLY);
    made->write_ = reopen("/proc/self/fd/" + std::to_string(out), O_WRONLY);
    if (made->read_ < 0 || made->write_ < 0)
        fail("--jobserver: its pipe cannot be opened again");
    const std::string tokens(slots - 1, '+');
    if (!tokens.empty() && write(made->write_, tokens.data(), tokens.size()) !=
                               static_cast<ssize_t>(tokens.size()))
        fail("--jobserver: too many tokens");
    const auto numbers = std::to_string(in) + "," + std::to_string(out);
    made->makeflags_ =
        " -j" + std::to_string(slots) + " --jobserver-auth=" + numbers;
    return made;
}

bool jobserver::take()
{
    char token = 0;
    if (read(read_, &token, 1) != 1)
        return false;
    taken_.push_back(token);
    return true;
}

void jobserver::give()
{
    if (taken_.empty())
        return;
    const char token = taken_.back();
    taken_.pop_back();
    // It came out of this pipe, so there is room for it.
    if (write(write_, &token, 1) != 1)
        return;
}

}  // namespace cli
