// spawn_errors.cpp: a child that cannot be started is a precise error, and
// leaves nothing behind.
#include "support/descriptors.hpp"
#include "support/outcome.hpp"
#include "support/process_test.hpp"
#include "support/refused_calls.hpp"

#include "os/posix/child_side.hpp"

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <cstring>
#include <map>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace {

using brood::awaitable;
using brood::command;
using brood::create_subprocess;
using brood::exec;
using brood::file;
using brood::file_mode;
using brood::from_fd;
using brood::piped;
using brood::piped_in;
using brood::shell;
using brood::spawn_error;
using brood::spawn_process;
using brood::spawn_step;
using brood::to_stdout;
using namespace brood_test;
namespace fs = std::filesystem;

class spawn_errors : public clean_test {
protected:
    fs::path make_file(const std::string& name, const std::string& content,
                       unsigned mode)
    {
        write_file(dir / name, content);
        fs::permissions(dir / name, static_cast<fs::perms>(mode));
        return dir / name;
    }

    temp_dir dir;
};

// What create_subprocess throws, which must be the same as spawn_process.
std::optional<spawn_error> awaited_failure_of(const command& what)
{
    std::optional<spawn_error> failure;
    const auto body = [&]() -> awaitable<void> {
        try {
            auto started = co_await create_subprocess(what);
        } catch (const spawn_error& error) {
            failure.emplace(error);
        }
    };
    brood::run(body());
    return failure;
}

// Starting `what`, as it is and with pipes, fails exactly so.
void expect_failure(const command& what, spawn_step step, int error,
                    const std::string& path,
                    const std::string& interpreter = {})
{
    auto with_pipes = what;
    with_pipes.in(piped).out(piped).err(piped);
    for (const auto& failure :
         {spawn_failure_of(what), spawn_failure_of(with_pipes),
          awaited_failure_of(what)}) {
        ASSERT_TRUE(failure.has_value()) << what;
        EXPECT_EQ(failure->step(), step);
        EXPECT_EQ(failure->code(), system_error_code(error));
        EXPECT_EQ(failure->path(), path);
        EXPECT_EQ(failure->interpreter(), interpreter);
        const std::string text = failure->what();
        EXPECT_NE(text.find(std::strerror(error)), std::string::npos) << text;
        EXPECT_NE(text.find(brood::shlex::quote(path)), std::string::npos)
            << text;
        EXPECT_NE(text.find(interpreter), std::string::npos) << text;
    }
}

TEST_F(spawn_errors, a_missing_program_is_named)
{
    const auto missing = (dir / "none").string();
    for (const auto& program :
         {std::string("no-such-program"), missing, missing + "/deeper",
          std::string("./no-such-program"), std::string("no/such/program"),
          std::string("a blank and 'quotes'")})
        for (auto what : {exec(program), exec(program, "with", "arguments"),
                          child("exit", "0").executable(program),
                          shell("exit 0").executable(program)})
            // A directory of the path that this user may not search would
            // be the better answer.
            expect_failure(what.env("PATH", "/bin:/none"), spawn_step::exec,
                           ENOENT, program);
    EXPECT_EQ(spawn_failure_of(exec(missing))->code(),
              std::errc::no_such_file_or_directory);
    // A shell is there, so what it cannot find is no spawn error.
    const auto ended = outcome_of(shell("no-such-program").err(piped));
    EXPECT_EQ(ended.code, 127);
    EXPECT_NE(ended.err.find("no-such-program"), std::string::npos);
    EXPECT_EQ(outcome_of(shell("")).code, 0);
}

TEST_F(spawn_errors, a_missing_directory_is_named)
{
    const auto program = child("exit", "0");
    const auto missing = (dir / "none").string();
    const auto plain = make_file("file", "", 0644).string();
    expect_failure(command(program).cwd(missing), spawn_step::chdir, ENOENT,
                   missing);
    expect_failure(command(program).cwd("no-such-directory"), spawn_step::chdir,
                   ENOENT, "no-such-directory");
    expect_failure(command(program).cwd(plain), spawn_step::chdir, ENOTDIR,
                   plain);
    // The directory is what fails first; a good one is not blamed.
    expect_failure(exec("/none/program").cwd(missing), spawn_step::chdir,
                   ENOENT, missing);
    expect_failure(exec("/none/program").cwd(dir.path()), spawn_step::exec,
                   ENOENT, "/none/program");
    expect_failure(exec("./program").cwd(dir.path()), spawn_step::exec, ENOENT,
                   "./program");
    BROOD_IN_A_COPY([&] {
        const auto locked = dir / "locked";
        fs::create_directory(locked);
        fs::permissions(locked, fs::perms{0});
        fs::permissions(dir.path(), fs::perms{0755});
        if (::geteuid() == 0)
            must(::setresuid(65534, 65534, 65534));
        const auto failed = spawn_failure_of(shell(":").cwd(locked)).value();
        require(failed.step() == spawn_step::chdir);
        require_equal(failed.code().value(), EACCES);
        require_equal(failed.path(), locked.string());
    });
}

TEST_F(spawn_errors, a_missing_interpreter_is_told_apart)
{
    const auto script =
        make_file("script", "#! /none/interpreter -x\nexit 0\n", 0755);
    expect_failure(exec(script), spawn_step::exec, ENOENT, script.string(),
                   "/none/interpreter");
    expect_failure(exec("./script").cwd(dir.path()), spawn_step::exec, ENOENT,
                   "./script", "/none/interpreter");
    expect_failure(exec("script").env("PATH", "/none:" + dir.path().string()),
                   spawn_step::exec, ENOENT, "script", "/none/interpreter");
    const auto good = make_file("good", "#!/bin/sh\nexit 3\n", 0755);
    EXPECT_EQ(outcome_of(exec(good)).code, 3);
}

TEST_F(spawn_errors, a_file_that_is_no_program_is_not_given_to_a_shell)
{
    const auto marker = dir / "ran";
    const auto script =
        make_file("script", ": > " + marker.string() + "\n", 0755);
    expect_failure(exec(script), spawn_step::exec, ENOEXEC, script.string());
    expect_failure(exec("script").env("PATH", dir.path().string()),
                   spawn_step::exec, ENOEXEC, "script");
    const auto empty = make_file("empty", "", 0755);
    expect_failure(exec(empty), spawn_step::exec, ENOEXEC, empty.string());
    EXPECT_FALSE(fs::exists(marker));
}

TEST_F(spawn_errors, a_program_that_may_not_run_is_named)
{
    const auto plain = make_file("file", "#!/bin/sh\n", 0644).string();
    const auto here = dir.path().string();
    expect_failure(exec(plain), spawn_step::exec, EACCES, plain);
    expect_failure(exec(here), spawn_step::exec, EACCES, here);
    expect_failure(exec(plain + "/x"), spawn_step::exec, ENOENT, plain + "/x");
    expect_failure(exec("file").env("PATH", here + ":/none"), spawn_step::exec,
                   EACCES, "file");
    expect_failure(exec("x").executable(plain), spawn_step::exec, EACCES,
                   plain);
    EXPECT_EQ(spawn_failure_of(exec(plain))->code(),
              std::errc::permission_denied);
}

TEST_F(spawn_errors, an_argument_list_too_long_is_named)
{
    // One argument of more than 32 pages: MAX_ARG_STRLEN of execve(2).
    const std::string huge(
        static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) * 32, 'x');
    expect_failure(child("echo", huge), spawn_step::exec, E2BIG, child_path());
    expect_failure(child("echo").env("A", huge), spawn_step::exec, E2BIG,
                   child_path());
}

TEST_F(spawn_errors, invalid_commands_start_nothing)
{
    const auto marker = dir / "started";
    const auto start = shell(": > " + marker.string());
    const auto with = [&start](auto set) {
        auto what = start;
        set(what);
        return what;
    };
    const std::string nul("a\0b", 3);
    const std::vector<command> refused{
        exec(std::vector<std::string>{}),
        exec(""),
        exec(nul),
        exec(std::string(1, '\0')),
        exec("touch", marker, nul),
        shell(": > " + marker.string() + nul),
        with([&](auto& c) { c.cwd(nul); }),
        with([&](auto& c) { c.cwd(""); }),
        with([&](auto& c) { c.executable(nul); }),
        with([&](auto& c) { c.executable(""); }),
        with([&](auto& c) { c.env(nul, "x"); }),
        with([&](auto& c) { c.env("A", nul); }),
        with([&](auto& c) { c.env("A=B", "x"); }),
        with([&](auto& c) { c.env("", "x"); }),
        with([&](auto& c) { c.in(file("")); }),
        with([&](auto& c) { c.out(file(nul)); }),
        with([&](auto& c) { c.in(from_fd(-1)); }),
        with([&](auto& c) { c.out(from_fd(-2)); }),
        with([&](auto& c) { c.err(from_fd(-100)); }),
        with([&](auto& c) { c.child_fd(5, from_fd(-1)); }),
        with([&](auto& c) { c.child_fd(-1, piped_in); }),
        with([&](auto& c) { c.child_fd(2, piped_in); }),
        with([&](auto& c) { c.pass_fd(-1); }),
        with([&](auto& c) { c.pass_fd(2); }),
        with([&](auto& c) { c.child_fd(5, piped_in).child_fd(5, piped_in); }),
        with([&](auto& c) { c.child_fd(5, piped_in).pass_fd(5); }),
        with([&](auto& c) { c.limit(0); }),
        with([&](auto& c) { c.pipe_size(0); }),
        with([&](auto& c) { c.drain(std::chrono::nanoseconds(-1)); }),
        with([&](auto& c) { c.process_group(-1); }),
    };
    for (std::size_t i = 0; i != refused.size(); ++i) {
        const auto why = refusal_of(refused[i]);
        EXPECT_TRUE(why.has_value()) << "number " << i;
        EXPECT_TRUE(why.value_or("").starts_with("brood: ")) << *why;
    }
    EXPECT_FALSE(fs::exists(marker));
}

TEST_F(spawn_errors, a_closed_descriptor_is_named)
{
    const auto marker = dir / "started";
    const auto start = shell(": > " + marker.string());
    constexpr int gone = 321;
    ASSERT_EQ(::fcntl(gone, F_GETFD), -1);
    const auto number = "(" + std::to_string(gone) + ")";
    const auto nowhere = from_fd(gone);
    expect_failure(command(start).pass_fd(gone), spawn_step::open, EBADF,
                   "pass_fd" + number);
    expect_failure(command(start).child_fd(gone + 1, nowhere), spawn_step::open,
                   EBADF, "from_fd" + number);
    for (const auto& what :
         {command(start).in(nowhere), command(start).out(nowhere),
          command(start).err(nowhere)}) {
        const auto failure = spawn_failure_of(what);
        ASSERT_TRUE(failure.has_value());
        EXPECT_EQ(failure->step(), spawn_step::open);
        EXPECT_EQ(failure->code(), system_error_code(EBADF));
        EXPECT_EQ(failure->path(), "from_fd" + number);
    }
    EXPECT_FALSE(fs::exists(marker));
}

TEST_F(spawn_errors, a_closed_descriptor_is_not_taken_for_a_pipe_of_ours)
{
    asio::io_context io;
    asio::steady_timer timer(io, std::chrono::seconds(0));
    timer.wait();
    const auto cat = child("cat").in(piped).out(piped).err(piped);
    // The numbers that the pipes of this very command get.
    const int lowest = open_file("/dev/null", O_RDONLY);
    for (int number = lowest; number != lowest + 6; ++number) {
        if (::fcntl(number, F_GETFD) != -1)
            continue;
        for (const auto& what :
             {command(cat).pass_fd(number), command(cat).err(from_fd(number)),
              command(cat).child_fd(400, from_fd(number))})
            EXPECT_THROW(static_cast<void>(spawn_process(io, what)),
                         spawn_error);
    }
}

TEST_F(spawn_errors, conflicting_settings_start_nothing)
{
    const auto marker = dir / "started";
    const auto start = shell(": > " + marker.string());
    const auto path = (dir / "file").string();
    for (const auto& what : {
             command(start).in(to_stdout),
             command(start).out(to_stdout),
             command(start).child_fd(5, to_stdout),
             command(start).new_session().process_group(),
             command(start).process_group(1).new_session(),
             command(start).in(piped_in),
             command(start).out(brood::piped_out),
             command(start).child_fd(5, piped),
             command(start).child_fd(5, brood::inherit),
             command(start).child_fd(5, file(path)),
             command(start).in(file(path, file_mode::append)),
             command(start).in(file(path, file_mode::truncate)),
             command(start).out(file(path, file_mode::read)),
         })
        EXPECT_TRUE(refusal_of(what).has_value()) << what;
    EXPECT_FALSE(fs::exists(marker));
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(spawn_errors, to_stdout_needs_an_open_stdout)
{
    BROOD_IN_A_COPY([] {
        must(::close(1));
        // Also when a descriptor of the loop has taken the number meanwhile.
        for (const bool taken : {false, true}) {
            std::optional<test_fd> loops;
            if (taken)
                loops.emplace(open_file("/dev/null", O_RDWR));
            const auto failed =
                spawn_failure_of(child("exit", "0").err(to_stdout)).value();
            require(failed.step() == spawn_step::open);
            require_equal(failed.code().value(), EBADF);
        }
    });
}

TEST_F(spawn_errors, leave_nothing_behind)
{
    const auto good = child("exit", "0").in(piped).out(piped).err(piped);
    const std::vector<command> failing{
        command(good).executable("/none"),
        command(good).cwd("/none"),
        command(good).child_fd(5, file("/none/file", file_mode::read)),
        command(good).pass_fd(9999),
    };
    asio::io_context io;
    asio::steady_timer timer(io, std::chrono::seconds(0));
    timer.wait();
    const auto before = open_descriptors();
    // A fork of a process with the sanitizer's memory takes its time.
    const int times = address_sanitizer ? 128 : 1024;
    for (int i = 0; i != times; ++i) {
        const auto& what = failing[static_cast<std::size_t>(i) % 4];
        EXPECT_THROW(static_cast<void>(spawn_process(io, what)), spawn_error);
    }
    // At once, without the loop having run.
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(children().empty());
    auto p = spawn_process(io, good);
    EXPECT_EQ(wait_on(io, p), 0);
}

TEST_F(spawn_errors, lose_no_exit_of_other_children)
{
    asio::io_context io;
    auto good = spawn_process(io, ends_when_told());
    std::optional<int> code;
    good.async_wait([&code](brood::error_code, int got) { code = got; });
    for (int i = 0; i != 100; ++i) {
        if (i == 50)
            good.in().close();
        EXPECT_THROW(static_cast<void>(spawn_process(
                         io, exec("/none").in(piped).process_group())),
                     spawn_error);
    }
    io.run();
    EXPECT_EQ(code, 5);
}

// Takes every descriptor that there is to have.
class no_descriptors {
public:
    explicit no_descriptors(std::size_t but)
    {
        // A low limit, so that there are few to take.
        rlimit limit{};
        must(::getrlimit(RLIMIT_NOFILE, &limit));
        before_ = limit;
        limit.rlim_cur = 64;
        must(::setrlimit(RLIMIT_NOFILE, &limit));
        for (int fd = 0; (fd = ::dup(0)) >= 0;)
            taken_.push_back(fd);
        while (but-- != 0) {
            ::close(taken_.back());
            taken_.pop_back();
        }
    }
    ~no_descriptors()
    {
        for (const int fd : taken_)
            ::close(fd);
        ::setrlimit(RLIMIT_NOFILE, &before_);
    }
    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;

private:
    rlimit before_{};
    std::vector<int> taken_;
};

// True when the child could be started and had its say.
bool talks(asio::io_context& io, const command& what)
{
    std::optional<brood::process> p;
    try {
        p.emplace(spawn_process(io, what));
    } catch (const spawn_error& error) {
        require_equal(error.code().value(), EMFILE);
        require(error.step() == spawn_step::pipe ||
                error.step() == spawn_step::open);
        require_equal(error.path(),
                      error.step() == spawn_step::open ? "/dev/null" : "");
        return false;
    }
    std::string said;
    asio::co_spawn(io, p->communicate("in"),
                   [&said](std::exception_ptr failure, brood::output all) {
                       require(!failure, "communicate failed");
                       said = all.out + all.err;
                   });
    io.restart();
    io.run();
    require_equal(said, "in");
    require_equal(p->returncode(), std::optional(0));
    return true;
}

TEST_F(spawn_errors, running_out_of_descriptors_leaks_nothing)
{
    if (address_sanitizer)
        GTEST_SKIP() << "sanitizers need descriptors of their own";
    const auto piped_child =
        child("cat").in(piped).out(piped).err(brood::devnull);
    BROOD_IN_A_COPY([&] {
        asio::io_context io;
        require(talks(io, piped_child));
        const leak_check before;
        int worked = 0;
        for (std::size_t free = 0; worked < 3; ++free) {
            require(free < 30, "never enough");
            bool went_well = false;
            {
                const no_descriptors none(free);
                went_well = talks(io, piped_child);
                // At the very edge, again and again.
                for (int i = 0; went_well && worked == 0 && i != 15; ++i)
                    require(talks(io, piped_child));
            }
            require(went_well || worked == 0, "worked with less");
            worked += went_well;
            require_clean(before);
        }
    });
}

#if defined(SECCOMP_RET_USER_NOTIF) && defined(SECCOMP_FILTER_FLAG_NEW_LISTENER)

// Holds every execve of this process and its children back, and tells of it.
int hold_execve_back()
{
    sock_filter program[] = {
        refused_calls_detail::load(offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog filter{4, program};
    must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    const long listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                    SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
    if (listener < 0)
        throw cannot_be_tested("nobody may be told of a system call");
    return static_cast<int>(listener);
}

// Where the child `pid` has what is not in `before`: its report's pipe.
int open_report_of(int pid, const descriptor_table& before)
{
    for (const auto& [number, link] : open_descriptors()) {
        if (before.contains(number) || !link.starts_with("pipe:"))
            continue;
        const auto folder = fs::path("/proc") / std::to_string(pid) / "fd";
        for (const auto& entry : fs::directory_iterator(folder)) {
            std::error_code ignored;
            if (fs::read_symlink(entry.path(), ignored) == link)
                return must(::open(entry.path().c_str(), O_WRONLY | O_CLOEXEC));
        }
    }
    throw requirement_failed("the child has no pipe to report on",
                             std::source_location::current());
}

// Answers one execve for a child that writes `damage` before it fails.
void damage_one_report(int listener, const descriptor_table& before,
                       const std::string& damage)
{
    seccomp_notif call{};
    must(::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call));
    const test_fd report(open_report_of(static_cast<int>(call.pid), before));
    must(static_cast<int>(::write(report, damage.data(), damage.size())));
    // Not before the parent has read this, so that no other bytes follow it.
    require(wait_until([&report] {
        int unread = -1;
        return ::ioctl(report, FIONREAD, &unread) == 0 && unread == 0;
    }));
    seccomp_notif_resp answer{};
    answer.id = call.id;
    answer.error = -ENOENT;
    // Fails when the child has been killed meanwhile, as it should be.
    ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

void reports_damage(const std::string& damage)
{
    // Only a child with memory of its own reports through a pipe.
    refuse({{SYS_clone3, ENOSYS}, refused_vfork(ENOSYS)});
    require(spawn_failure_of(exec("/none")).has_value());
    require(thread_sanitizer ||
            brood::os::current_engine() == brood::os::spawn_engine::fork);
    const test_fd listener(hold_execve_back());
    const leak_check before;
    {
        asio::io_context io;
        asio::steady_timer timer(io, std::chrono::seconds(0));
        timer.wait();
        std::exception_ptr failure;
        std::thread supervisor([&, table = open_descriptors()] {
            try {
                damage_one_report(listener, table, damage);
            } catch (...) {
                failure = std::current_exception();
            }
        });
        std::optional<spawn_error> error;
        try {
            auto p = spawn_process(io, child("exit", "0"));
        } catch (const spawn_error& caught) {
            error.emplace(caught);
        }
        require(error.has_value(), "a child that reports is none that runs");
        require(error->step() == spawn_step::none, "a step was made up");
        require(error->code().value() != 0);
        require(std::string(error->what()).find(child_path()) !=
                std::string::npos);
        require(children().empty(), "the child was not collected");
        supervisor.join();
        if (failure)
            std::rethrow_exception(failure);
    }
    require_clean(before);
}

TEST_F(spawn_errors, a_damaged_report_is_still_an_error)
{
    brood::os::child_report unknown_step;
    unknown_step.step = static_cast<spawn_step>(99);
    unknown_step.error = ENOENT;
    brood::os::child_report no_error;
    no_error.step = spawn_step::exec;
    const auto bytes_of = [](const brood::os::child_report& report) {
        return std::string(reinterpret_cast<const char*>(&report),
                           sizeof report);
    };
    for (const auto& damage :
         {std::string("abc"), bytes_of(unknown_step), bytes_of(no_error)})
        BROOD_IN_A_COPY([&damage] { reports_damage(damage); });
}

#endif

}  // namespace
