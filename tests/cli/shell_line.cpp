// Values in lines for the shell: quoted as their place needs it, or refused.
// What the shell makes of them is looked at with /bin/sh itself.

#include "cli/replacement.hpp"
#include "cli/usage_error.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using words = std::vector<std::string>;

std::string line_of(const std::string& text, const words& values)
{
    const cli::command_template command({text}, true, "{}", {});
    return command.fill({values, 7, 3}).at(2);
}

// What /bin/sh prints, without the last line feed; also what it complains of.
std::string printed_by_shell(const std::string& line)
{
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
        _exit(127);
    }
    close(ends[1]);
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0;
         (got = read(ends[0], buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    close(ends[0]);
    waitpid(pid, nullptr, 0);
    if (text.ends_with('\n'))
        text.pop_back();
    return text;
}

TEST(shell_line, quotes_a_value_as_its_place_needs_it)
{
    struct row {
        std::string line, value, result;
    };
    const row table[] = {
        {"echo {}", "a b", "echo 'a b'"},
        {"echo \"{}\"", "a b", "echo \"a b\""},
        {"echo \"{}\"", "$(x) `y` \"z\" \\", R"(echo "\$(x) \`y\` \"z\" \\")"},
        {"echo '{}'", "it's $x", R"(echo 'it'\''s $x')"},
        {"echo '\"'{}", "a b", "echo '\"''a b'"},
        {"echo \\'{}", "a b", "echo \\''a b'"},
        {"echo \\\"{}", "a b", "echo \\\"'a b'"},
        {"echo \"\\\"{}\"", "$a", R"(echo "\"\$a")"},
        {"echo \"'{}'\"", "it's", "echo \"'it's'\""},
        {"echo \"$(ls {})\"", "a b", "echo \"$(ls 'a b')\""},
        {"echo \"$(ls \"{}\")\"", "a$b", "echo \"$(ls \"a\\$b\")\""},
        {"echo \"$(ls)\"{}", "a b", "echo \"$(ls)\"'a b'"},
        {"echo \"$(ls; (pwd))\"{}", "a b", "echo \"$(ls; (pwd))\"'a b'"},
        {"echo `ls '` {}", "a b", "echo `ls '` 'a b'"},
        {"echo ${x##*/} {}", "a b", "echo ${x##*/} 'a b'"},
        {"echo $((1 + (2))) {}", "a b", "echo $((1 + (2))) 'a b'"},
        {"echo $((1 << 2)) \n{}", "a b", "echo $((1 << 2)) \n'a b'"},
        {"echo $x{}", "y", "echo $x''y"},
        {"echo \"$x{}\"", "y", "echo \"$x\"\"y\""},
        {"echo \"$x/{}\"", "y", "echo \"$x/y\""},
        {"echo {}>f", "2", "echo '2'>f"},
        {"echo {#}>f {}", "2", "echo '7'>f 2"},
        {"echo {} >f", "2", "echo 2 >f"},
        {"true # it's {}", "a\nb", "true # it's a b"},
        {"true # it's\necho {}", "a b", "true # it's\necho 'a b'"},
        {"echo a#\"b\" {}", "a b", "echo a#\"b\" 'a b'"},
        {"echo $#' {}'", "it's", R"(echo $#' it'\''s')"},
        {"case {} in a) echo \"{}\";; esac", "$a",
         "case '$a' in a) echo \"\\$a\";; esac"},
        {"f() { echo \"{}\"; }; f", "$a", "f() { echo \"\\$a\"; }; f"},
        {"echo {3}", "a", "echo "},
    };
    for (const row& one : table) {
        SCOPED_TRACE(one.line);
        EXPECT_EQ(line_of(one.line, {one.value}), one.result);
    }
}

TEST(shell_line, refuses_a_value_that_no_quotes_can_hold)
{
    struct row {
        std::string line, reason;
    };
    const row table[] = {
        {"echo `ls {}`", "inside `...`"},
        {"echo \"`ls {}`\"", "inside `...`"},
        {"echo `ls \\` {}`", "inside `...`"},
        {"echo ${x:-{}}", "inside ${...}"},
        {"echo \"${x:-{}}\"", "inside ${...}"},
        {"echo $(({} + 1))", "inside $((...))"},
        {"echo ${}", "behind a $"},
        {"echo \"${}\"", "behind a $"},
        {"echo \\{}", "behind a backslash"},
        {"echo \"\\{}\"", "behind a backslash"},
        {"cat <<E\n{}\nE", "behind a here-document"},
        {"cat <<'E'\nit's\nE\necho {}", "behind a here-document"},
        {"echo \"$(case x in a) echo {};; esac)\"",
         "behind a case in parentheses"},
        {"echo \"${x:-\"y\"}\" {}", "behind quotes in ${...}"},
        {"echo $((echo ')')) {}", "behind quotes in $((...))"},
        {"echo $'\\'' {}", "behind $'"},
        {"echo {3}#it's {}", "behind {}# or )#"},
        {"((x = {}))", "behind (("},
    };
    for (const row& one : table) {
        SCOPED_TRACE(one.line);
        try {
            const std::string line = line_of(one.line, {"a"});
            ADD_FAILURE() << "became " << line;
        } catch (const cli::usage_error& error) {
            EXPECT_EQ(error.what(),
                      "a value " + one.reason +
                          " cannot be quoted for the shell; begin the line "
                          "with v={}; and use \"$v\" there");
        }
    }
}

TEST(shell_line, gives_the_shell_the_value_as_it_is_in_every_place)
{
    const words values = {
        "a b",
        "$(echo PWNED)",
        "`echo PWNED`",
        "x; echo PWNED",
        "'; echo P #",
        "\"; echo P #",
        "it's",
        "a\"b",
        "\\",
        "\\\\'",
        "$HOME",
        "${HOME}",
        "*",
        "~",
        "a\nb",
        "\n echo P",
        "#x",
        "!x",
        "'\\''",
        "\"$(echo P)\"",
        "')$(echo P)'",
        "a\\",
        "$",
        "-",
    };
    struct row {
        std::string line;
        // What is printed before the value and behind it.
        std::string before, after;
    };
    const row table[] = {
        {"printf %s {}", "", ""},
        {"printf %s \"{}\"", "", ""},
        {"printf %s '{}'", "", ""},
        {"printf %s \"<{}>\"", "<", ">"},
        {"printf %s \"'{}'\"", "'", "'"},
        {"printf %s '\"{}\"'", "\"", "\""},
        {"printf %s \"$(printf %s {}; echo .)\"", "", "."},
        {"printf %s \"$(printf %s \"{}\"; echo .)\"", "", "."},
        {"printf %s \"$(printf %s '{}'; echo .)\"", "", "."},
        {"x=y; printf %s $x\"{}\"", "y", ""},
        {"x=y; printf %s \"$x{}\"", "y", ""},
        {"x=y; printf %s $x{}", "y", ""},
        {"v={}; printf %s \"$v\"", "", ""},
        {"# it's {}\nprintf %s {}", "", ""},
        {"(printf %s {})", "", ""},
        {"if printf %s \\\"{}; then :; fi", "\"", ""},
    };
    for (const row& one : table) {
        for (const std::string& value : values) {
            const std::string line = line_of(one.line, {value});
            SCOPED_TRACE(line);
            EXPECT_EQ(printed_by_shell(line + "; echo"),
                      one.before + value + one.after);
        }
    }
}

TEST(shell_line, keeps_a_number_from_becoming_a_descriptor)
{
    EXPECT_EQ(printed_by_shell(line_of("echo {}>&2", {"2"})), "2");
    EXPECT_EQ(printed_by_shell(line_of("echo {#}>&2 {}", {"x"})), "7 x");
}

}  // namespace
