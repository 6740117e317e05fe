// fixture.cpp: see fixture.hpp.
#include "fixture.hpp"

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brood_test {

namespace {

// SIGRTMAX on Linux; signal(7).
constexpr int last_signal = 64;

struct close_dir {
    void operator()(DIR* dir) const { ::closedir(dir); }
};

// Calls `visit(number, dir_fd)` for every entry of `path` that is a number.
template <typename Visit>
void for_each_number_in(const char* path, Visit visit)
{
    const std::unique_ptr<DIR, close_dir> dir{::opendir(path)};
    if (!dir)
        throw std::system_error(errno, std::generic_category(), path);
    while (const dirent* const entry = ::readdir(dir.get())) {
        const char* const end = entry->d_name + std::strlen(entry->d_name);
        int number = 0;
        const auto parsed = std::from_chars(entry->d_name, end, number);
        if (parsed.ec == std::errc{} && parsed.ptr == end)
            visit(number, ::dirfd(dir.get()));
    }
}

// Empty where there is no such file: a process may go at any moment.
std::string read_proc_file(const std::string& path)
{
    const std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    // Not through an iterator, which throws if it goes while it is read.
    bytes << file.rdbuf();
    return bytes.str();
}

std::string link_target(int dir_fd, int number)
{
    char target[4096];
    const ssize_t n = ::readlinkat(dir_fd, std::to_string(number).c_str(),
                                   target, sizeof target);
    return n < 0 ? "?" : std::string(target, static_cast<std::size_t>(n));
}

struct process_stat {
    std::string name;
    char state;
    int parent;
};

// Fields 2 to 4 of /proc/pid/stat. The name is in brackets and may itself
// contain brackets and blanks: it ends at the last one. proc(5).
std::optional<process_stat> stat_of(int pid)
{
    const std::string text =
        read_proc_file("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (close == std::string::npos || text.size() < close + 5)
        return std::nullopt;
    process_stat stat{text.substr(open + 1, close - open - 1), text[close + 2],
                      0};
    const char* const parent = text.data() + close + 4;
    std::from_chars(parent, text.data() + text.size(), stat.parent);
    return stat;
}

std::string describe(const child_entry& child)
{
    return std::to_string(child.pid) + " (" + child.name + "), state " +
           child.state;
}

// The C library adds SA_RESTORER to whatever it is given: an action put back
// exactly as it was found has it, one that nobody ever touched has not. Where
// no handler runs, only the flags about children mean anything: sigaction(2).
bool is_same(const struct ::sigaction& a, const struct ::sigaction& b)
{
    if (a.sa_handler != b.sa_handler)
        return false;
    const bool has_handler = a.sa_handler != SIG_DFL && a.sa_handler != SIG_IGN;
    constexpr int restorer = 0x04000000;
    const int flags = has_handler ? ~restorer : SA_NOCLDSTOP | SA_NOCLDWAIT;
    if (((a.sa_flags ^ b.sa_flags) & flags) != 0)
        return false;
    for (int number = 1; has_handler && number <= last_signal; ++number) {
        if (::sigismember(&a.sa_mask, number) !=
            ::sigismember(&b.sa_mask, number))
            return false;
    }
    return true;
}

std::map<int, struct ::sigaction> all_dispositions()
{
    std::map<int, struct ::sigaction> all;
    for (int number = 1; number <= last_signal; ++number) {
        struct ::sigaction action = {};
        // Refused for the two that the C library keeps for itself.
        if (::sigaction(number, nullptr, &action) == 0)
            all.emplace(number, action);
    }
    return all;
}

sigset_t current_mask()
{
    sigset_t mask;
    ::sigemptyset(&mask);
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return mask;
}

// ThreadSanitizer starts a thread of its own with the first that a program
// starts. Starting one here, once, puts it into every baseline.
void start_background_thread_of_sanitizer()
{
    static const bool done = [] {
        std::thread([] {}).join();
        return true;
    }();
    static_cast<void>(done);
}

}  // namespace

descriptor_table open_descriptors()
{
    descriptor_table table;
    for_each_number_in("/proc/self/fd", [&table](int fd, int dir_fd) {
        if (fd != dir_fd)
            table.emplace(fd, link_target(dir_fd, fd));
    });
    return table;
}

// Looks through all processes instead of reading /proc/pid/task/tid/children:
// that file is there only if the kernel was built with it, and may leave out
// entries while children come and go. proc(5).
std::vector<child_entry> children()
{
    std::vector<child_entry> found;
    const int self = ::getpid();
    for_each_number_in("/proc", [&found, self](int pid, int) {
        auto stat = stat_of(pid);
        if (stat && stat->parent == self)
            found.push_back({pid, stat->state, std::move(stat->name)});
    });
    std::sort(found.begin(), found.end(),
              [](const child_entry& a, const child_entry& b) {
                  return a.pid < b.pid;
              });
    return found;
}

std::map<int, std::string> threads()
{
    std::map<int, std::string> found;
    for_each_number_in("/proc/self/task", [&found](int tid, int) {
        std::string name =
            read_proc_file("/proc/self/task/" + std::to_string(tid) + "/comm");
        while (!name.empty() && name.back() == '\n')
            name.pop_back();
        found.emplace(tid, std::move(name));
    });
    return found;
}

std::size_t thread_count()
{
    return threads().size();
}

bool process_exists(int pid)
{
    // Not for 0 and below: kill(2) takes those for groups.
    return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
}

char process_state(int pid)
{
    const auto stat = stat_of(pid);
    return stat ? stat->state : '\0';
}

bool process_is_alive(int pid)
{
    // X: dead, seen for a moment between the last two states. proc(5).
    const char state = process_state(pid);
    return state != '\0' && state != 'Z' && state != 'X';
}

bool wait_until(const std::function<bool()>& predicate,
                std::chrono::milliseconds timeout)
{
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    auto pause = std::chrono::milliseconds(1);
    while (!predicate()) {
        if (std::chrono::steady_clock::now() >= deadline)
            return false;
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, std::chrono::milliseconds(20));
    }
    return true;
}

temp_dir::temp_dir()
{
    std::string name =
        (std::filesystem::temp_directory_path() / "brood-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "mkdtemp");
    // The real path: it is compared with what a child finds as its own cwd.
    path_ = std::filesystem::canonical(name);
}

temp_dir::~temp_dir()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string child_path()
{
    return BROOD_CHILD_PATH;
}

std::string read_file(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file)
        throw std::runtime_error("cannot read " + path.string());
    return bytes;
}

void write_file(const std::filesystem::path& path, std::string_view bytes)
{
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file)
        throw std::runtime_error("cannot write " + path.string());
}

std::string pattern(std::size_t size)
{
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<char>(i % 251);
    return bytes;
}

leak_check::leak_check()
{
    start_background_thread_of_sanitizer();
    descriptors_ = open_descriptors();
    children_ = children();
    threads_ = threads();
    dispositions_ = all_dispositions();
    mask_ = current_mask();
}

std::vector<std::string>
leak_check::differences(std::chrono::milliseconds timeout) const
{
    std::vector<std::string> found;
    static_cast<void>(wait_until(
        [this, &found] {
            found.clear();
            compare_resources(found);
            return found.empty();
        },
        timeout));
    compare_signals(found);
    return found;
}

std::vector<child_entry> leak_check::leftover_children() const
{
    std::vector<child_entry> left = children();
    std::erase_if(left, [this](const child_entry& child) {
        return std::any_of(children_.begin(), children_.end(),
                           [&child](const child_entry& known) {
                               return known.pid == child.pid;
                           });
    });
    return left;
}

// Threads are compared by id, not counted: one that was just ending at the
// start would otherwise hide one that is left at the end.
void leak_check::compare_resources(std::vector<std::string>& found) const
{
    for (const child_entry& child : leftover_children()) {
        found.push_back(
            (child.state == 'Z' ? "zombie left: " : "child left running: ") +
            describe(child));
    }
    for (const auto& [tid, name] : threads()) {
        if (!threads_.contains(tid))
            found.push_back("thread left: " + std::to_string(tid) + " (" +
                            name + ")");
    }
    const descriptor_table now = open_descriptors();
    for (const auto& [fd, target] : now) {
        const auto before = descriptors_.find(fd);
        if (before == descriptors_.end())
            found.push_back("descriptor left open: " + std::to_string(fd) +
                            " -> " + target);
        else if (before->second != target)
            found.push_back("descriptor changed: " + std::to_string(fd) +
                            " -> " + target + ", was " + before->second);
    }
    for (const auto& [fd, target] : descriptors_) {
        if (!now.contains(fd))
            found.push_back("descriptor closed: " + std::to_string(fd) +
                            " -> " + target);
    }
}

void leak_check::compare_signals(std::vector<std::string>& found) const
{
    const auto now = all_dispositions();
    for (const auto& [number, before] : dispositions_) {
        const auto after = now.find(number);
        if (after == now.end() || !is_same(before, after->second))
            found.push_back("disposition changed: signal " +
                            std::to_string(number));
    }
    const sigset_t mask = current_mask();
    for (int number = 1; number <= last_signal; ++number) {
        const int is_blocked = ::sigismember(&mask, number);
        if (is_blocked != ::sigismember(&mask_, number))
            found.push_back((is_blocked == 1 ? "signal left blocked: "
                                             : "signal left unblocked: ") +
                            std::to_string(number));
    }
}

void leak_check::end_leftover_children() const
{
    for (const child_entry& child : leftover_children()) {
        ::kill(child.pid, SIGKILL);
        // Bounded, and an answer of -1 is as good: somebody else reaped it.
        static_cast<void>(wait_until(
            [&child] { return ::waitpid(child.pid, nullptr, WNOHANG) != 0; }));
    }
}

void clean_test::SetUp()
{
    before_.emplace();
}

void clean_test::TearDown()
{
    const std::vector<std::string> found = before_->differences();
    for (const std::string& each : found)
        ADD_FAILURE() << each;
    if (!found.empty())
        before_->end_leftover_children();
}

}  // namespace brood_test
