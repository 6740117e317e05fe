// faults.cpp: whichever system call fails, nothing is left behind.
//
// The faults are counted for the whole process, so the tests here have one
// thread. With shared memory the child's calls are counted with ours; a child
// with a copy of our memory counts on its own, from where we were.
#include "support/async_test.hpp"
#include "support/descriptors.hpp"
#include "support/few_descriptors.hpp"
#include "support/fixture.hpp"
#include "support/in_a_copy.hpp"

#include "core/command_data.hpp"
#include "os/posix/system_call.hpp"
#include "os/setting.hpp"
#include "os/spawn.hpp"

#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(use_future.hpp)

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace brood;
using namespace brood_test;
using os::fault_injection;

using faults = clean_test;

// Lets `calls` system calls through and makes the next one fail.
class armed {
public:
    armed(long calls, int error) { fault_injection::arm(calls, error); }
    ~armed() { fault_injection::disarm(); }
    armed(const armed&) = delete;
    armed& operator=(const armed&) = delete;
};

// The number of a descriptor to pass on, away from those that a loop has.
constexpr int passed = 50;

test_fd open_passed()
{
    const test_fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return test_fd(::fcntl(null, F_DUPFD_CLOEXEC, passed));
}

// One that we may run on.
int own_processor()
{
    return ::sched_getcpu();
}

// Commands that use everything there is between them; each exits with 7 if it
// found everything as it was asked for. `passed` has to be open then.
std::vector<command> commands_with_everything(const temp_dir& dir)
{
    write_file(dir / "input", "input\n");
    const std::string found =
        "test . -ef \"$WHERE\" && test \"$A\" = b && test -z \"$HOME\" && "
        "test $(umask) = 0027 && ";
    const auto set_up = [&dir](command what) {
        what.cwd(dir.path()).env("WHERE", dir.path()).env("A", "b");
        what.unset_env("HOME").umask(027);
        return what;
    };
    std::vector<command> all;
    all.push_back(
        set_up(shell(found + "read line <&3 && test \"$line\" = input && "
                             "echo 4 >&4 && echo 5 >&5 && exit 7")
                   .in(piped)
                   .out(piped)
                   .err(piped)
                   .child_fd(3, file(dir / "input", file_mode::read))
                   .child_fd(4, file(dir / "log", file_mode::append))
                   .child_fd(5, piped_out)
                   .pipe_size(8192)
                   .new_session()));
    // Sources that have to be moved out of the way first.
    all.push_back(
        set_up(shell(found + "read line && test \"$line\" = input && echo 1 && "
                             "echo 2 >&2 && : >&3 && exit 7")
                   .in(file(dir / "input"))
                   .out(file(dir / "output", file_mode::truncate))
                   .err(to_stdout)
                   .child_fd(3, from_fd(2))
                   .child_fd(4, from_fd(0))
                   .child_fd(6, devnull)
                   .pass_fd(passed)
                   .process_group()));
    // A program that is not in the first directory of PATH.
    const std::filesystem::path program = child_path();
    all.push_back(
        exec(program.filename(), "exit", "7")
            .in(devnull)
            .out(devnull)
            .env("PATH", "/nonexistent:" + program.parent_path().string()));
    // What a child is given besides.
    all.push_back(shell("test $(ulimit -n) = 70 && exit 7")
                      .in(devnull)
                      .rlimit(limit_kind::core, 0)
                      .rlimit(limit_kind::open_files, 70)
                      .nice(1)
                      .affinity({own_processor()})
                      .no_new_privileges()
                      .signal_mask({SIGUSR1})
                      .keep_ignored(SIGHUP)
                      .kill_on_parent_death());
    const auto screen = pty(30, 90).echo(false);
    all.push_back(shell("test \"$(stty size)\" = '30 90' && test -t 1 && "
                        "test -t 2 && exit 7")
                      .in(screen)
                      .out(screen)
                      .err(screen));
    if (::geteuid() == 0)
        all.push_back(set_up(shell(found + "exit 7")
                                 .user(std::int64_t{0})
                                 .group(std::int64_t{0})
                                 .extra_groups({})));
    return all;
}

bool has_children()
{
    siginfo_t info;
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ||
           errno != ECHILD;
}

// The returncode of a child once it has ended.
int wait_on(asio::io_context& io, process& p)
{
    auto code = p.async_wait(asio::use_future);
    io.restart();
    io.run();
    return code.get();
}

// What came of one start with a fault.
struct attempt {
    std::optional<spawn_error> failure;
    int returncode = -1;
    bool injected = false;
};

attempt start_with_fault(asio::io_context& io, const command& what, long calls,
                         int error)
{
    attempt made;
    std::optional<process> p;
    try {
        const armed fault(calls, error);
        p.emplace(spawn_process(io, what));
    } catch (const spawn_error& failure) {
        made.failure.emplace(failure);
    }
    made.injected = fault_injection::injected != 0;
    if (p)
        made.returncode = wait_on(io, *p);
    return made;
}

// The error that was injected, with a step. Or, where it was the child's
// report that could not be read, that nothing is known.
bool is_precise(const spawn_error& failure, int error)
{
    return failure.step() == spawn_step::none ? failure.code().value() == EPROTO
                                              : failure.code().value() == error;
}

// Threads that wait for a child end on their own.
bool has_threads(std::size_t count)
{
    return wait_until([count] { return thread_count() == count; });
}

}  // namespace

TEST_F(faults, whichever_call_of_a_start_fails_nothing_is_left)
{
    const temp_dir dir;
    const auto threads_before = thread_count();
    asio::io_context io;
    // Makes the loop's own descriptors.
    auto first = spawn_process(io, child("exit", "0"));
    EXPECT_EQ(wait_on(io, first), 0);
    const auto kept_open = open_passed();
    const auto before = open_descriptors();

    for (const auto& what : commands_with_everything(dir)) {
        // A child that counts on its own may make some calls whose failure
        // it can do without.
        const bool copies = os::current_engine() != os::spawn_engine::clone ||
                            what.data().user.has_value();
        const int enough = copies ? 30 : 1;
        for (const int error :
             {EMFILE, ENFILE, ENOMEM, EAGAIN, EINTR, EIO, EACCES}) {
            int quiet = 0;
            int failures = 0;
            for (long calls = 0; quiet != enough; ++calls) {
                SCOPED_TRACE(to_string(what) + ": call " +
                             std::to_string(calls) + " fails with " +
                             std::to_string(error));
                const auto made = start_with_fault(io, what, calls, error);
                if (made.failure) {
                    ++failures;
                    EXPECT_TRUE(is_precise(*made.failure, error))
                        << made.failure->what();
                    EXPECT_TRUE(std::string(made.failure->what())
                                    .starts_with("cannot start"))
                        << made.failure->what();
                } else {
                    EXPECT_EQ(made.returncode, 7);
                }
                EXPECT_FALSE(has_children());
                EXPECT_EQ(open_descriptors(), before);
                EXPECT_TRUE(has_threads(threads_before));
                if (HasFailure())
                    return;
                quiet = made.injected || made.failure ? 0 : quiet + 1;
                ASSERT_LT(calls, 1000);
            }
            EXPECT_GT(failures, 4);
        }
    }
}

TEST_F(faults, each_step_of_a_start_is_named)
{
    const temp_dir dir;
    asio::io_context io;
    const auto kept_open = open_passed();
    std::map<spawn_step, int> seen;
    for (const auto& what : commands_with_everything(dir)) {
        // One more call than the longest start makes.
        for (long calls = 0; calls != 100; ++calls) {
            const auto made = start_with_fault(io, what, calls, EIO);
            if (made.failure)
                ++seen[made.failure->step()];
        }
    }
    for (const auto step :
         {spawn_step::open, spawn_step::pipe, spawn_step::start,
          spawn_step::dup2, spawn_step::chdir, spawn_step::setsid,
          spawn_step::setpgid, spawn_step::terminal, spawn_step::rlimit,
          spawn_step::nice, spawn_step::affinity, spawn_step::privileges,
          spawn_step::parent_death, spawn_step::exec}) {
        EXPECT_GT(seen[step], 0) << to_string(step);
    }
    if (::geteuid() == 0) {
        EXPECT_EQ(seen[spawn_step::setgroups], 1);
        EXPECT_EQ(seen[spawn_step::setgid], 1);
        EXPECT_EQ(seen[spawn_step::setuid], 1);
    }
}

namespace {

// A number that copies of this process share.
class shared_counter {
public:
    shared_counter()
        : place_(::mmap(nullptr, sizeof(std::atomic<int>),
                        PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                        0)),
          value_(new(place_) std::atomic<int>(0))
    {
    }
    ~shared_counter() { ::munmap(place_, sizeof *value_); }
    shared_counter(const shared_counter&) = delete;
    shared_counter& operator=(const shared_counter&) = delete;

    std::atomic<int>& operator*() { return *value_; }

private:
    void* place_;
    std::atomic<int>* value_;
};

}  // namespace

// An engine that the system refuses is not tried again: for good, so each
// case needs a process of its own.
TEST_F(faults, a_refused_engine_is_replaced_by_the_next)
{
    const temp_dir dir;
    const auto everything = commands_with_everything(dir);
    for (const int error : {EPERM, ENOSYS, EINVAL}) {
        shared_counter replaced;
        shared_counter failed;
        bool more = true;
        for (long calls = 0; more; ++calls) {
            shared_counter injected;
            BROOD_IN_A_COPY([&] {
                asio::io_context io;
                const auto kept_open = open_passed();
                for (const auto& what : everything) {
                    const auto engine = os::current_engine();
                    auto made = start_with_fault(io, what, calls, error);
                    if (made.injected)
                        ++*injected;
                    if (os::current_engine() != engine) {
                        // The same start has gone on with the next one.
                        ++*replaced;
                        require(!made.failure);
                    }
                    if (made.failure) {
                        ++*failed;
                        require(is_precise(*made.failure, error));
                    } else {
                        require_equal(made.returncode, 7);
                    }
                    // Not armed: whatever was given up, the rest will do.
                    auto p = spawn_process(io, what);
                    require_equal(wait_on(io, p), 7);
                }
                require(!has_children());
            });
            more = *injected != 0;
            ASSERT_LT(calls, 1000);
        }
        EXPECT_GT(*failed, 0);
        // EINVAL is first taken for a kernel without pidfds at birth.
        if (os::current_engine() != os::spawn_engine::fork && error != EINVAL) {
            EXPECT_GT(*replaced, 0);
        }
    }
}

// ------------------------------------------------------ real exhaustion

namespace {

// Runs a child with three pipes; false if there was no room for it.
bool runs_a_child(asio::io_context& io)
{
    try {
        auto p =
            spawn_process(io, child("cat").in(piped).out(piped).err(piped));
        auto done =
            asio::co_spawn(io, p.communicate("bytes"), asio::use_future);
        io.restart();
        io.run();
        require_equal(done.get().out, "bytes");
        require_equal(p.returncode().value(), 0);
        return true;
    } catch (const spawn_error& error) {
        require_equal(error.code().value(), EMFILE);
        require(error.step() == spawn_step::pipe ||
                    error.step() == spawn_step::start,
                error.what());
        return false;
    }
}

}  // namespace

TEST_F(faults, running_out_of_descriptors_is_a_clean_error)
{
    for (const bool loop_is_new : {false, true}) {
        shared_counter successes;
        for (int free = 0; free <= 16; ++free) {
            BROOD_IN_A_COPY([&] {
                const leak_check before;
                std::optional<asio::io_context> io;
                if (!loop_is_new) {
                    io.emplace();
                    require(runs_a_child(*io));
                }
                const auto table = open_descriptors();
                for (int again = 0; again < 3; ++again) {
                    const few_descriptors few(free);
                    if (loop_is_new)
                        io.emplace();
                    if (runs_a_child(*io))
                        ++*successes;
                    if (loop_is_new)
                        io.reset();
                }
                require_equal(open_descriptors(), table);
                // And with room again, it works again.
                if (loop_is_new)
                    io.emplace();
                require(runs_a_child(*io));
                io.reset();
                require_clean(before);
            });
        }
        // Three pipes need six descriptors, a new loop some more. Neither
        // always fails nor always succeeds.
        EXPECT_GT(*successes, 3 * 3);
        EXPECT_LE(*successes, 3 * 11);
    }
}

// --------------------------------------------------------------- writing

TEST_F(faults, a_write_that_fails_is_reported_or_repeated)
{
    if (os::setting("BROOD_WRITE") == "block")
        GTEST_SKIP() << "the first call of a write is not the write";
    auto main = []() -> awaitable<void> {
        auto cat =
            co_await create_subprocess(child("cat").in(piped).out(piped));
        const auto write = [&cat](int error) {
            const armed fault(0, error);
            return cat.in().write("x");
        };
        EXPECT_TRUE(write(EINTR));
        EXPECT_EQ(co_await cat.out().readexactly(1), "x");
        // No room now: the loop sends it later.
        EXPECT_TRUE(write(EAGAIN));
        EXPECT_EQ(co_await cat.out().readexactly(1), "x");
        EXPECT_FALSE(write(EIO));
        EXPECT_EQ((co_await error_of(cat.in().drain())).value(), EIO);
        EXPECT_EQ((co_await error_of(cat.in().wait_closed())).value(), EIO);
        // The child sees the end of its input.
        EXPECT_EQ(co_await cat.wait(), 0);
    };
    run_bounded(main());
}

// A kernel that does not know how to write without a signal is not asked
// again, so each case needs a process of its own.
TEST_F(faults, a_kernel_without_quiet_writes_is_written_to_the_older_way)
{
    for (const int error : {EOPNOTSUPP, ENOSYS, EINVAL}) {
        BROOD_IN_A_COPY([error] {
            asio::io_context io;
            auto p = spawn_process(io, child("cat").in(piped).out(piped));
            {
                const armed fault(0, error);
                require(p.in().write("one"));
            }
            require(p.in().write("two"));
            p.in().close();
            auto got = asio::co_spawn(io, p.out().read(), asio::use_future);
            io.run();
            require_equal(got.get(), "onetwo");
            require_equal(wait_on(io, p), 0);

            // Nobody reads any more: an error, and no signal.
            auto deaf = spawn_process(io, child("exit", "0").in(piped));
            require_equal(wait_on(io, deaf), 0);
            require(!deaf.in().write("lost"));
            require(deaf.in().is_closing());
        });
    }
}
