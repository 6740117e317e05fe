// command.cpp: the command as a value, as a line of shell, and as a child's
// arguments. What it refuses is tested in command_check.cpp.

#include "core/command_data.hpp"
#include "support/fixture.hpp"

#include <brood/command.hpp>
#include <brood/process.hpp>
#include <brood/run.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <list>
#include <map>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using namespace std::string_view_literals;

using brood::exec;
using brood::file;
using brood::file_mode;
using brood::from_fd;
using brood::piped;
using brood::shell;
using brood::show_environment;
using brood::to_string;
using brood_test::child_path;
using brood_test::temp_dir;

using strings = std::vector<std::string>;
using kind = brood::redirection::kind;
using change = brood::detail::environment_change;

class command : public brood_test::clean_test {};

// --- running it -----------------------------------------------------------

class finished {
public:
    finished() {}
    int code = -1;
    std::string out;
    std::string err;
};

brood::awaitable<void> run_to(brood::command what, finished& result)
{
    auto child = co_await brood::create_subprocess(std::move(what));
    auto output = co_await child.communicate();
    result.out = std::move(output.out);
    result.err = std::move(output.err);
    result.code = co_await child.wait();
}

finished run(brood::command what)
{
    finished result;
    brood::run(run_to(std::move(what.out(piped).err(piped)), result));
    return result;
}

// What /bin/sh prints for a line that someone has pasted.
std::string pasted(const std::string& line)
{
    std::string printed;
    FILE* const pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr)
        return "popen failed";
    std::array<char, 4096> block;
    while (const auto n = std::fread(block.data(), 1, block.size(), pipe))
        printed.append(block.data(), n);
    EXPECT_EQ(::pclose(pipe), 0) << line;
    return printed;
}

// What brood-child print-args prints for these.
std::string lines_of(const strings& words)
{
    std::string lines;
    for (const auto& word : words)
        lines += word + "\n";
    return lines;
}

// --- the value ------------------------------------------------------------

TEST_F(command, holds_a_program_and_its_arguments)
{
    const auto made = exec("ls", "-l", "a b");
    EXPECT_EQ(made.program(), "ls");
    EXPECT_EQ(made.arguments(), strings({"ls", "-l", "a b"}));
    EXPECT_FALSE(made.data().is_shell);
    EXPECT_EQ(exec(strings()).program(), "");
}

TEST_F(command, of_a_shell_is_the_shell_with_one_line)
{
    const auto made = shell("echo 'a b' | wc -l");
    EXPECT_EQ(made.program(), "/bin/sh");
    EXPECT_EQ(made.arguments(),
              strings({"/bin/sh", "-c", "echo 'a b' | wc -l"}));
    EXPECT_TRUE(made.data().is_shell);
}

TEST_F(command, wishes_for_nothing_by_itself)
{
    const auto made = exec("true");
    const auto& data = made.data();
    EXPECT_FALSE(data.in || data.out || data.err);
    EXPECT_TRUE(data.child_fds.empty() && data.pass_fds.empty());
    EXPECT_EQ(data.limit, 64u * 1024);
    EXPECT_FALSE(data.pipe_size);
    EXPECT_EQ(data.drain, std::nullopt);
    EXPECT_FALSE(data.cwd || data.executable);
    EXPECT_TRUE(data.environment.empty());
    EXPECT_TRUE(data.close_fds);
    EXPECT_FALSE(data.new_session);
    EXPECT_FALSE(data.process_group || data.umask);
    EXPECT_FALSE(data.user || data.group || data.extra_groups);
    EXPECT_EQ(data.on_drop, brood::on_drop::kill);
}

// Sets everything that can be set, on a variable.
void set_all(brood::command& what)
{
    const std::map<std::string, std::string> many{{"B", "2"}, {"C", "3"}};
    what.in(piped).out(file("out", file_mode::append)).err(brood::to_stdout);
    what.child_fd(5, brood::piped_in).child_fd(6, from_fd(9));
    what.limit(10).pipe_size(20).drain(std::chrono::seconds(3));
    what.cwd("/tmp").executable("/bin/ls");
    what.env("A", "1").env(many).unset_env("D");
    what.pass_fd(7).pass_fd(8).close_fds(false);
    what.new_session().process_group(12);
    what.user("nobody").group(100).extra_groups({1, 2}).umask(022);
    what.on_drop(brood::on_drop::detach);
}

void expect_all_set(const brood::command& what)
{
    const auto& data = what.data();
    EXPECT_EQ(what.arguments(), strings({"program", "argument"}));
    EXPECT_EQ(data.in->what(), kind::pipe);
    EXPECT_EQ(data.out->what(), kind::path);
    EXPECT_EQ(data.out->path(), "out");
    EXPECT_EQ(data.out->mode(), file_mode::append);
    EXPECT_EQ(data.err->what(), kind::merged);
    ASSERT_EQ(data.child_fds.size(), 2u);
    EXPECT_EQ(data.child_fds[0].first, 5);
    EXPECT_EQ(data.child_fds[0].second.what(), kind::input_pipe);
    EXPECT_EQ(data.child_fds[1].first, 6);
    EXPECT_EQ(data.child_fds[1].second.descriptor(), 9);
    EXPECT_EQ(data.limit, 10u);
    EXPECT_EQ(data.pipe_size, 20u);
    EXPECT_EQ(data.drain, std::chrono::seconds(3));
    EXPECT_EQ(data.cwd, "/tmp");
    EXPECT_EQ(data.executable, "/bin/ls");
    ASSERT_EQ(data.environment.size(), 4u);
    EXPECT_EQ(data.environment[0].name + data.environment[0].value, "A1");
    EXPECT_EQ(data.environment[1].name + data.environment[1].value, "B2");
    EXPECT_EQ(data.environment[2].name + data.environment[2].value, "C3");
    EXPECT_EQ(data.environment[2].what, change::kind::set);
    EXPECT_EQ(data.environment[3].what, change::kind::unset);
    EXPECT_EQ(data.environment[3].name, "D");
    EXPECT_EQ(data.pass_fds, std::vector<int>({7, 8}));
    EXPECT_FALSE(data.close_fds);
    EXPECT_TRUE(data.new_session);
    EXPECT_EQ(data.process_group, 12);
    EXPECT_EQ(data.user, brood::detail::identity("nobody"));
    EXPECT_EQ(data.group, brood::detail::identity(std::int64_t{100}));
    EXPECT_EQ(data.extra_groups, std::vector<std::int64_t>({1, 2}));
    EXPECT_EQ(data.umask, 022);
    EXPECT_EQ(data.on_drop, brood::on_drop::detach);
}

TEST_F(command, keeps_what_each_setter_sets)
{
    auto made = exec("program", "argument");
    set_all(made);
    expect_all_set(made);
}

TEST_F(command, keeps_what_a_chain_on_a_temporary_sets)
{
    const std::map<std::string, std::string> many{{"B", "2"}, {"C", "3"}};
    const auto made = exec("program", "argument")
                          .in(piped)
                          .out(file("out", file_mode::append))
                          .err(brood::to_stdout)
                          .child_fd(5, brood::piped_in)
                          .child_fd(6, from_fd(9))
                          .limit(10)
                          .pipe_size(20)
                          .drain(std::chrono::seconds(3))
                          .cwd("/tmp")
                          .executable("/bin/ls")
                          .env("A", "1")
                          .env(many)
                          .unset_env("D")
                          .pass_fd(7)
                          .pass_fd(8)
                          .close_fds(false)
                          .new_session()
                          .process_group(12)
                          .user("nobody")
                          .group(100)
                          .extra_groups({1, 2})
                          .umask(022)
                          .on_drop(brood::on_drop::detach);
    expect_all_set(made);
}

TEST_F(command, takes_a_user_and_a_group_by_name_or_by_number)
{
    const auto one = exec("id").user(1000).group("staff");
    EXPECT_EQ(one.data().user, brood::detail::identity(std::int64_t{1000}));
    EXPECT_EQ(one.data().group, brood::detail::identity("staff"));
}

TEST_F(command, forgets_the_variables_before_a_clear_env)
{
    const auto made = exec("env").env("A", "1").clear_env().env("B", "2");
    const auto& changes = made.data().environment;
    ASSERT_EQ(changes.size(), 2u);
    EXPECT_EQ(changes[0].what, change::kind::clear);
    EXPECT_EQ(changes[1].name, "B");
}

TEST_F(command, of_a_temporary_never_dangles)
{
    // By value from a temporary, by reference from a variable: a sanitizer
    // sees it if a chain leaves something of its temporary behind.
    auto&& kept = exec("echo").in(piped).cwd("/tmp");
    static_assert(std::is_same_v<decltype(kept), brood::command&&>);
    static_assert(
        std::is_same_v<decltype(exec("a").new_session()), brood::command>);
    static_assert(
        std::is_same_v<decltype(kept.new_session()), brood::command&>);
    EXPECT_EQ(kept.data().cwd, "/tmp");
    EXPECT_EQ(&kept.limit(7), &kept);
    EXPECT_EQ(kept.data().limit, 7u);
}

TEST_F(command, setters_are_kept_apart)
{
    const auto original = exec("program", "argument");
    auto changed = original;
    set_all(changed);
    EXPECT_FALSE(original.data().in || original.data().cwd);
    EXPECT_TRUE(original.data().environment.empty());

    auto assigned = exec("other");
    assigned = changed;
    changed = exec("program");
    expect_all_set(assigned);
    const auto& same = assigned;
    assigned = same;
    expect_all_set(assigned);

    const auto moved = std::move(assigned);
    expect_all_set(moved);
}

TEST_F(command, copies_share_the_input_until_one_gets_another)
{
    const auto original = brood::exec("x").input("bytes");
    auto copy = original;
    EXPECT_EQ(copy.data().run.input.get(), original.data().run.input.get());
    copy.input("others");
    EXPECT_EQ(*original.data().run.input, "bytes");
    EXPECT_EQ(*copy.data().run.input, "others");
}

TEST_F(command, is_empty_and_still_good_once_it_was_moved_from)
{
    auto made = exec("program", "argument").cwd("/tmp");
    const auto taken = std::move(made);
    EXPECT_EQ(taken.program(), "program");
    // Of this object, this much is promised: it is a command like another.
    EXPECT_EQ(made.program(), "");
    EXPECT_EQ(made.arguments(), strings());
    EXPECT_EQ(to_string(made), "");
    EXPECT_THROW(brood::detail::check(made.data()), std::invalid_argument);
    auto copy = made;
    EXPECT_EQ(copy.cwd("/tmp").data().cwd, "/tmp");
    made = taken;
    EXPECT_EQ(made.program(), "program");
}

TEST_F(command, is_good_for_any_number_of_children)
{
    const auto what = exec(child_path(), "print-args", "again");
    const auto first = run(what);
    const auto second = run(what);
    EXPECT_EQ(first.out, child_path() + "\nagain\n");
    EXPECT_EQ(second.out, first.out);
}

// --- as a line of shell ---------------------------------------------------

TEST_F(command, prints_as_it_could_be_typed)
{
    EXPECT_EQ(to_string(exec("ls", "-l", "/tmp")), "ls -l /tmp");
    EXPECT_EQ(to_string(exec("echo", "a b", "it's", "", "$HOME")),
              R"(echo 'a b' 'it'"'"'s' '' '$HOME')");
    EXPECT_EQ(to_string(shell("a | b")), "/bin/sh -c 'a | b'");
    EXPECT_EQ(to_string(exec("ls").executable("/bin/busy box")),
              "'/bin/busy box'");
    EXPECT_EQ(to_string(exec("ls").cwd("/a b")), "cd '/a b' && ls");

    std::ostringstream stream;
    stream << exec("echo", "a b");
    EXPECT_EQ(stream.str(), "echo 'a b'");
}

TEST_F(command, prints_the_attributes_that_a_shell_has_words_for)
{
    using brood::limit_kind;
    EXPECT_EQ(to_string(exec("make", "-j").nice(5).affinity({0, 2})),
              "nice -n 5 taskset -c 0,2 make -j");
    EXPECT_EQ(
        to_string(exec("x")
                      .rlimit(limit_kind::core, 0)
                      .rlimit(limit_kind::open_files, 1, 2)
                      .rlimit(limit_kind::stack, brood::unlimited_resource)
                      .no_new_privileges()
                      .env("A", "b")
                      .cwd("/tmp"),
                  show_environment::values),
        "cd /tmp && prlimit --core=0:0 --nofile=1:2 "
        "--stack=unlimited:unlimited setpriv --no-new-privs "
        "env A=b x");
    // The last word on a resource counts.
    EXPECT_EQ(
        to_string(
            exec("x").rlimit(limit_kind::cpu, 1).rlimit(limit_kind::cpu, 2)),
        "prlimit --cpu=2:2 x");
    EXPECT_EQ(to_string(exec("x").signal_mask({1}).keep_ignored(1)), "x");
}

TEST_F(command, prints_where_its_streams_lead)
{
    EXPECT_EQ(to_string(exec("sort")
                            .in(file("my input"))
                            .out(file("/tmp/o", file_mode::append))
                            .err(file("e"))),
              "sort <'my input' >>/tmp/o 2>e");
    EXPECT_EQ(to_string(exec("sort")
                            .in(brood::devnull)
                            .out(brood::devnull)
                            .err(brood::to_stdout)),
              "sort </dev/null >/dev/null 2>&1");
    EXPECT_EQ(to_string(exec("sort").err(brood::devnull)), "sort 2>/dev/null");
    EXPECT_EQ(
        to_string(exec("sort").in(piped).out(from_fd(7)).err(brood::inherit)),
        "sort");
}

TEST_F(command, shows_the_environment_only_when_asked)
{
    const auto login = exec("login")
                           .env("PASSWORD", "not for logs")
                           .env("USER", "x")
                           .unset_env("HOME");
    EXPECT_EQ(to_string(login), "login");
    EXPECT_EQ(to_string(login, show_environment::names),
              "env -u HOME PASSWORD=... USER=... login");
    EXPECT_EQ(to_string(login, show_environment::values),
              "env -u HOME PASSWORD='not for logs' USER=x login");
    EXPECT_EQ(to_string(exec("env").clear_env().env("A", "1"),
                        show_environment::values),
              "env -i A=1 env");
    EXPECT_EQ(to_string(exec("ls"), show_environment::values), "ls");

    std::ostringstream stream;
    stream << login;
    EXPECT_EQ(stream.str(), "login");
}

TEST_F(command, shows_only_the_last_change_of_a_variable)
{
    const auto shown = [](const brood::command& what) {
        return to_string(what, show_environment::values);
    };
    EXPECT_EQ(shown(exec("x").env("A", "1").env("A", "2")), "env A=2 x");
    EXPECT_EQ(shown(exec("x").env("A", "1").unset_env("A")), "env -u A x");
    EXPECT_EQ(shown(exec("x").unset_env("A").env("A", "2")), "env A=2 x");
}

TEST_F(command, does_in_a_shell_what_it_does_here)
{
    const temp_dir dir;
    const auto here = [&dir](brood::command what) {
        return std::move(what.cwd(dir.path()));
    };
    const auto print_args = [](const auto&... arguments) {
        return exec(child_path(), "print-args", arguments...);
    };
    const auto print_env = [](const auto&... names) {
        return exec(child_path(), "print-env", names...);
    };
    const std::vector<brood::command> commands{
        print_args("a b", "it's", "", "\"", "\\", "$HOME", "*", "a\nb", "~"),
        here(exec(child_path(), "print-cwd")),
        here(shell("pwd; echo \"$0\"")),
        print_env("A", "B", "HOME")
            .env("A", "a b")
            .env("B", "'\"$x")
            .unset_env("HOME"),
        print_env().clear_env().env("ONLY", "one\nline"),
        print_env("A", "B").env("A", "1").unset_env("A").unset_env("B").env(
            "B", "2"),
        exec("no such name", "print-cwd").executable(child_path()),
    };
    for (const auto& each : commands) {
        const auto line = to_string(each, show_environment::values);
        const auto ours = run(each);
        EXPECT_EQ(ours.code, 0) << line;
        EXPECT_EQ(pasted(line), ours.out) << line;
    }
}

TEST_F(command, has_in_a_shell_the_attributes_that_it_has_here)
{
    const std::string look =
        "nice; ulimit -n; ulimit -c; grep -E 'NoNewPrivs|list' "
        "/proc/self/status";
    const auto what = shell(look)
                          .nice(3)
                          .affinity({0, 65535})
                          .rlimit(brood::limit_kind::open_files, 60, 70)
                          .rlimit(brood::limit_kind::core, 0)
                          .no_new_privileges();
    EXPECT_EQ(run(what).out, pasted(to_string(what)));
}

TEST_F(command, opens_the_same_files_in_a_shell_as_here)
{
    // A file's name is relative to our own directory, whatever the child's.
    const temp_dir dir;
    const auto old = fs::current_path();
    fs::current_path(dir.path());
    fs::create_directory("sub dir");
    brood_test::write_file("it's in", "input\n");
    auto what = exec(child_path(), "cat")
                    .cwd("sub dir")
                    .in(file("it's in"))
                    .out(file("out put"));
    const auto once = [&what] {
        finished ignored;
        brood::run(run_to(what, ignored));
        return brood_test::read_file("out put");
    };
    EXPECT_EQ(once(), "input\n");
    EXPECT_EQ(pasted(to_string(what)), "");
    EXPECT_EQ(brood_test::read_file("out put"), "input\n");

    what.out(file("out put", file_mode::append));
    EXPECT_EQ(pasted(to_string(what)), "");
    EXPECT_EQ(once(), "input\ninput\ninput\n");
    fs::current_path(old);
}

// --- as a child's arguments -----------------------------------------------

TEST_F(command, arguments_arrive_unchanged)
{
    strings arguments{" ",     "a b",      "'",    "\"", "\\",  "\n",  "*",
                      "$HOME", "",         "`x`",  "~",  "-",   "--",  "#",
                      ";&|",   "\xff\x80", "%s\t", "\r", "a=b", "\x01"};
    // Each alone, so that no newline can stand for the end of another.
    for (const auto& each : arguments)
        EXPECT_EQ(run(exec(child_path(), "print-args", each)).out,
                  lines_of({child_path(), each}));
    for (int i = 0; i != 1000; ++i)
        arguments.push_back(std::to_string(i));
    strings argv{child_path(), "print-args"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    arguments.insert(arguments.begin(), child_path());
    EXPECT_EQ(run(exec(argv)).out, lines_of(arguments));
}

TEST_F(command, takes_paths_and_strings_alike)
{
    const fs::path program = child_path();
    const std::string mode = "print-args";
    const auto want = lines_of({child_path(), "a", "b", "c", "/d"});
    EXPECT_EQ(run(exec(program, mode, "a", "b"s, "c"sv, fs::path("/d"))).out,
              want);
    EXPECT_EQ(
        run(exec(program.c_str(), "print-args"sv, "a", "b", "c", "/d")).out,
        want);

    const std::vector<std::string_view> views{
        program.native(), mode, "a", "b", "c", "/d"};
    EXPECT_EQ(run(exec(views)).out, want);
    const std::array<const char*, 6> pointers{
        program.c_str(), "print-args", "a", "b", "c", "/d"};
    EXPECT_EQ(run(exec(pointers)).out, want);
    const std::list<fs::path> paths{program, mode, "a", "b", "c", "/d"};
    EXPECT_EQ(run(exec(paths)).out, want);
    // Elements that live for a moment, in a range that is read only once.
    std::istringstream words(child_path() + " print-args a b c /d");
    EXPECT_EQ(run(exec(std::ranges::istream_view<std::string>(words))).out,
              want);
    EXPECT_EQ(run(exec(strings(views.begin(), views.end()))).out, want);

    EXPECT_EQ(exec(program).env("A", "b"s).cwd(fs::path("/tmp")).data().cwd,
              "/tmp");
}

TEST_F(command, a_program_alone_needs_no_arguments)
{
    const temp_dir dir;
    const auto script = dir / "a program; with 'blanks'";
    brood_test::write_file(script, "#!/bin/sh\necho \"$#\" \"$0\"\n");
    fs::permissions(script, fs::perms::owner_all);
    const auto want = "0 " + script.string() + "\n";
    EXPECT_EQ(run(exec(script)).out, want);
    EXPECT_EQ(run(exec(script.string())).out, want);
    EXPECT_EQ(run(exec(script.c_str())).out, want);
    EXPECT_EQ(run(exec(strings{script.string()})).out, want);
}

TEST_F(command, shell_runs_one_line)
{
    EXPECT_EQ(run(shell("exit 7")).code, 7);
    EXPECT_EQ(run(shell("")).code, 0);
    EXPECT_EQ(run(shell("x='a  b'; echo \"$x\" | tr a-z A-Z; echo $x >&2")).out,
              "A  B\n");
    EXPECT_EQ(run(shell("echo \"it's\" '$0' # not this")).out, "it's $0\n");
    EXPECT_EQ(run(shell("echo one\necho two")).out, "one\ntwo\n");
    EXPECT_EQ(run(shell(std::string("exit 3"))).code, 3);

    const auto unknown = run(shell("no-such-command-anywhere"));
    EXPECT_EQ(unknown.code, 127);
    EXPECT_NE(unknown.err.find("no-such-command-anywhere"), std::string::npos);
}

}  // namespace
