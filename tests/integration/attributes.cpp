// attributes.cpp: limits, priority, processors, signals and terminals of a
// child, and children that end with their parent.
#include "support/descriptors.hpp"
#include "support/in_a_copy.hpp"
#include "support/outcome.hpp"
#include "support/refused_calls.hpp"

#include "os/posix/child_side.hpp"
#include "os/spawn.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(detached.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using brood::awaitable;
using brood::create_subprocess;
using brood::exec;
using brood::from_fd;
using brood::limit_kind;
using brood::piped;
using brood::spawn_step;
using brood::unlimited_resource;
using namespace brood_test;

using attributes = clean_test;

constexpr uid_t stranger = 65534;

bool is_root()
{
    return ::geteuid() == 0;
}

// The value of one field of /proc/self/status, as the child has it.
std::string status_field(brood::command what, const std::string& name)
{
    std::istringstream lines(output_of(std::move(what)));
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(name + ":"))
            return line.substr(line.find_last_of("\t ") + 1);
    return "no such field";
}

brood::command cat_status()
{
    return exec("cat", "/proc/self/status");
}

// --- limits -----------------------------------------------------------------

struct known_limit {
    limit_kind kind;
    int resource;
    std::string name;  // in /proc/self/limits
};

const std::vector<known_limit>& known_limits()
{
    using kind = limit_kind;
    static const std::vector<known_limit> all{
        {kind::address_space, RLIMIT_AS, "Max address space"},
        {kind::core, RLIMIT_CORE, "Max core file size"},
        {kind::cpu, RLIMIT_CPU, "Max cpu time"},
        {kind::data, RLIMIT_DATA, "Max data size"},
        {kind::file_size, RLIMIT_FSIZE, "Max file size"},
        {kind::locked_memory, RLIMIT_MEMLOCK, "Max locked memory"},
        {kind::message_queues, RLIMIT_MSGQUEUE, "Max msgqueue size"},
        {kind::nice, RLIMIT_NICE, "Max nice priority"},
        {kind::open_files, RLIMIT_NOFILE, "Max open files"},
        {kind::pending_signals, RLIMIT_SIGPENDING, "Max pending signals"},
        {kind::processes, RLIMIT_NPROC, "Max processes"},
        {kind::realtime_priority, RLIMIT_RTPRIO, "Max realtime priority"},
        {kind::realtime_time, RLIMIT_RTTIME, "Max realtime timeout"},
        {kind::resident_set, RLIMIT_RSS, "Max resident set"},
        {kind::stack, RLIMIT_STACK, "Max stack size"},
    };
    return all;
}

// "soft hard", as the child sees them.
std::string limits_in(const std::string& table, const std::string& name)
{
    const auto at = table.find(name);
    if (at == table.npos)
        return "no such limit";
    std::istringstream words(table.substr(at + name.size()));
    std::string soft;
    std::string hard;
    words >> soft >> hard;
    return soft + " " + hard;
}

TEST_F(attributes, each_limit_is_the_one_it_is_called)
{
    auto what = exec("cat", "/proc/self/limits");
    std::vector<std::string> expected;
    std::vector<rlim_t> own;
    for (const auto& known : known_limits()) {
        struct rlimit now{};
        ASSERT_EQ(::getrlimit(known.resource, &now), 0);
        own.push_back(now.rlim_cur);
        // Never above what we have, which nobody but root could get; and
        // different for each.
        constexpr rlim_t gigabyte = 1 << 30;
        const auto most = known.kind == limit_kind::open_files
                              ? rlim_t{256}
                              : 4 * gigabyte + 2 * expected.size();
        const auto hard = std::min<rlim_t>(now.rlim_max, most);
        what.rlimit(known.kind, hard / 2, hard);
        expected.push_back(std::to_string(hard / 2) + " " +
                           std::to_string(hard));
    }
    const auto seen = output_of(what);
    for (std::size_t i = 0; i != expected.size(); ++i) {
        const auto& known = known_limits()[i];
        EXPECT_EQ(limits_in(seen, known.name), expected[i]) << known.name;
        struct rlimit now{};
        ASSERT_EQ(::getrlimit(known.resource, &now), 0);
        EXPECT_EQ(now.rlim_cur, own[i]) << "ours: " << known.name;
    }
}

TEST_F(attributes, one_number_is_both_limits_and_no_limit_has_a_name)
{
    const auto seen = output_of(exec("cat", "/proc/self/limits")
                                    .rlimit(limit_kind::open_files, 33)
                                    .rlimit(limit_kind::core, 1, 2)
                                    .rlimit(limit_kind::core, 0));
    EXPECT_EQ(limits_in(seen, "Max open files"), "33 33");
    EXPECT_EQ(limits_in(seen, "Max core file size"), "0 0");
    struct rlimit now{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &now), 0);
    if (now.rlim_max == RLIM_INFINITY) {
        EXPECT_EQ(limits_in(output_of(exec("cat", "/proc/self/limits")
                                          .rlimit(limit_kind::file_size,
                                                  unlimited_resource)),
                            "Max file size"),
                  "unlimited unlimited");
    }
}

// The descriptors are placed before their number is limited.
TEST_F(attributes, a_limit_on_descriptors_spares_those_that_were_asked_for)
{
    auto made = outcome_of(child("write-fd", "1", "out")
                               .out(piped)
                               .child_fd(40, brood::devnull)
                               .rlimit(limit_kind::open_files, 4));
    EXPECT_EQ(made.code, 0);
    EXPECT_EQ(made.out, "out");
}

TEST_F(attributes, a_limit_that_is_refused_is_named)
{
    // Above fs.nr_open nobody may go; setrlimit(2).
    const auto above = std::stoull(read_file("/proc/sys/fs/nr_open")) + 1;
    const auto failed =
        spawn_failure_of(child("exit", "0")
                             .rlimit(limit_kind::core, 0)
                             .rlimit(limit_kind::open_files, above));
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->step(), spawn_step::rlimit);
    EXPECT_EQ(failed->code(), system_error_code(EPERM));
    EXPECT_EQ(failed->path(), "open_files");
    EXPECT_NE(std::string(failed->what())
                  .find("rlimit open_files: only privileges raise a hard "
                        "limit"),
              std::string::npos)
        << failed->what();
}

// RLIMIT_NPROC is about the user that the child becomes.
TEST_F(attributes, a_limit_on_processes_holds_for_the_user_from_the_start)
{
    if (!is_root())
        GTEST_SKIP() << "only root may become somebody else";
    // The kernel compares before it counts the one that changes.
    asio::io_context io;
    const auto first = brood::spawn_process(
        io, exec("cat").in(piped).user(stranger).group(stranger));
    const auto failed =
        spawn_failure_of(exec("true").user(stranger).group(stranger).rlimit(
            limit_kind::processes, 0));
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->step(), spawn_step::exec);
    EXPECT_EQ(failed->code(), system_error_code(EAGAIN));
    EXPECT_NE(std::string(failed->what()).find("more processes than"),
              std::string::npos)
        << failed->what();
}

// --- priority and processors --------------------------------------------

int own_niceness()
{
    return ::getpriority(PRIO_PROCESS, 0);
}

TEST_F(attributes, niceness_is_added_to_the_parents)
{
    const int before = own_niceness();
    const auto nice = [](int increment) {
        return std::stoi(output_of(exec("nice").nice(increment)));
    };
    EXPECT_EQ(nice(0), before);
    EXPECT_EQ(nice(3), std::min(before + 3, 19));
    EXPECT_EQ(nice(39), 19);
    EXPECT_EQ(own_niceness(), before);
    BROOD_IN_A_COPY([] {
        errno = 0;
        const int raised = ::nice(2);
        require(raised != -1 || errno == 0);
        require_equal(output_of(exec("nice").nice(1)),
                      std::to_string(std::min(raised + 1, 19)) + "\n");
    });
}

TEST_F(attributes, a_priority_that_is_refused_is_an_error)
{
    BROOD_IN_A_COPY([] {
        const struct rlimit none{};
        must(::setrlimit(RLIMIT_NICE, &none));
        if (is_root()) {
            must(::setresgid(stranger, stranger, stranger));
            must(::setresuid(stranger, stranger, stranger));
        }
        const auto failed = spawn_failure_of(exec("true").nice(-1));
        require(failed.has_value(), "it was started");
        require(failed->step() == spawn_step::nice);
        require_equal(failed->code(), system_error_code(EACCES));
        const std::string text = failed->what();
        require(text.find("nice -1: only privileges raise a priority") !=
                    text.npos,
                text);
    });
}

// What takes the parent's rights is done before they are given up.
TEST_F(attributes, a_priority_is_raised_before_the_users_change)
{
    BROOD_IN_A_COPY([] {
        const int before = own_niceness();
        if (!is_root() || before == -20 ||
            ::setpriority(PRIO_PROCESS, 0, before - 1) != 0)
            throw cannot_be_tested("this user may not raise its priority");
        must(::setpriority(PRIO_PROCESS, 0, before));
        require_equal(
            output_of(exec("nice").nice(-1).user(stranger).group(stranger)),
            std::to_string(before - 1) + "\n");
    });
}

TEST_F(attributes, a_limit_is_raised_before_the_users_change)
{
    BROOD_IN_A_COPY([] {
        struct rlimit limit{};
        limit = {0, 1};
        must(::setrlimit(RLIMIT_CORE, &limit));
        limit = {0, 2};
        if (!is_root() || ::setrlimit(RLIMIT_CORE, &limit) != 0)
            throw cannot_be_tested("this user may not raise a limit");
        const auto seen = output_of(exec("cat", "/proc/self/limits")
                                        .rlimit(limit_kind::core, 5)
                                        .user(stranger)
                                        .group(stranger));
        require_equal(limits_in(seen, "Max core file size"), "5 5");
    });
}

TEST_F(attributes, the_child_runs_on_the_processors_it_is_given)
{
    cpu_set_t own;
    ASSERT_EQ(::sched_getaffinity(0, sizeof own, &own), 0);
    int last = -1;
    for (int each = 0; each != CPU_SETSIZE; ++each)
        if (CPU_ISSET(each, &own))
            last = each;
    ASSERT_GE(last, 0);
    const auto on = [](std::vector<int> processors) {
        return status_field(cat_status().affinity(std::move(processors)),
                            "Cpus_allowed_list");
    };
    EXPECT_EQ(on({last}), std::to_string(last));
    // As with taskset(1), what does not exist is left out.
    EXPECT_EQ(on({65535, last}), std::to_string(last));
    cpu_set_t after;
    ASSERT_EQ(::sched_getaffinity(0, sizeof after, &after), 0);
    EXPECT_TRUE(CPU_EQUAL(&own, &after));

    const auto failed = spawn_failure_of(exec("true").affinity({65535}));
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->step(), spawn_step::affinity);
    EXPECT_EQ(failed->code(), system_error_code(EINVAL));
    EXPECT_NE(std::string(failed->what()).find("none of these processors"),
              std::string::npos);
}

TEST_F(attributes, new_privileges_are_given_up_by_the_child_alone)
{
    const auto own = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    EXPECT_EQ(status_field(cat_status(), "NoNewPrivs"), std::to_string(own));
    EXPECT_EQ(status_field(cat_status().no_new_privileges(), "NoNewPrivs"),
              "1");
    EXPECT_EQ(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), own);
}

// --- signals ------------------------------------------------------------

std::string set_of(std::initializer_list<int> signals)
{
    std::uint64_t set = 0;
    for (const int each : signals)
        set |= std::uint64_t{1} << (each - 1);
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx",
                  static_cast<unsigned long long>(set));
    return digits;
}

TEST_F(attributes, the_signal_mask_is_the_one_asked_for)
{
    const auto blocked = [](brood::command what) {
        return status_field(std::move(what), "SigBlk");
    };
    EXPECT_EQ(blocked(cat_status().signal_mask({SIGUSR1, SIGTERM, 64})),
              set_of({SIGUSR1, SIGTERM, 64}));
    EXPECT_EQ(blocked(cat_status().signal_mask({SIGHUP}).signal_mask({})),
              set_of({}));
}

void take_no_notice(int) {}

TEST_F(attributes, what_the_parent_ignores_can_be_kept)
{
    BROOD_IN_A_COPY([] {
        for (const int number : {SIGHUP, SIGPIPE, SIGUSR1, SIGRTMAX})
            ::signal(number, SIG_IGN);
        ::signal(SIGUSR2, take_no_notice);
        const auto ignored = [](brood::command what) {
            return status_field(std::move(what), "SigIgn");
        };
        require_equal(ignored(cat_status()), set_of({}));
        require_equal(ignored(cat_status().keep_ignored(SIGHUP)),
                      set_of({SIGHUP}));
        require_equal(
            ignored(cat_status().keep_ignored(SIGHUP).keep_ignored(SIGRTMAX)),
            set_of({SIGHUP, SIGRTMAX}));
        // What is handled, or has its default action, is not made ignored.
        require_equal(
            ignored(cat_status().keep_ignored(SIGUSR2).keep_ignored(SIGTERM)),
            set_of({}));
        require_equal(ignored(cat_status().keep_ignored_signals()),
                      set_of({SIGHUP, SIGPIPE, SIGUSR1, SIGRTMAX}));
        require_equal(
            status_field(cat_status().keep_ignored_signals(), "SigCgt"),
            set_of({}));
        // As under nohup: a hang-up does not end it.
        require_equal(
            outcome_of(child("kill-self", "HUP").keep_ignored(SIGHUP)).code,
            72);
        require_equal(outcome_of(child("kill-self", "HUP")).code, -SIGHUP);
    });
}

// --- the controlling terminal ---------------------------------------------

std::string name_of_other_side(int master)
{
    char name[64];
    must(::grantpt(master));
    must(::unlockpt(master));
    must(::ptsname_r(master, name, sizeof name));
    return name;
}

TEST_F(attributes, a_terminal_can_control_the_childs_session)
{
    const test_fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    const auto terminal =
        open_file(name_of_other_side(master), O_RDWR | O_NOCTTY);
    const auto is_tty = [&terminal](const char* number) {
        return child("is-tty", number).in(from_fd(terminal)).new_session();
    };
    EXPECT_EQ(output_of(is_tty("0")), "yes 0 0\n");
    EXPECT_EQ(output_of(is_tty("0").controlling_terminal()),
              "yes 0 0 controlling\n");
    EXPECT_EQ(output_of(is_tty("7")
                            .in(brood::devnull)
                            .child_fd(7, from_fd(terminal))
                            .controlling_terminal(7)),
              "yes 0 0 controlling\n");
    const auto failed = spawn_failure_of(child("exit", "0")
                                             .in(brood::devnull)
                                             .new_session()
                                             .controlling_terminal());
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->step(), spawn_step::terminal);
    EXPECT_EQ(failed->code(), system_error_code(ENOTTY));
    EXPECT_NE(std::string(failed->what())
                  .find("descriptor 0 of the child is no terminal"),
              std::string::npos)
        << failed->what();
}

// --- the end of the parent --------------------------------------------------

brood::command print_death_signal()
{
    return child("print-death-signal");
}

TEST_F(attributes, the_signal_at_the_parents_end_is_the_one_asked_for)
{
    EXPECT_EQ(output_of(print_death_signal()), "0\n");
    EXPECT_EQ(output_of(print_death_signal().kill_on_parent_death()), "9\n");
    EXPECT_EQ(output_of(print_death_signal().kill_on_parent_death(SIGTERM)),
              "15\n");
    EXPECT_EQ(
        output_of(print_death_signal().no_new_privileges().kill_on_parent_death(
            SIGHUP)),
        "1\n");
}

// A change of the user makes the kernel forget the signal.
TEST_F(attributes, the_signal_at_the_parents_end_survives_a_change_of_user)
{
    if (!is_root())
        GTEST_SKIP() << "only root may become somebody else";
    const temp_dir dir;
    std::filesystem::copy_file(child_path(), dir / "brood-child");
    for (const auto& path : {dir.path(), dir / "brood-child"})
        std::filesystem::permissions(path, std::filesystem::perms{0755});
    EXPECT_EQ(
        output_of(exec((dir / "brood-child").string(), "print-death-signal")
                      .user(stranger)
                      .group(stranger)
                      .extra_groups({})
                      .kill_on_parent_death(SIGTERM)),
        "15\n");
}

// True when nobody holds the other end of a pipe any more, soon.
bool ends_soon(int read_end)
{
    char bytes[256];
    for (;;) {
        pollfd asked{read_end, POLLIN, 0};
        if (::poll(&asked, 1, static_cast<int>(patience.count())) != 1)
            return false;
        const auto size = ::read(read_end, bytes, sizeof bytes);
        if (size <= 0)
            return size == 0;
    }
}

TEST_F(attributes, a_child_ends_with_a_parent_that_is_killed)
{
    for (const int signal : {SIGKILL, SIGTERM}) {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        const test_fd read_end(ends[0]);
        test_fd write_end(ends[1]);
        const int code = in_a_copy([&] {
            asio::io_context io;
            auto p =
                brood::spawn_process(io, child("ready-then-pause")
                                             .out(from_fd(write_end))
                                             .child_fd(5, from_fd(write_end))
                                             .kill_on_parent_death(signal));
            char ready[6];
            must(static_cast<int>(::read(read_end, ready, sizeof ready)));
            ::kill(::getpid(), SIGKILL);
        });
        EXPECT_EQ(code, -SIGKILL);
        write_end.close();
        EXPECT_TRUE(ends_soon(read_end)) << signal;
    }
}

// exec ends all threads of the process but one.
TEST_F(attributes, a_child_ends_with_a_parent_that_calls_exec)
{
    BROOD_IN_A_COPY([] {
        int ends[2];
        must(::pipe2(ends, O_CLOEXEC));
        asio::io_context io;
        auto p = brood::spawn_process(io, child("ready-then-pause")
                                              .out(from_fd(ends[1]))
                                              .kill_on_parent_death());
        char ready[6];
        must(static_cast<int>(::read(ends[0], ready, sizeof ready)));
        // Waits, as what we are by then, until the child has let go.
        must(::fcntl(ends[0], F_SETFD, 0));
        const auto program = child_path();
        const auto number = std::to_string(ends[0]);
        must(::execl(program.c_str(), program.c_str(), "read-fd",
                     number.c_str(), nullptr));
    });
}

// Between the child's birth and its call for the signal the parent may end.
TEST_F(attributes, a_child_whose_parent_is_gone_does_not_begin)
{
    const std::string program = child_path();
    const char* const candidates[] = {program.c_str(), nullptr};
    const char* const argv[] = {program.c_str(), "exit", "3", nullptr};
    brood::os::spawn_plan plan;
    plan.candidates = candidates;
    plan.argv = argv;
    plan.envp = brood::os::parent_environment();
    plan.parent_death_signal = SIGTERM;
    const auto end_of_a_child_of = [&plan](int parent) {
        brood::os::child_report report;
        const brood::os::child_task task{&plan, &report, -1, false, parent};
        const pid_t pid = ::fork();
        if (pid == 0)
            brood::os::child_main(task);
        int status = 0;
        ::waitpid(pid, &status, 0);
        return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    };
    EXPECT_EQ(end_of_a_child_of(::getpid()), 3);
    EXPECT_EQ(end_of_a_child_of(::getpid() + 1), -SIGKILL);
}

// The kernel means the thread that started the child, not the process.
TEST_F(attributes, a_child_survives_the_thread_that_started_it)
{
    asio::io_context io;
    std::optional<brood::process> p;
    const auto before = threads();
    std::thread starter([&] {
        p.emplace(brood::spawn_process(
            io, child("dialogue").in(piped).out(piped).kill_on_parent_death()));
    });
    starter.join();
    // A thread that was joined is in the kernel a moment longer. What stays is
    // the one thread that keeps the child.
    EXPECT_TRUE(
        wait_until([&] { return thread_count() <= before.size() + 1; }));
    EXPECT_EQ(thread_count(), before.size() + 1);
    std::string answer;
    asio::co_spawn(
        io,
        [&]() -> awaitable<void> {
            p->in().write("alive\n");
            answer = co_await p->out().readline();
            p->in().close();
            co_await p->wait();
        },
        asio::detached);
    io.run();
    EXPECT_EQ(answer, "got: alive\n");
    EXPECT_EQ(p->returncode(), 0);
}

TEST_F(attributes, the_thread_that_keeps_children_ends_with_the_last_of_them)
{
    const auto before = thread_count();
    asio::io_context io;
    const auto cat = [&io] {
        return brood::spawn_process(
            io,
            child("cat").in(piped).out(brood::devnull).kill_on_parent_death());
    };
    {
        auto first = cat();
        auto second = cat();
        EXPECT_EQ(thread_count(), before + 1);
        first.in().close();
        EXPECT_TRUE(wait_until([&] { return first.poll().has_value(); }));
        second.in().write("still there");
        EXPECT_EQ(thread_count(), before + 1);
        EXPECT_FALSE(second.poll().has_value());
        // The second is dropped, and collected by the reaper.
    }
    EXPECT_TRUE(wait_until([&] { return thread_count() == before; }));
    // A start that fails keeps nothing.
    EXPECT_TRUE(
        spawn_failure_of(exec("/no/such/program").kill_on_parent_death()));
    EXPECT_TRUE(wait_until([&] { return thread_count() == before; }));
}

TEST_F(attributes, many_threads_start_children_that_end_with_us)
{
    constexpr int each = 10;
    std::vector<std::thread> all;
    std::atomic<int> right = 0;
    for (int i = 0; i != 4; ++i)
        all.emplace_back([&right, i] {
            for (int n = 0; n != each; ++n) {
                const auto code = std::to_string(10 * i + n);
                if (outcome_of(child("exit", code).kill_on_parent_death())
                        .code == 10 * i + n)
                    ++right;
            }
        });
    for (auto& thread : all)
        thread.join();
    EXPECT_EQ(right, 4 * each);
}

TEST_F(attributes, a_copy_of_the_process_has_a_keeper_of_its_own)
{
    if (thread_sanitizer)
        GTEST_SKIP() << "it allows no thread in a copy of what has threads";
    asio::io_context io;
    auto outer =
        brood::spawn_process(io, child("cat").in(piped).kill_on_parent_death());
    BROOD_IN_A_COPY([] {
        require_equal(output_of(print_death_signal().kill_on_parent_death(2)),
                      "2\n");
        require_equal(output_of(print_death_signal().kill_on_parent_death()),
                      "9\n");
    });
    EXPECT_FALSE(outer.poll().has_value());
    outer.in().close();
    EXPECT_TRUE(wait_until([&] { return outer.poll().has_value(); }));
    EXPECT_EQ(outer.returncode(), 0);
}

TEST_F(attributes, without_a_thread_there_is_no_such_child)
{
    BROOD_IN_A_COPY([] {
        constexpr std::uint32_t clone_thread = 0x10000;  // linux/sched.h
        refuse({{SYS_clone3, ENOSYS}, {SYS_clone, EAGAIN, 0, clone_thread}});
        const auto what = child("exit", "6");
        const auto failed =
            spawn_failure_of(brood::command(what).kill_on_parent_death());
        require(failed.has_value(), "it was started");
        require(failed->step() == spawn_step::start);
        require_equal(failed->code(), system_error_code(EAGAIN));
        require_equal(outcome_of(what).code, 6);
    });
}

}  // namespace
