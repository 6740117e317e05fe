// command_check.cpp: what a command refuses before anything is started, and
// in what words.

#include "core/command_data.hpp"
#include "support/fixture.hpp"

#include <brood/command.hpp>
#include <brood/process.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_literals;

using brood::exec;
using brood::file;
using brood::file_mode;
using brood::from_fd;
using brood::limit_kind;
using brood::pty;
using brood::shell;

using strings = std::vector<std::string>;

class command_check : public brood_test::clean_test {};

// A command that can never work; what the message says of it, and of what to
// do instead.
struct misuse {
    brood::command what;
    strings words;
};

brood::command ls()
{
    return exec("ls");
}

const std::string nul = "a\0b"s;

std::vector<misuse> every_misuse()
{
    constexpr auto big = std::size_t{1} << 31;
    constexpr auto nobody = std::int64_t{0xffffffff};
    const strings in_child_fd{"child_fd(7)", "piped_in", "piped_out"};
    return {
        // What is run.
        {exec(strings()), {"exec()", "needs", "program"}},
        {exec(""), {"the program's name", "empty"}},
        {exec(nul), {"the program's name", "NUL", "offset 1"}},
        {exec("ls", nul), {"an argument", "NUL", "offset 1"}},
        {shell(nul), {"an argument", "NUL", "offset 1"}},
        {ls().executable(""), {"the executable's path", "empty"}},
        {ls().executable(nul), {"the executable's path", "NUL"}},
        {ls().cwd(""), {"the working directory", "empty"}},
        {ls().cwd(nul), {"the working directory", "NUL"}},

        // Numbers.
        {ls().limit(0), {"limit(0)", "at least one byte"}},
        {ls().pipe_size(0), {"pipe_size(0)", "at least one byte"}},
        {ls().pipe_size(big), {"pipe_size(2147483648)", "at most"}},
        {ls().drain(std::chrono::nanoseconds(-1)), {"drain()", "negative"}},
        {ls().umask(-1), {"umask(-1)", "from 0 to 0777"}},
        {ls().umask(01000), {"umask(512)", "from 0 to 0777"}},
        {ls().process_group(-1),
         {"process_group(-1)", "0 makes a new group", "joins"}},
        {ls().new_session().process_group(),
         {"new_session()", "leave process_group() out"}},
        {ls().process_group(5).new_session(),
         {"new_session()", "leave process_group() out"}},

        // The environment.
        {ls().env("", "x"), {"name of an environment variable", "empty"}},
        {ls().env("A=B", "x"),
         {"name of an environment variable", "'='", "A=B"}},
        {ls().env("=", "x"), {"name of an environment variable", "'='"}},
        {ls().env(nul, "x"), {"name of an environment variable", "NUL"}},
        {ls().env("PATH", nul), {"variable PATH", "NUL", "offset 1"}},
        {ls().unset_env(""), {"name of an environment variable", "empty"}},
        {ls().unset_env("A="), {"name of an environment variable", "'='"}},
        {ls().unset_env(nul), {"name of an environment variable", "NUL"}},
        {ls().clear_env().env("", "x"),
         {"name of an environment variable", "empty"}},

        // The standard streams.
        {ls().in(brood::piped_in), {"in:", "say piped"}},
        {ls().in(brood::piped_out), {"in:", "say piped"}},
        {ls().out(brood::piped_out), {"out:", "say piped"}},
        {ls().err(brood::piped_in), {"err:", "say piped"}},
        {ls().in(brood::to_stdout), {"in:", "to_stdout is for err only"}},
        {ls().out(brood::to_stdout), {"out:", "to_stdout is for err only"}},
        {ls().in(from_fd(-1)), {"in:", "from_fd(-1)"}},
        {ls().out(from_fd(-7)), {"out:", "from_fd(-7)"}},
        {ls().err(from_fd(-1)), {"err:", "from_fd(-1)"}},
        {ls().in(file("")), {"in:", "path", "empty"}},
        {ls().out(file(nul)), {"out:", "path", "NUL"}},
        {ls().in(file("a", file_mode::truncate)),
         {"in:", "use file_mode::read"}},
        {ls().in(file("a", file_mode::append)), {"in:", "use file_mode::read"}},
        {ls().out(file("a", file_mode::read)),
         {"out:", "file_mode::truncate", "file_mode::append"}},
        {ls().err(file("a", file_mode::read)),
         {"err:", "file_mode::truncate", "file_mode::append"}},

        // The further descriptors.
        {ls().child_fd(2, brood::piped_out),
         {"child_fd(2)", "above 2", "err()"}},
        {ls().child_fd(-1, brood::piped_out), {"child_fd(-1)", "above 2"}},
        {ls().child_fd(7, brood::piped), in_child_fd},
        {ls().child_fd(7, brood::inherit), {"child_fd(7)", "pass_fd(7)"}},
        {ls().child_fd(7, brood::to_stdout), {"child_fd(7)", "err only"}},
        {ls().child_fd(7, from_fd(-2)), {"child_fd(7)", "from_fd(-2)"}},
        {ls().child_fd(7, file("a")),
         {"child_fd(7)", "file_mode::read", "truncate", "append"}},
        {ls().child_fd(7, file("", file_mode::read)),
         {"child_fd(7)", "path", "empty"}},
        {ls().pass_fd(2), {"pass_fd(2)", "above 2", "in(), out() and err()"}},
        {ls().pass_fd(-1), {"pass_fd(-1)", "above 2"}},
        {ls().pass_fd(5).pass_fd(5), {"descriptor 5", "twice"}},
        {ls().child_fd(5, brood::piped_in).child_fd(5, brood::piped_out),
         {"descriptor 5", "twice"}},
        {ls().pass_fd(5).child_fd(5, brood::piped_in),
         {"descriptor 5", "twice"}},

        // Who runs it.
        {ls().user(-1), {"user(-1)", "from 0 to 4294967294"}},
        {ls().user(nobody), {"user(4294967295)", "from 0 to 4294967294"}},
        {ls().user(std::numeric_limits<std::int64_t>::max()),
         {"user(9223372036854775807)", "from 0 to 4294967294"}},
        {ls().user(""), {"user's name", "empty"}},
        {ls().user(nul), {"user's name", "NUL"}},
        {ls().group(-1), {"group(-1)", "from 0 to 4294967294"}},
        {ls().group(nobody), {"group(4294967295)", "from 0 to"}},
        {ls().group(""), {"group's name", "empty"}},
        {ls().extra_groups({0, -1}), {"extra_groups(-1)", "from 0 to"}},
        {ls().extra_groups({nobody}), {"extra_groups(4294967295)"}},

        // Its attributes.
        {ls().rlimit(limit_kind::open_files, 2, 1),
         {"rlimit(open_files)", "soft limit is above the hard one"}},
        {ls().rlimit(limit_kind::cpu, brood::unlimited_resource, 1),
         {"rlimit(cpu)", "above"}},
        {ls().rlimit(static_cast<limit_kind>(99), 1),
         {"rlimit()", "no such limit_kind"}},
        {ls().nice(40), {"nice(40)", "from -39 to 39"}},
        {ls().nice(-40), {"nice(-40)", "from -39 to 39"}},
        {ls().affinity({}), {"affinity()", "at least one"}},
        {ls().affinity({0, -1}), {"affinity(-1)", "0 or above"}},
        {ls().affinity({65536}), {"affinity(65536)", "below 65536"}},
        {ls().signal_mask({0}), {"signal_mask(0)", "from 1 to 64"}},
        {ls().signal_mask({65}), {"signal_mask(65)", "from 1 to 64"}},
        {ls().signal_mask({SIGKILL}), {"signal_mask(9)", "be blocked"}},
        {ls().signal_mask({SIGSTOP}), {"signal_mask(", "be blocked"}},
        {ls().keep_ignored(0), {"keep_ignored(0)", "from 1 to 64"}},
        {ls().keep_ignored(SIGSTOP), {"keep_ignored(", "be ignored"}},
        {ls().kill_on_parent_death(0),
         {"kill_on_parent_death(0)", "from 1 to 64"}},
        {ls().kill_on_parent_death(65), {"kill_on_parent_death(65)"}},
        {ls().controlling_terminal(),
         {"controlling_terminal(0)", "add new_session()"}},
        {ls().new_session().controlling_terminal(-1),
         {"controlling_terminal(-1)", "child's descriptors"}},
        {ls().in(pty(0, 80)), {"pty(0, 80)", "from 1 to 65535"}},
        {ls().out(pty(24, 65536)), {"pty(24, 65536)", "from 1 to 65535"}},
        {ls().in(pty()).out(pty(24, 81)),
         {"pty(24, 80)", "one terminal", "the same pty"}},
        {ls().out(pty()).err(pty().raw()), {"the same pty"}},
        {ls().in(pty()).err(pty().echo(false)), {"the same pty"}},
        {ls().err(pty()).process_group(),
         {"pty(24, 80)", "leave process_group() out"}},
        {ls().out(pty()).controlling_terminal(1),
         {"pty(24, 80)", "leave controlling_terminal() out"}},
        {ls().child_fd(7, pty()), {"child_fd(7)", "in, out and err"}},
        {ls().new_session().controlling_terminal(7),
         {"controlling_terminal(7)", "pass_fd()", "child_fd()"}},
    };
}

// The message of exactly a std::invalid_argument, or what came instead.
template <class Call>
std::string refusal(Call call)
{
    try {
        call();
    } catch (const std::invalid_argument& error) {
        return error.what();
    } catch (const std::exception& error) {
        return "ANOTHER EXCEPTION: "s + error.what();
    }
    return "NO EXCEPTION";
}

TEST_F(command_check, refuses_every_misuse_and_says_what_to_do)
{
    for (const auto& [what, words] : every_misuse()) {
        const auto message =
            refusal([&what = what] { brood::detail::check(what.data()); });
        EXPECT_TRUE(message.starts_with("brood: ")) << message;
        for (const auto& word : words)
            EXPECT_NE(message.find(word), std::string::npos)
                << "'" << word << "' is not in: " << message;
    }
}

TEST_F(command_check, comes_before_anything_is_started_or_opened)
{
    // Each would create this file, were the command not looked at first.
    const brood_test::temp_dir dir;
    const auto witness = dir / "witness";
    brood::asio::io_context loop;
    for (auto& [what, words] : every_misuse()) {
        if (!what.data().out)
            what.out(file(witness));
        const auto message =
            refusal([&] { (void)brood::spawn_process(loop, what); });
        EXPECT_TRUE(message.starts_with("brood: ")) << message;
        EXPECT_TRUE(brood_test::children().empty()) << message;
    }
    EXPECT_FALSE(std::filesystem::exists(witness));
}

TEST_F(command_check, lets_the_limits_themselves_pass)
{
    const std::vector<brood::command> sound{
        ls(),
        shell(""),
        exec("ls", ""),
        ls().limit(1).pipe_size(1).drain(std::chrono::nanoseconds(0)),
        ls().pipe_size((std::size_t{1} << 31) - 1).drain(brood::unlimited),
        ls().umask(0),
        ls().umask(0777),
        ls().process_group(0),
        ls().process_group(std::numeric_limits<int>::max()),
        ls().user(0).group(0).extra_groups({}),
        ls().user(0xfffffffe).group(0xfffffffe).extra_groups({0xfffffffe}),
        ls().env("A", "").env("A", "=").env("\xff", "\x01").unset_env("A"),
        // What a clear_env() has forgotten is not looked at.
        ls().env("", "x").clear_env(),
        ls().in(brood::piped).out(brood::piped).err(brood::piped),
        ls().in(from_fd(0)).out(from_fd(0)).err(from_fd(0)),
        ls().in(file("a")).out(file("a")).err(file("a")),
        ls().in(file("a", file_mode::read)).err(brood::to_stdout),
        ls().child_fd(3, brood::piped_in).child_fd(4, brood::piped_out),
        ls().child_fd(3, brood::devnull).child_fd(4, from_fd(3)).pass_fd(5),
        ls().child_fd(3, file("a", file_mode::append)),
        ls().rlimit(limit_kind::core, 0).rlimit(limit_kind::cpu, 1, 1),
        ls().rlimit(limit_kind::stack, brood::unlimited_resource),
        ls().nice(-39),
        ls().nice(39).affinity({0, 0, 65535}),
        ls().signal_mask({1, 64}).signal_mask({}),
        ls().keep_ignored(1).keep_ignored(64).keep_ignored_signals(),
        ls().kill_on_parent_death().kill_on_parent_death(64),
        ls().new_session().controlling_terminal(2),
        ls().in(pty(1, 65535)).out(pty(1, 65535)).err(brood::to_stdout),
        ls().in(pty().raw()).new_session().err(pty().raw()),
        ls().new_session().pass_fd(7).controlling_terminal(7),
        ls().child_fd(7, brood::devnull).new_session().controlling_terminal(7),
    };
    for (const auto& each : sound)
        EXPECT_NO_THROW(brood::detail::check(each.data())) << each;
}

TEST_F(command_check, refuses_a_null_pointer_where_it_wants_text)
{
    const char* const null = nullptr;
    EXPECT_NE(refusal([&] { (void)exec(null); }).find("null pointer"),
              std::string::npos);
    EXPECT_NE(refusal([&] { (void)ls().cwd(null); }).find("null pointer"),
              std::string::npos);
    EXPECT_NE(refusal([&] { (void)exec("ls", null); }).find("null pointer"),
              std::string::npos);
}

// What does not compile cannot be started either.
template <class T>
concept makes_a_directory = requires(T value) { ls().cwd(value); };
template <class T>
concept makes_a_redirection = requires(T value) { ls().out(value); };

static_assert(makes_a_directory<std::string>);
static_assert(makes_a_directory<std::string_view>);
static_assert(!makes_a_directory<int>);
static_assert(!makes_a_directory<std::nullptr_t>);
static_assert(makes_a_redirection<brood::piped_t>);
static_assert(makes_a_redirection<brood::pty>);
static_assert(!makes_a_redirection<int>);          // say from_fd
static_assert(!makes_a_redirection<const char*>);  // say file

}  // namespace
