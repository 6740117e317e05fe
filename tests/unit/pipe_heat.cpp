// pipe_heat.cpp: when a pipe is asked to grow.

#include "core/pipe_heat.hpp"

#include <gtest/gtest.h>

#include <cstddef>

namespace {

using brood::core::pipe_heat;

constexpr std::size_t kib = 1024;

TEST(pipe_heat, grows_in_steps_after_runs_of_full_reads)
{
    pipe_heat heat;
    for (int i = 0; i != 3; ++i)
        EXPECT_EQ(heat.moved(64 * kib, 64 * kib), 0u);
    EXPECT_EQ(heat.moved(64 * kib, 64 * kib), 256 * kib);
    heat.grown(256 * kib);
    for (int i = 0; i != 3; ++i)
        EXPECT_EQ(heat.moved(256 * kib, 256 * kib), 0u);
    EXPECT_EQ(heat.moved(256 * kib, 256 * kib), 1024 * kib);
    heat.grown(1024 * kib);
    for (int i = 0; i != 100; ++i)
        EXPECT_EQ(heat.moved(1024 * kib, 1024 * kib), 0u);
}

TEST(pipe_heat, stays_cold_while_reads_find_little)
{
    pipe_heat heat;
    for (int i = 0; i != 10'000; ++i)
        EXPECT_EQ(heat.moved(4 * kib, 64 * kib), 0u);
}

TEST(pipe_heat, one_short_read_does_not_cool_it)
{
    pipe_heat heat;
    for (int i = 0; i != 3; ++i)
        EXPECT_EQ(heat.moved(64 * kib, 64 * kib), 0u);
    EXPECT_EQ(heat.moved(1, 64 * kib), 0u);
    EXPECT_EQ(heat.moved(64 * kib, 64 * kib), 0u);
    EXPECT_EQ(heat.moved(64 * kib, 64 * kib), 0u);
    EXPECT_EQ(heat.moved(64 * kib, 64 * kib), 256 * kib);
}

TEST(pipe_heat, counts_small_reads_that_are_always_full)
{
    pipe_heat heat;
    for (int i = 1; i != 64; ++i)
        EXPECT_EQ(heat.moved(4 * kib, 4 * kib), 0u);
    EXPECT_EQ(heat.moved(4 * kib, 4 * kib), 256 * kib);
}

TEST(pipe_heat, asks_again_after_another_run_where_nothing_came_of_it)
{
    pipe_heat heat;
    for (int round = 0; round != 3; ++round) {
        for (int i = 0; i != 3; ++i)
            EXPECT_EQ(heat.moved(64 * kib, 64 * kib), 0u);
        EXPECT_EQ(heat.moved(64 * kib, 64 * kib), 256 * kib);
    }
    heat.refused();
    for (int i = 0; i != 100; ++i)
        EXPECT_EQ(heat.moved(64 * kib, 64 * kib), 0u);
}

}  // namespace
