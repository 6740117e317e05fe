// brood_child.cpp: the child that tests, benchmarks and examples start.
//
// brood-child <mode> [args...]. Plain POSIX: what a test sees of the child
// does not depend on the code under test. No mode sleeps to become ready: it
// says so, unbuffered. One that waits for ever ends after ten minutes.
//
// exit N                 exits with N
// kill-self SIG          sends itself SIG; exits 72 if it survives that
// crash                  aborts, leaving no core file
// echo ARGS...           writes each argument on a line of stdout
// err TEXT               writes TEXT and a newline to stderr
// both N                 writes 'out i' to 1 and 'err i' to 2, in turn, N times
// cat                    copies stdin to stdout until EOF
// count-stdin            prints how many bytes stdin had until EOF
// open-dev-stdin         opens /dev/stdin and copies that to stdout
// drip                   for each byte of stdin, prints its value on a line
// dialogue               answers each line of stdin with 'got: <line>'
// obey                   does what each line of stdin says, until EOF: 'out T'
//                        or 'err T' writes the line T there, 'out- T' and
//                        'err- T' without a newline; 'close out', 'close err'
// flood SIZE [N]         writes SIZE[K|M|G] patterned bytes, then exits with N
// flood-both SIZE        the same on stdout and stderr, 4 KiB of each in turn
// lines N [LEN]          prints N lines: 0, 1, ...; filled up with '.' to LEN
// slow-lines N MS        prints N lines, each MS milliseconds after the last
// sleep-ms N             sleeps N milliseconds, then exits 0
// line-then-hold LINE    prints LINE, then pauses
// line-then-stdin LINE   prints LINE, then exits 0 at EOF on stdin
// ready-then-pause       prints 'ready', then pauses
// ignore-term            ignores SIGTERM, prints 'ready', then pauses
// on-signal SIG N [then-stdin]  prints 'ready', exits with N when SIG has
//                        arrived and, with then-stdin, stdin has ended
// stop-self              prints 'ready', stops itself, exits 3 once continued
// fork-and-hold-stdout [ignore-term] [setsid] [own-group] [orphan]
//                        forks a grandchild that holds stdout and stderr and
//                        pauses; prints its pid, exits 0. orphan: forks twice
// fork-and-hold-then-pause [the same]  pauses instead of exiting
// close-stdin-then-pause closes 0, prints 'ready', then pauses
// close-stdin-exit N     closes 0, then exits with N
// close-stdout-then-wait-stdin  closes 1, waits for EOF on stdin, exits 5
// print-fds              each open descriptor, sorted: 'N type', where type is
//                        pipe, socket, file, directory, null, tty, char, other
// fd-flags N             'N read|write|read-write|path [nonblock] [append]'
// read-fd N              copies descriptor N to stdout until EOF
// write-fd N TEXT        writes TEXT to descriptor N
// is-tty N               'no'; or 'yes ROWS COLUMNS', and ' controlling' if N
//                        is the controlling terminal of the session
// print-args             argv[0] and every argument after the mode, one a line
// print-env [NAME...]    all of the environment, sorted, 'K=V'; or those
//                        named, in that order; a name alone is unset
// print-cwd              the working directory
// print-ids              uid, euid, gid, egid, groups: 'uid 0'; groups sorted
// print-umask            the umask: four octal digits
// print-signals          SigBlk, SigIgn and SigCgt of /proc/self/status
// print-death-signal     the signal it gets when its parent ends; 0: none
// print-session          'pid P', 'ppid P', 'pgid P', 'sid P', one a line
//
// SIG is a number or a name (TERM). Exits 64 for a wrong command line, 71 for
// a failed system call, each with a message on stderr.
#include "brood_child_io.hpp"
#include "brood_child_obey.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char** environ;

namespace {

using namespace brood_child;

constexpr int survived = 72;

// The pattern that tests compare with: byte i is i % 251. A prime near 256
// shares no factor with any buffer size, so a lost or doubled block shows.
constexpr std::size_t pattern_size = 251;

constexpr unsigned longest_life_in_seconds = 600;

[[noreturn]] void pause_for_ever()
{
    ::alarm(longest_life_in_seconds);
    for (;;)
        ::pause();
}

void sleep_for_ms(int ms)
{
    timespec left{ms / 1000, (ms % 1000) * 1'000'000L};
    while (::nanosleep(&left, &left) < 0 && errno == EINTR) {
    }
}

// --- ending -------------------------------------------------------------

void leave_no_core_file()
{
    const rlimit none{0, 0};
    check(::setrlimit(RLIMIT_CORE, &none), "setrlimit");
}

int run_exit(const arguments& args)
{
    return number(args, 0);
}

// The disposition stays as it was inherited: a test that sees 72 here has
// found an ignored or blocked signal that leaked into the child.
int run_kill_self(const arguments& args)
{
    leave_no_core_file();
    check(::kill(::getpid(), signal_number(argument(args, 0))), "kill");
    return survived;
}

int run_crash(const arguments&)
{
    leave_no_core_file();
    std::abort();
}

// --- output -------------------------------------------------------------

int run_echo(const arguments& args)
{
    for (const std::string_view arg : args)
        print_line(std::string(arg));
    return 0;
}

int run_err(const arguments& args)
{
    write_all(STDERR_FILENO, std::string(argument(args, 0)) + '\n');
    return 0;
}

int run_both(const arguments& args)
{
    const int count = number(args, 0);
    for (int i = 0; i < count; ++i) {
        print_line("out " + std::to_string(i));
        write_all(STDERR_FILENO, "err " + std::to_string(i) + '\n');
    }
    return 0;
}

// Calls `write_block` with consecutive blocks of the pattern, `total` bytes in
// all.
template <typename WriteBlock>
void for_each_block(std::size_t total, std::size_t block_size,
                    WriteBlock write_block)
{
    // One period more than a block: every block is then a window of this.
    std::string bytes(block_size + pattern_size, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(i % pattern_size);

    for (std::size_t done = 0; done < total;) {
        const std::size_t size = std::min(block_size, total - done);
        write_block(std::string_view(bytes).substr(done % pattern_size, size));
        done += size;
    }
}

int run_flood(const arguments& args)
{
    for_each_block(
        byte_count(argument(args, 0)), std::size_t{64} << 10,
        [](std::string_view block) { write_all(STDOUT_FILENO, block); });
    return args.size() > 1 ? number(args, 1) : 0;
}

int run_flood_both(const arguments& args)
{
    for_each_block(byte_count(argument(args, 0)), std::size_t{4} << 10,
                   [](std::string_view block) {
                       write_all(STDOUT_FILENO, block);
                       write_all(STDERR_FILENO, block);
                   });
    return 0;
}

int run_lines(const arguments& args)
{
    const int count = number(args, 0);
    const std::size_t length =
        args.size() > 1 ? byte_count(args[1]) : std::size_t{0};
    std::string pending;
    for (int i = 0; i < count; ++i) {
        std::string line = std::to_string(i);
        if (line.size() < length)
            line.resize(length, '.');
        pending += line;
        pending += '\n';
        if (pending.size() >= std::size_t{64} << 10) {
            write_all(STDOUT_FILENO, pending);
            pending.clear();
        }
    }
    write_all(STDOUT_FILENO, pending);
    return 0;
}

int run_slow_lines(const arguments& args)
{
    const int count = number(args, 0);
    const int ms = number(args, 1);
    for (int i = 0; i < count; ++i) {
        if (i > 0)
            sleep_for_ms(ms);
        print_line(std::to_string(i));
    }
    return 0;
}

int run_sleep_ms(const arguments& args)
{
    sleep_for_ms(number(args, 0));
    return 0;
}

// --- input --------------------------------------------------------------

int run_cat(const arguments&)
{
    copy_all(STDIN_FILENO, STDOUT_FILENO);
    return 0;
}

int run_count_stdin(const arguments&)
{
    std::vector<char> buffer(std::size_t{64} << 10);
    std::size_t total = 0;
    for (;;) {
        const std::size_t n = read_some(STDIN_FILENO, buffer).size();
        if (n == 0)
            break;
        total += n;
    }
    print_line(std::to_string(total));
    return 0;
}

int run_open_dev_stdin(const arguments&)
{
    copy_all(check(::open("/dev/stdin", O_RDONLY), "open /dev/stdin"),
             STDOUT_FILENO);
    return 0;
}

int run_drip(const arguments&)
{
    std::vector<char> buffer(std::size_t{64} << 10);
    for (;;) {
        const std::string_view bytes = read_some(STDIN_FILENO, buffer);
        if (bytes.empty())
            return 0;
        for (const char byte : bytes)
            print_line(std::to_string(static_cast<unsigned char>(byte)));
    }
}

// Byte by byte: this mode must not take more from the pipe than it answers,
// or a test could not tell what the child has consumed.
int run_dialogue(const arguments&)
{
    std::vector<char> one(1);
    std::string line;
    for (;;) {
        const std::string_view byte = read_some(STDIN_FILENO, one);
        if (byte.empty() || byte.front() == '\n') {
            if (!byte.empty() || !line.empty())
                print_line("got: " + line);
            if (byte.empty())
                return 0;
            line.clear();
        } else {
            line += byte;
        }
    }
}

// --- waiting and signals ------------------------------------------------

int run_line_then_hold(const arguments& args)
{
    print_line(std::string(argument(args, 0)));
    pause_for_ever();
}

int run_line_then_stdin(const arguments& args)
{
    print_line(std::string(argument(args, 0)));
    read_to_eof(STDIN_FILENO);
    return 0;
}

int run_ready_then_pause(const arguments&)
{
    print_line("ready");
    pause_for_ever();
}

int run_ignore_term(const arguments&)
{
    std::signal(SIGTERM, SIG_IGN);
    print_line("ready");
    pause_for_ever();
}

// Blocked before 'ready' is printed, and then waited for: the signal cannot
// arrive in a gap between the two.
int run_on_signal(const arguments& args)
{
    const int wanted = signal_number(argument(args, 0));
    const int code = number(args, 1);
    sigset_t set;
    sigemptyset(&set);
    if (sigaddset(&set, wanted) != 0)
        fail_call("sigaddset");
    check(::sigprocmask(SIG_BLOCK, &set, nullptr), "sigprocmask");
    ::alarm(longest_life_in_seconds);
    print_line("ready");
    int got = 0;
    while (::sigwait(&set, &got) != 0 || got != wanted) {
    }
    for (char byte; args.size() > 2 && ::read(0, &byte, 1) > 0;) {
    }
    return code;
}

int run_stop_self(const arguments&)
{
    print_line("ready");
    check(::kill(::getpid(), SIGSTOP), "kill");
    return 3;
}

// Forks the grandchild and prints its pid only when it is in the state that
// `args` ask for, as told by EOF on a pipe.
void fork_holder(const arguments& args)
{
    const auto asked = [&args](std::string_view option) {
        return std::find(args.begin(), args.end(), option) != args.end();
    };
    for (const std::string_view arg : args)
        if (arg != "ignore-term" && arg != "setsid" && arg != "own-group" &&
            arg != "orphan")
            fail_usage("unknown option", arg);
    int ready[2];
    check(::pipe(ready), "pipe");
    const pid_t forked = check(::fork(), "fork");
    if (forked == 0) {
        ::close(ready[0]);
        // Stdout and stderr only: a read end of stdin kept here would hide
        // the broken pipe that the child's exit must cause.
        ::close(STDIN_FILENO);
        if (asked("orphan") && check(::fork(), "fork") != 0)
            ::_exit(0);
        if (asked("ignore-term"))
            std::signal(SIGTERM, SIG_IGN);
        if (asked("setsid"))
            check(::setsid(), "setsid");
        if (asked("own-group"))
            check(::setpgid(0, 0), "setpgid");
        write_all(ready[1], std::to_string(::getpid()));
        ::close(ready[1]);
        pause_for_ever();
    }
    ::close(ready[1]);
    if (asked("orphan"))
        check(::waitpid(forked, nullptr, 0), "waitpid");
    std::vector<char> number(32);
    const std::string holder(read_some(ready[0], number));
    ::close(ready[0]);
    print_line(holder);
}

int run_fork_and_hold_stdout(const arguments& args)
{
    fork_holder(args);
    return 0;
}

int run_fork_and_hold_then_pause(const arguments& args)
{
    fork_holder(args);
    pause_for_ever();
}

// --- closed streams -----------------------------------------------------

int run_close_stdin_then_pause(const arguments&)
{
    check(::close(STDIN_FILENO), "close");
    print_line("ready");
    pause_for_ever();
}

int run_close_stdin_exit(const arguments& args)
{
    check(::close(STDIN_FILENO), "close");
    return number(args, 0);
}

int run_close_stdout_then_wait_stdin(const arguments&)
{
    check(::close(STDOUT_FILENO), "close");
    read_to_eof(STDIN_FILENO);
    return 5;
}

// --- what the child was given -------------------------------------------

std::string type_of(int fd)
{
    struct stat about;
    check(::fstat(fd, &about), "fstat");
    switch (about.st_mode & S_IFMT) {
    case S_IFIFO: return "pipe";
    case S_IFSOCK: return "socket";
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFCHR:
        // Device 1:3 is /dev/null on Linux: Documentation/admin-guide/
        // devices.txt of the kernel.
        if (about.st_rdev == makedev(1, 3))
            return "null";
        return ::isatty(fd) != 0 ? "tty" : "char";
    default: return "other";
    }
}

int run_print_fds(const arguments&)
{
    struct close_dir {
        void operator()(DIR* dir) const { ::closedir(dir); }
    };
    std::vector<int> fds;
    {
        const std::unique_ptr<DIR, close_dir> dir{::opendir("/proc/self/fd")};
        if (!dir)
            fail_call("opendir /proc/self/fd");
        while (const dirent* entry = ::readdir(dir.get())) {
            const std::string_view name = entry->d_name;
            if (name == "." || name == "..")
                continue;
            const int fd = to_number<int>(name);
            if (fd != ::dirfd(dir.get()))
                fds.push_back(fd);
        }
    }
    std::sort(fds.begin(), fds.end());
    std::string text;
    for (const int fd : fds)
        text += std::to_string(fd) + ' ' + type_of(fd) + '\n';
    write_all(STDOUT_FILENO, text);
    return 0;
}

int run_fd_flags(const arguments& args)
{
    const int fd = number(args, 0);
    const int flags = check(::fcntl(fd, F_GETFL), "fcntl");
    std::string line = std::to_string(fd);
    switch (flags & O_ACCMODE) {
    case O_RDONLY: line += " read"; break;
    case O_WRONLY: line += " write"; break;
    case O_RDWR: line += " read-write"; break;
    default: line += " path";
    }
    if ((flags & O_NONBLOCK) != 0)
        line += " nonblock";
    if ((flags & O_APPEND) != 0)
        line += " append";
    print_line(line);
    return 0;
}

int run_read_fd(const arguments& args)
{
    copy_all(number(args, 0), STDOUT_FILENO);
    return 0;
}

int run_write_fd(const arguments& args)
{
    write_all(number(args, 0), argument(args, 1));
    return 0;
}

int run_is_tty(const arguments& args)
{
    const int fd = number(args, 0);
    if (::isatty(fd) == 0) {
        print_line("no");
        return 0;
    }
    winsize size{};
    check(::ioctl(fd, TIOCGWINSZ, &size), "ioctl TIOCGWINSZ");
    std::string line = "yes " + std::to_string(size.ws_row) + ' ' +
                       std::to_string(size.ws_col);
    // tcgetsid fails with ENOTTY unless fd is this session's own terminal.
    if (::tcgetsid(fd) == ::getsid(0))
        line += " controlling";
    print_line(line);
    return 0;
}

int run_print_env(const arguments& args)
{
    std::vector<std::string> lines;
    for (const std::string_view arg : args) {
        const std::string name(arg);
        const char* const value = std::getenv(name.c_str());
        lines.push_back(value ? name + '=' + value : name);
    }
    if (args.empty()) {
        for (char** entry = environ; entry && *entry; ++entry)
            lines.emplace_back(*entry);
        std::sort(lines.begin(), lines.end());
    }
    for (const std::string& line : lines)
        print_line(line);
    return 0;
}

int run_print_cwd(const arguments&)
{
    const std::unique_ptr<char, decltype(&std::free)> cwd{::getcwd(nullptr, 0),
                                                          &std::free};
    if (!cwd)
        fail_call("getcwd");
    print_line(cwd.get());
    return 0;
}

int run_print_ids(const arguments&)
{
    std::string text;
    const auto add = [&text](const char* name, auto id) {
        text += std::string(name) + ' ' + std::to_string(id) + '\n';
    };
    add("uid", ::getuid());
    add("euid", ::geteuid());
    add("gid", ::getgid());
    add("egid", ::getegid());
    const int count = check(::getgroups(0, nullptr), "getgroups");
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    check(::getgroups(count, groups.data()), "getgroups");
    std::sort(groups.begin(), groups.end());
    text += "groups";
    for (const gid_t group : groups)
        text += ' ' + std::to_string(group);
    text += '\n';
    write_all(STDOUT_FILENO, text);
    return 0;
}

int run_print_umask(const arguments&)
{
    char digits[8];
    std::snprintf(digits, sizeof digits, "%04o",
                  static_cast<unsigned>(::umask(0)));
    print_line(digits);
    return 0;
}

int run_print_signals(const arguments&)
{
    const int fd =
        check(::open("/proc/self/status", O_RDONLY), "open /proc/self/status");
    std::vector<char> buffer(std::size_t{64} << 10);
    std::string status;
    for (;;) {
        const std::string_view bytes = read_some(fd, buffer);
        if (bytes.empty())
            break;
        status += bytes;
    }
    for (const std::string_view name : {"SigBlk:", "SigIgn:", "SigCgt:"}) {
        const std::size_t from = status.find(name);
        if (from != std::string::npos)
            print_line(status.substr(from, status.find('\n', from) - from));
    }
    return 0;
}

int run_print_session(const arguments&)
{
    print_line("pid " + std::to_string(::getpid()));
    print_line("ppid " + std::to_string(::getppid()));
    print_line("pgid " + std::to_string(::getpgid(0)));
    print_line("sid " + std::to_string(::getsid(0)));
    return 0;
}

int run_print_death_signal(const arguments&)
{
    int signal = 0;
    check(::prctl(PR_GET_PDEATHSIG, &signal), "prctl");
    print_line(std::to_string(signal));
    return 0;
}

struct mode {
    std::string_view name;
    int (*run)(const arguments&);
};

constexpr mode modes[] = {
    {"both", run_both},
    {"cat", run_cat},
    {"close-stdin-exit", run_close_stdin_exit},
    {"close-stdin-then-pause", run_close_stdin_then_pause},
    {"close-stdout-then-wait-stdin", run_close_stdout_then_wait_stdin},
    {"count-stdin", run_count_stdin},
    {"crash", run_crash},
    {"dialogue", run_dialogue},
    {"drip", run_drip},
    {"echo", run_echo},
    {"err", run_err},
    {"exit", run_exit},
    {"fd-flags", run_fd_flags},
    {"flood", run_flood},
    {"flood-both", run_flood_both},
    {"fork-and-hold-stdout", run_fork_and_hold_stdout},
    {"fork-and-hold-then-pause", run_fork_and_hold_then_pause},
    {"ignore-term", run_ignore_term},
    {"is-tty", run_is_tty},
    {"kill-self", run_kill_self},
    {"line-then-hold", run_line_then_hold},
    {"line-then-stdin", run_line_then_stdin},
    {"lines", run_lines},
    {"obey", run_obey},
    {"on-signal", run_on_signal},
    {"open-dev-stdin", run_open_dev_stdin},
    {"print-cwd", run_print_cwd},
    {"print-death-signal", run_print_death_signal},
    {"print-env", run_print_env},
    {"print-fds", run_print_fds},
    {"print-ids", run_print_ids},
    {"print-session", run_print_session},
    {"print-signals", run_print_signals},
    {"print-umask", run_print_umask},
    {"read-fd", run_read_fd},
    {"ready-then-pause", run_ready_then_pause},
    {"sleep-ms", run_sleep_ms},
    {"slow-lines", run_slow_lines},
    {"stop-self", run_stop_self},
    {"write-fd", run_write_fd},
};

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 2)
        fail_usage("usage", "brood-child <mode> [args...]");
    const std::string_view wanted = argv[1];
    const arguments args(argv + 2, argv + argc);
    // The one mode that needs argv[0]: a test of `executable` looks at it.
    if (wanted == "print-args") {
        print_line(argv[0]);
        return run_echo(args);
    }
    for (const mode& each : modes) {
        if (each.name == wanted)
            return each.run(args);
    }
    fail_usage("unknown mode", wanted);
}
