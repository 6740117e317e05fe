#include "cli/orphans.hpp"

#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <thread>
#include <utility>

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

// Calls it beside the first thread, which has the orphans and answers for them.
template <class Body>
void ask_beside(cli::orphans& seen, const Body& body)
{
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    std::thread asks([&] {
        body();
        seen.ask_no_more();
    });
    seen.answer();
    asks.join();
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

// With the kernel's list, and without.
class orphans : public testing::TestWithParam<bool> {
protected:
    std::optional<cli::orphans> with_list_{std::in_place};
    std::optional<cli::orphans> without_{std::in_place, "/nonexistent/list"};
    cli::orphans& seen_ = GetParam() ? *with_list_ : *without_;
};

TEST_P(orphans, are_seen_as_long_as_they_live)
{
    std::array<int, 2> until{};
    ASSERT_EQ(pipe(until.data()), 0);
    ask_beside(seen_, [&] {
        EXPECT_FALSE(seen_.any_left());
        make_orphan(until);
        make_orphan(until);
        EXPECT_TRUE(seen_.any_left());
        close(until[1]);
        close(until[0]);
        siginfo_t ended{};
        while (seen_.any_left())
            waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT);
        // They were collected, too.
        EXPECT_EQ(waitid(P_ALL, 0, &ended, WEXITED | WNOHANG), -1);
    });
}

TEST_P(orphans, are_not_confused_with_children_of_ours)
{
    std::array<int, 2> until{};
    ASSERT_EQ(pipe(until.data()), 0);
    ask_beside(seen_, [&] {
        const pid_t child = fork();
        if (child == 0) {
            close(until[1]);
            char nothing = 0;
            [[maybe_unused]] const auto end = read(until[0], &nothing, 1);
            _exit(0);
        }
        EXPECT_FALSE(seen_.any_left());
        close(until[1]);
        EXPECT_FALSE(seen_.any_left());
        EXPECT_EQ(waitpid(child, nullptr, 0), child);
        close(until[0]);
    });
}

INSTANTIATE_TEST_SUITE_P(, orphans, testing::Bool(), [](const auto& with) {
    return with.param ? "in_the_list" : "by_asking";
});

}  // namespace
