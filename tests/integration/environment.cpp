// environment.cpp: what a child is started with: variables, directory, and
// the file that is run.
#include "support/in_a_copy.hpp"
#include "support/outcome.hpp"

#include <brood/brood.hpp>

#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace {

using brood::exec;
using brood::piped;
using brood::shell;
using brood::spawn_step;
using namespace brood_test;
namespace fs = std::filesystem;

class environment : public clean_test {
protected:
    // A directory of its own with a program `name` that prints `says` and
    // its arguments.
    fs::path make_tool(const std::string& directory, const std::string& name,
                       const std::string& says)
    {
        fs::create_directories(dir / directory);
        const auto path = dir / directory / name;
        write_file(path, "#!/bin/sh\nprintf '%s\\n' '" + says + "' \"$@\"\n");
        fs::permissions(path, fs::perms{0755});
        return path;
    }

    temp_dir dir;
};

// Every byte that a C string can hold.
std::string all_bytes()
{
    std::string bytes;
    for (int byte = 1; byte != 256; ++byte)
        bytes += static_cast<char>(byte);
    return bytes;
}

TEST_F(environment, variables_reach_the_child)
{
    const auto printed = [](brood::command what) {
        return output_of(std::move(what));
    };
    EXPECT_EQ(printed(child("print-env", "A", "B", "C")
                          .env("A", "1")
                          .env("B", "")
                          .env("C", "x=y=z")),
              "A=1\nB=\nC=x=y=z\n");
    EXPECT_EQ(printed(child("print-env", "A").env("A", "1").env("A", "2")),
              "A=2\n");
    EXPECT_EQ(printed(child("print-env", "A").env("A", "1").unset_env("A")),
              "A\n");
    const std::map<std::string, std::string> map{{"A", "1"}, {"B", "2"}};
    EXPECT_EQ(printed(child("print-env", "A", "B").env(map)), "A=1\nB=2\n");
    const std::vector<std::pair<const char*, fs::path>> list{{"A", "/x"}};
    EXPECT_EQ(printed(child("print-env", "A").env(list)), "A=/x\n");
    EXPECT_EQ(printed(shell("echo \"$A\"").env("A", "a  b")), "a  b\n");
}

TEST_F(environment, is_the_parents_unless_changed)
{
    BROOD_IN_A_COPY([] {
        must(::setenv("BROOD_TEST_A", "parent's", 1));
        must(::setenv("BROOD_TEST_B", "parent's", 1));
        const auto ask = child("print-env", "BROOD_TEST_A", "BROOD_TEST_B");
        require_equal(output_of(ask),
                      "BROOD_TEST_A=parent's\nBROOD_TEST_B=parent's\n");
        auto changed = ask;
        changed.env("BROOD_TEST_A", "child's").unset_env("BROOD_TEST_B");
        require_equal(output_of(changed),
                      "BROOD_TEST_A=child's\nBROOD_TEST_B\n");
        require_equal(std::string(::getenv("BROOD_TEST_A")), "parent's");
        require_equal(std::string(::getenv("BROOD_TEST_B")), "parent's");
        // The environment of the moment of the start, not of the command.
        must(::setenv("BROOD_TEST_A", "later", 1));
        require_equal(output_of(ask),
                      "BROOD_TEST_A=later\nBROOD_TEST_B=parent's\n");
        must(::clearenv());
        require_equal(output_of(child("print-env")), "");
        require_equal(output_of(child("print-env").env("A", "1")), "A=1\n");
    });
}

TEST_F(environment, can_be_empty_or_a_single_variable)
{
    EXPECT_EQ(output_of(child("print-env").clear_env()), "");
    EXPECT_EQ(output_of(child("print-env").clear_env().env("A", "1")), "A=1\n");
    EXPECT_EQ(output_of(child("print-env").env("A", "1").clear_env()), "");
}

TEST_F(environment, invalid_variables_are_refused)
{
    const auto marker = dir / "started";
    const auto start = shell(": > " + marker.string());
    const std::string nul("a\0b", 3);
    const std::vector<std::pair<std::string, std::string>> wrong{
        {nul, "value"},  {"A", nul}, {"A=B", "value"}, {"=A", "value"},
        {"A=", "value"}, {"=", ""},  {"", "value"},
    };
    for (const auto& [name, value] : wrong) {
        EXPECT_TRUE(refusal_of(brood::command(start).env(name, value)))
            << ::testing::PrintToString(name);
        EXPECT_TRUE(refusal_of(
            brood::command(start).env("GOOD", "1").env(name, value)));
    }
    EXPECT_TRUE(refusal_of(brood::command(start).unset_env("A=B")));
    EXPECT_TRUE(refusal_of(brood::command(start).unset_env("")));
    EXPECT_FALSE(fs::exists(marker));
}

TEST_F(environment, bytes_pass_unchanged)
{
    const auto bytes = all_bytes();
    std::string name = bytes;
    std::erase(name, '=');
    EXPECT_EQ(output_of(child("print-env").clear_env().env(name, bytes)),
              name + "=" + bytes + "\n");
    EXPECT_EQ(output_of(child("echo", bytes, "\xff\xfe", "")),
              bytes + "\n\xff\xfe\n\n");

    // As a file's name: all but the slash.
    std::string odd("\xff \xc3\x28\n'\"\\$");
    fs::create_directory(dir / odd);
    fs::create_symlink(child_path(), dir / odd / odd);
    const auto program = dir / odd / odd;
    EXPECT_EQ(output_of(exec(program, "print-args")), program.string() + "\n");
    EXPECT_EQ(
        output_of(exec(odd, "print-args").env("PATH", (dir / odd).string())),
        odd + "\n");
    EXPECT_EQ(output_of(child("print-cwd").cwd(dir / odd)),
              (dir / odd).string() + "\n");

    const auto missing = (dir / odd / "none\xff").string();
    const auto failed = spawn_failure_of(exec(missing));
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->path(), missing);
}

TEST_F(environment, the_program_is_searched_on_the_childs_path)
{
    const auto tool = exec("tool");
    make_tool("a", "tool", "a");
    make_tool("b", "tool", "b");
    write_file(dir / "file", "");
    const auto path = [this](const std::vector<std::string>& names) {
        std::string joined;
        for (const auto& each : names)
            joined += (joined.empty() ? "" : ":") + (dir / each).string();
        return joined;
    };
    const auto found_on = [&tool](const std::string& with) {
        return output_of(brood::command(tool).env("PATH", with));
    };
    EXPECT_EQ(found_on(path({"a", "b"})), "a\n");
    EXPECT_EQ(found_on(path({"b", "a"})), "b\n");
    EXPECT_EQ(found_on(path({"none", "file", "b"})), "b\n");
    EXPECT_EQ(found_on(path({"a/", "b"})), "a\n");

    BROOD_IN_A_COPY([&] {
        // The parent's own path means nothing to a child with another one.
        must(::setenv("PATH", (dir / "a").c_str(), 1));
        require_equal(output_of(tool), "a\n");
        require_equal(found_on(path({"b"})), "b\n");
        require_equal(
            spawn_failure_of(brood::command(tool).env("PATH", path({"none"})))
                .value()
                .code()
                .value(),
            ENOENT);
        // Without one: where the standard programs are.
        const auto echo = exec("sh", "-c", "echo found");
        require_equal(output_of(brood::command(echo).unset_env("PATH")),
                      "found\n");
        require_equal(output_of(brood::command(echo).clear_env()), "found\n");
        must(::unsetenv("PATH"));
        require_equal(output_of(echo), "found\n");
    });
}

TEST_F(environment, a_program_that_may_not_run_is_passed_over)
{
    make_tool("good", "tool", "good");
    const auto forbidden = make_tool("forbidden", "tool", "never");
    fs::permissions(forbidden, fs::perms{0644});
    fs::create_directories(dir / "folder" / "tool");
    const auto good = (dir / "good").string();
    for (const auto* const first : {"forbidden", "folder"}) {
        const auto bad = (dir / first).string();
        EXPECT_EQ(output_of(exec("tool").env("PATH", bad + ":" + good)),
                  "good\n");
        // What may not run is the better answer, wherever it stands.
        for (const auto& path :
             {bad + ":/none", "/none:" + bad, bad + ":" + bad}) {
            const auto failed =
                spawn_failure_of(exec("tool").env("PATH", path));
            ASSERT_TRUE(failed.has_value());
            EXPECT_EQ(failed->code(), system_error_code(EACCES));
            EXPECT_EQ(failed->path(), "tool");
        }
    }
}

TEST_F(environment, the_current_directory_is_never_searched)
{
    make_tool("here", "tool", "never");
    BROOD_IN_A_COPY([this] {
        must(::chdir((dir / "here").c_str()));
        for (const auto* const path : {"", ":", "::", ".", "./", "../here",
                                       ":/none", "/none:", "/none::/none"}) {
            for (const bool with_cwd : {false, true}) {
                auto what = exec("tool").env("PATH", path);
                if (with_cwd)
                    what.cwd(dir / "here");
                const auto failed = spawn_failure_of(what);
                require(failed.has_value(), path);
                require_equal(failed->code().value(), ENOENT);
                require(failed->step() == spawn_step::exec);
            }
        }
    });
}

TEST_F(environment, cwd_is_where_the_child_starts)
{
    fs::create_directories(dir / "sub" / "deeper");
    const auto sub = dir / "sub";
    const auto before = fs::current_path();
    EXPECT_EQ(output_of(child("print-cwd").cwd(sub)), sub.string() + "\n");
    EXPECT_EQ(output_of(child("print-cwd").cwd(sub.string())),
              sub.string() + "\n");
    EXPECT_EQ(output_of(child("print-cwd").cwd(sub.c_str())),
              sub.string() + "\n");
    EXPECT_EQ(output_of(child("print-cwd")), before.string() + "\n");
    EXPECT_EQ(fs::current_path(), before);
    BROOD_IN_A_COPY([&sub] {
        must(::chdir(sub.c_str()));
        require_equal(output_of(child("print-cwd").cwd("deeper")),
                      (sub / "deeper").string() + "\n");
        require_equal(output_of(child("print-cwd").cwd("..")),
                      sub.parent_path().string() + "\n");
        require(fs::current_path() == sub);
    });
}

TEST_F(environment, a_relative_program_is_relative_to_the_childs_cwd)
{
    const auto there = make_tool("there", "tool", "there");
    make_tool("here", "tool", "here");
    make_tool("here/sub", "tool", "sub");
    BROOD_IN_A_COPY([&, this] {
        must(::chdir((dir / "here").c_str()));
        require_equal(output_of(exec("./tool")), "here\n");
        require_equal(output_of(exec("./tool").cwd(dir / "there")), "there\n");
        require_equal(output_of(exec("sub/tool")), "sub\n");
        require_equal(output_of(exec("./tool").cwd("sub")), "sub\n");
        require_equal(
            output_of(exec("x").executable("./tool").cwd(dir / "there")),
            "there\n");
        require_equal(spawn_failure_of(exec("sub/tool").cwd(dir / "there"))
                          .value()
                          .path(),
                      "sub/tool");
        // Neither an absolute program nor an argument is touched.
        require_equal(output_of(exec(there, "./tool", "sub").cwd("sub")),
                      "there\n./tool\nsub\n");
    });
}

TEST_F(environment, executable_runs_another_file)
{
    EXPECT_EQ(
        output_of(exec("a name", "print-args", "x").executable(child_path())),
        "a name\nx\n");
    EXPECT_EQ(
        output_of(
            exec("/none", "print-args").executable(fs::path(child_path()))),
        "/none\n");
    EXPECT_EQ(output_of(exec("/none", "print-cwd")
                            .executable(child_path())
                            .cwd(dir.path())),
              dir.path().string() + "\n");
    // Searched as a program would be.
    make_tool("a", "tool", "found");
    EXPECT_EQ(output_of(exec("x").executable("tool").env("PATH",
                                                         (dir / "a").string())),
              "found\n");

    const auto missing = (dir / "none").string();
    const auto failed =
        spawn_failure_of(exec(child_path()).executable(missing));
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->path(), missing);
    EXPECT_EQ(failed->code(), system_error_code(ENOENT));
}

TEST_F(environment, executable_replaces_the_shell)
{
    const auto own = make_tool("a", "own-shell", "own");
    EXPECT_EQ(output_of(shell("the line").executable(own)),
              "own\n-c\nthe line\n");
    EXPECT_EQ(output_of(shell("echo \"$0\"").executable("/bin/sh")),
              "/bin/sh\n");
    const auto failed =
        spawn_failure_of(shell("exit 0").executable("/none/sh"));
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->path(), "/none/sh");
}

}  // namespace
