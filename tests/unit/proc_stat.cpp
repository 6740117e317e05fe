// proc_stat.cpp: a process in /proc, whatever it is called.
#include "support/fixture.hpp"

#include "os/linux/proc_stat.hpp"

#include <cerrno>
#include <string>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace {

using brood::os::parse_proc_stat;
using brood::os::proc_stat;
using brood::os::read_proc_stat;

class proc_stats : public brood_test::clean_test {};

// Linux 6.18; the fields 3 to 52, of which each has its own number.
std::string line_of(const std::string& name)
{
    std::string line = "4711 (" + name + ") S";
    for (int field = 4; field <= 52; ++field)
        line += " " + std::to_string(field);
    return line + "\n";
}

void expect_fields(const std::string& line)
{
    SCOPED_TRACE(line);
    const auto found = parse_proc_stat(line);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->state, 'S');
    EXPECT_EQ(found->parent, 4);
    EXPECT_EQ(found->group, 5);
    EXPECT_EQ(found->session, 6);
    EXPECT_EQ(found->threads, 20);
    EXPECT_EQ(found->start, 22u);
    EXPECT_EQ(found->wait_status, 52);
}

TEST_F(proc_stats, are_read_behind_a_name_of_any_kind)
{
    for (const auto* const name :
         {"cat", "", "two words", " ", "(sd-pam)", ")", "a) Z 1 2 (b",
          ") Z 1 2 3 4", "a\nb", "a))) ((( b"})
        expect_fields(line_of(name));
}

TEST_F(proc_stats, of_an_old_kernel_have_no_wait_status)
{
    auto line = line_of("cat");
    line.resize(line.find(" 52"));
    const auto found = parse_proc_stat(line);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->start, 22u);
    EXPECT_FALSE(found->wait_status.has_value());
}

TEST_F(proc_stats, of_something_else_are_none)
{
    for (const auto* const line :
         {"", "4711", "4711 (cat", "4711 (cat)", "4711 (cat) ",
          "4711 (cat) S 4 5",
          "4711 (cat) S four 5 6 7 8 9 10 11 12 13 14 15 "
          "16 17 18 19 20 21 22"})
        EXPECT_FALSE(parse_proc_stat(line).has_value()) << line;
}

TEST_F(proc_stats, have_room_for_the_largest_numbers)
{
    auto line = line_of("cat");
    const std::string most = "18446744073709551615";
    line.replace(line.find(" 22 "), 4, " " + most + " ");
    const auto found = parse_proc_stat(line);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(std::to_string(found->start), most);
    EXPECT_EQ(found->wait_status, 52);
}

// Gives this process a name, and takes it away again.
class called {
public:
    explicit called(const char* name)
    {
        ::prctl(PR_GET_NAME, before_);
        ::prctl(PR_SET_NAME, name);
    }
    ~called() { ::prctl(PR_SET_NAME, before_); }
    called(const called&) = delete;
    called& operator=(const called&) = delete;

private:
    char before_[16] = {};  // prctl(2)
};

TEST_F(proc_stats, are_those_of_the_process_asked_for)
{
    const called oddly(") Z 1 (2 3");
    int error = -1;
    const auto own = read_proc_stat(::getpid(), error);
    EXPECT_EQ(error, 0);
    ASSERT_TRUE(own.has_value());
    EXPECT_EQ(own->state, 'R');
    EXPECT_EQ(own->parent, ::getppid());
    EXPECT_EQ(own->group, ::getpgrp());
    EXPECT_EQ(own->session, ::getsid(0));
    EXPECT_GT(own->start, 0u);

    const pid_t ended = ::fork();
    if (ended == 0)
        ::_exit(3);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(ended), &info, WEXITED | WNOWAIT);
    const auto zombie = read_proc_stat(ended, error);
    ::waitpid(ended, nullptr, 0);
    ASSERT_TRUE(zombie.has_value());
    EXPECT_EQ(zombie->state, 'Z');
    EXPECT_EQ(zombie->parent, ::getpid());
    ASSERT_TRUE(zombie->wait_status.has_value());
    EXPECT_EQ(WEXITSTATUS(*zombie->wait_status), 3);

    EXPECT_FALSE(read_proc_stat(ended, error).has_value());
    EXPECT_TRUE(error == ENOENT || error == ESRCH) << error;
}

}  // namespace
