#include "cli/orphans.hpp"

#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace {

// A process that lost its parent, and runs until `until` has no writer.
void make_orphan(const std::array<int, 2>& until)
{
    const pid_t parent = fork();
    if (parent == 0) {
        if (fork() == 0) {
            close(until[1]);
            char nothing = 0;
            [[maybe_unused]] const auto end = read(until[0], &nothing, 1);
        }
        _exit(0);
    }
    waitpid(parent, nullptr, 0);
}

TEST(orphans, are_seen_as_long_as_they_live)
{
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    std::array<int, 2> until{};
    ASSERT_EQ(pipe(until.data()), 0);
    // Children of the first thread would be taken for orphans.
    std::thread([&] {
        const cli::orphans seen;
        EXPECT_FALSE(seen.any_left());
        make_orphan(until);
        make_orphan(until);
        EXPECT_TRUE(seen.any_left());
        close(until[1]);
        close(until[0]);
        siginfo_t ended{};
        while (seen.any_left())
            waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT);
        // They were collected, too.
        EXPECT_EQ(waitid(P_ALL, 0, &ended, WEXITED | WNOHANG), -1);
    }).join();
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(orphans, are_not_confused_with_children_of_ours)
{
    std::array<int, 2> until{};
    ASSERT_EQ(pipe(until.data()), 0);
    std::thread([&] {
        const cli::orphans seen;
        const pid_t child = fork();
        if (child == 0) {
            close(until[1]);
            char nothing = 0;
            [[maybe_unused]] const auto end = read(until[0], &nothing, 1);
            _exit(0);
        }
        EXPECT_FALSE(seen.any_left());
        close(until[1]);
        EXPECT_FALSE(seen.any_left());
        EXPECT_EQ(waitpid(child, nullptr, 0), child);
        close(until[0]);
    }).join();
}

TEST(orphans, may_be_there_where_the_kernel_does_not_say)
{
    EXPECT_TRUE(cli::orphans("/nonexistent/children").any_left());
}

}  // namespace
