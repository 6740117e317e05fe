// identity.cpp: who a child is: session, group, user, umask, signal state.
#include "support/outcome.hpp"
#include "support/refused_calls.hpp"

#include "os/spawn.hpp"

#include <brood/brood.hpp>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>

namespace {

using brood::awaitable;
using brood::create_subprocess;
using brood::devnull;
using brood::piped;
using brood::shell;
using brood::spawn_step;
using namespace brood_test;
namespace fs = std::filesystem;

// Somebody who is not root: what POSIX systems have for nobody.
constexpr uid_t stranger = 65534;

class identity : public clean_test {
protected:
    // brood-child where any user can run it, whoever built it and where.
    std::string public_child()
    {
        const auto path = dir / "brood-child";
        if (!fs::exists(path)) {
            fs::copy_file(child_path(), path);
            fs::permissions(path, fs::perms{0755});
            fs::permissions(dir.path(), fs::perms{0755});
        }
        return path.string();
    }
    brood::command print_ids()
    {
        return brood::exec(public_child(), "print-ids");
    }

    temp_dir dir;
};

bool is_root()
{
    return ::geteuid() == 0;
}

// One number of the lines that print-session prints.
int field(const std::string& lines, const std::string& name)
{
    const auto at = lines.find(name + " ");
    return at == lines.npos ? -1
                            : std::stoi(lines.substr(at + name.size() + 1));
}

TEST_F(identity, a_new_session_is_led_by_the_child)
{
    const auto seen = output_of(child("print-session").new_session());
    EXPECT_GT(field(seen, "\npgid"), 0);
    EXPECT_EQ(field(seen, "pid"), field(seen, "\npgid"));
    EXPECT_EQ(field(seen, "pid"), field(seen, "\nsid"));
    EXPECT_EQ(field(seen, "\nppid"), ::getpid());
    EXPECT_NE(field(seen, "\nsid"), ::getsid(0));
    EXPECT_EQ(outcome_of(child("exit", "8").new_session()).code, 8);

    const auto same = output_of(child("print-session"));
    EXPECT_EQ(field(same, "\nsid"), ::getsid(0));
    EXPECT_EQ(field(same, "\npgid"), ::getpgid(0));
}

TEST_F(identity, a_process_group_is_led_or_joined)
{
    const auto seen = output_of(child("print-session").process_group());
    EXPECT_EQ(field(seen, "pid"), field(seen, "\npgid"));
    EXPECT_EQ(field(seen, "\nsid"), ::getsid(0));
    run_test([]() -> awaitable<void> {
        auto leader = co_await create_subprocess(
            child("cat").process_group().in(piped).out(devnull));
        auto member = co_await create_subprocess(
            child("print-session").process_group(leader.pid()).out(piped));
        EXPECT_EQ(field(co_await member.out().read(), "\npgid"), leader.pid());
        EXPECT_EQ(co_await member.wait(), 0);

        // A group of another session cannot be joined.
        auto other = co_await create_subprocess(
            child("cat").new_session().in(piped).out(devnull));
        const auto failed =
            spawn_failure_of(child("exit", "0").process_group(other.pid()));
        EXPECT_TRUE(failed.has_value());
        if (failed) {
            EXPECT_EQ(failed->step(), spawn_step::setpgid);
            EXPECT_EQ(failed->code(), system_error_code(EPERM));
        }
    });
}

std::string ids(uid_t user, gid_t group, std::vector<gid_t> groups)
{
    std::sort(groups.begin(), groups.end());
    const auto u = std::to_string(user);
    const auto g = std::to_string(group);
    std::string text =
        "uid " + u + "\neuid " + u + "\ngid " + g + "\negid " + g + "\ngroups";
    for (const auto each : groups)
        text += " " + std::to_string(each);
    return text + "\n";
}

std::vector<gid_t> groups_of(const passwd& user)
{
    std::vector<gid_t> groups(100);
    int count = 100;
    ::getgrouplist(user.pw_name, user.pw_gid, groups.data(), &count);
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

TEST_F(identity, user_and_group_are_set)
{
    if (!is_root())
        GTEST_SKIP() << "only root may become somebody else";
    const passwd* const found = ::getpwuid(stranger);
    if (!found)
        GTEST_SKIP() << "no user with the id " << stranger;
    const passwd user = *found;
    const group* const own = ::getgrgid(user.pw_gid);
    const auto what = print_ids();
    BROOD_IN_A_COPY([&] {
        // A group of the parent's that must not come along.
        const gid_t extra = 54321;
        must(::setgroups(1, &extra));
        const auto all = ids(user.pw_uid, user.pw_gid, groups_of(user));
        require_equal(output_of(brood::command(what).user(stranger)), all);
        require_equal(output_of(brood::command(what).user(user.pw_name)), all);
        require_equal(
            output_of(brood::command(what).user(stranger).group(1234)),
            ids(user.pw_uid, 1234, groups_of(user)));
        // A group alone leaves the rest.
        require_equal(output_of(brood::command(what).group(1234)),
                      ids(0, 1234, {extra}));
        if (own)
            require_equal(output_of(brood::command(what).group(own->gr_name)),
                          ids(0, own->gr_gid, {extra}));
        require_equal(output_of(what), ids(0, 0, {extra}));
        // None of it has touched the parent.
        require_equal(::geteuid(), 0u);
        require_equal(::prctl(PR_GET_DUMPABLE), 1);
    });
}

TEST_F(identity, a_user_may_stay_who_it_is)
{
    const auto what = print_ids();
    BROOD_IN_A_COPY([&] {
        if (is_root())
            must(::setresuid(stranger, stranger, stranger));
        const auto before = output_of(what);
        require_equal(output_of(brood::command(what).user(::geteuid())),
                      before);
        require_equal(output_of(brood::command(what).group(::getegid())),
                      before);
    });
}

TEST_F(identity, nobody_else_may_become_somebody)
{
    const auto marker = dir / "started";
    const auto what = shell(": > " + marker.string());
    BROOD_IN_A_COPY([&] {
        if (is_root()) {
            must(::setresgid(stranger, stranger, stranger));
            must(::setresuid(stranger, stranger, stranger));
        }
        const auto step_of = [](const brood::command& refused) {
            const auto failed = spawn_failure_of(refused);
            require(failed.has_value(), "it was started");
            require_equal(failed->code(), system_error_code(EPERM));
            require(failed->path().empty());
            return failed->step();
        };
        const leak_check before;
        require(step_of(brood::command(what).group(1)) == spawn_step::setgid);
        require(step_of(brood::command(what).extra_groups({1})) ==
                spawn_step::setgroups);
        require(step_of(brood::command(what).extra_groups({})) ==
                spawn_step::setgroups);
        // The groups that come with a user are changed before the user is.
        require(step_of(brood::command(what).user(0)) == spawn_step::setgroups);
        require_clean(before);
    });
    EXPECT_FALSE(fs::exists(marker));
}

TEST_F(identity, extra_groups_are_set_exactly)
{
    if (!is_root())
        GTEST_SKIP() << "only root may change groups";
    const auto what = print_ids();
    BROOD_IN_A_COPY([&] {
        const gid_t extra = 54321;
        must(::setgroups(1, &extra));
        require_equal(
            output_of(brood::command(what).extra_groups({300, 100, 200})),
            ids(0, 0, {100, 200, 300}));
        require_equal(output_of(brood::command(what).extra_groups({})),
                      ids(0, 0, {}));
        require_equal(
            output_of(brood::command(what).user(stranger).group(7).extra_groups(
                {4294967294, 5})),
            ids(stranger, 7, {4294967294, 5}));
        require_equal(::getgroups(0, nullptr), 1);
    });
}

TEST_F(identity, unknown_or_impossible_ids_are_refused)
{
    const auto marker = dir / "started";
    const auto what = shell(": > " + marker.string());
    using number = std::numeric_limits<std::int64_t>;
    for (const std::int64_t id :
         {std::int64_t{-1}, number::min(), std::int64_t{0xffffffff},
          std::int64_t{1} << 32, number::max()}) {
        EXPECT_TRUE(refusal_of(brood::command(what).user(id))) << id;
        EXPECT_TRUE(refusal_of(brood::command(what).group(id))) << id;
        EXPECT_TRUE(refusal_of(brood::command(what).extra_groups({0, id})))
            << id;
    }
    EXPECT_TRUE(refusal_of(brood::command(what).user("")));
    EXPECT_TRUE(refusal_of(brood::command(what).group("")));
    EXPECT_TRUE(
        refusal_of(brood::command(what).user(std::string("root\0", 5))));

    const std::string unknown = "no-such-name-here";
    for (const bool is_user : {true, false}) {
        auto refused = what;
        is_user ? refused.user(unknown) : refused.group(unknown);
        const auto failed = spawn_failure_of(refused);
        ASSERT_TRUE(failed.has_value());
        EXPECT_EQ(failed->step(), spawn_step::look_up);
        EXPECT_EQ(failed->code(), system_error_code(ENOENT));
        EXPECT_EQ(failed->path(), unknown);
    }
    // More than the kernel's NGROUPS_MAX; setgroups(2).
    const auto failed = spawn_failure_of(
        brood::command(what).extra_groups(std::vector<std::int64_t>(65537)));
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->step(), spawn_step::setgroups);
    EXPECT_EQ(failed->code(), system_error_code(is_root() ? EINVAL : EPERM));
    EXPECT_FALSE(fs::exists(marker));
}

TEST_F(identity, the_umask_is_set)
{
    EXPECT_EQ(output_of(child("print-umask").umask(0)), "0000\n");
    EXPECT_EQ(output_of(child("print-umask").umask(0777)), "0777\n");
    const auto path = dir / "file";
    const auto make_file = shell("rm -f file; : > file").cwd(dir.path());
    for (const int mask : {0, 022, 077}) {
        EXPECT_EQ(outcome_of(brood::command(make_file).umask(mask)).code, 0);
        struct stat about{};
        ASSERT_EQ(::stat(path.c_str(), &about), 0);
        EXPECT_EQ(static_cast<int>(about.st_mode & 0777), 0666 & ~mask);
    }
    BROOD_IN_A_COPY([] {
        ::umask(031);
        require_equal(output_of(child("print-umask")), "0031\n");
        require_equal(output_of(child("print-umask").umask(7)), "0007\n");
        require_equal(::umask(0), 031u);
    });
    for (const int mask : {-1, 01000, 0xfffffff})
        EXPECT_TRUE(refusal_of(child("exit", "0").umask(mask))) << mask;
}

void take_no_notice(int) {}

// The hexadecimal sets that print-signals prints, without their names.
std::vector<std::string> signal_sets(brood::command what)
{
    std::vector<std::string> sets;
    std::istringstream from(output_of(std::move(what)));
    for (std::string line; std::getline(from, line);)
        sets.push_back(line.substr(line.find_last_of("\t ") + 1));
    return sets;
}

TEST_F(identity, the_signal_state_starts_clean)
{
    const auto print_signals = brood::exec(public_child(), "print-signals");
    BROOD_IN_A_COPY([&] {
        for (const int number :
             {SIGPIPE, SIGHUP, SIGUSR1, SIGTTOU, SIGRTMIN, SIGRTMAX})
            ::signal(number, SIG_IGN);
        for (const int number : {SIGINT, SIGUSR2, SIGALRM, SIGRTMIN + 1})
            ::signal(number, take_no_notice);
        sigset_t mask;
        ::sigfillset(&mask);
        must(::sigprocmask(SIG_SETMASK, &mask, nullptr));
        const leak_check before;
        const std::vector<std::string> clean(3, "0000000000000000");
        require_equal(signal_sets(print_signals), clean);
        if (is_root())
            require_equal(
                signal_sets(brood::command(print_signals).user(stranger)),
                clean);
        require_equal(outcome_of(child("kill-self", "TERM")).code, -SIGTERM);
        require_equal(outcome_of(child("kill-self", "PIPE")).code, -SIGPIPE);
        require_equal(outcome_of(child("kill-self", "64")).code, -64);
        require_clean(before);
    });
}

TEST_F(identity, only_credentials_cost_a_fork)
{
    using brood::os::spawn_engine;
    const auto engine = brood::os::current_engine();
    if (engine == spawn_engine::fork ||
        (engine == spawn_engine::vfork && thread_sanitizer))
        GTEST_SKIP() << "every child is a fork here";
    BROOD_IN_A_COPY([this] {
        const auto what = brood::exec(public_child(), "exit", "0");
        constexpr std::uint32_t clone_vm = 0x100;  // linux/sched.h
        refuse({{SYS_clone, EDOM, 0, clone_vm,
                 refused_call::condition::has_none}});
        const auto with = [&what](auto set) {
            auto refined = what;
            set(refined);
            return refined;
        };
        for (const auto& shared : {
                 what,
                 with([](auto& c) { c.in(piped).out(piped).err(piped); }),
                 with([](auto& c) { c.cwd("/").umask(0).env("A", "1"); }),
                 with([](auto& c) { c.new_session(); }),
                 with([](auto& c) { c.process_group(); }),
                 with([](auto& c) { c.close_fds(false); }),
                 with([](auto& c) { c.child_fd(9, brood::piped_in); }),
             })
            require_equal(outcome_of(shared).code, 0);
        for (const auto& copied : {
                 with([](auto& c) { c.user(::geteuid()); }),
                 with([](auto& c) { c.group(::getegid()); }),
                 with([](auto& c) { c.extra_groups({}); }),
             }) {
            const auto failed = spawn_failure_of(copied);
            require(failed.has_value(), "not a fork");
            require(failed->step() == spawn_step::start);
            require_equal(failed->code().value(), EDOM);
        }
    });
}

}  // namespace
