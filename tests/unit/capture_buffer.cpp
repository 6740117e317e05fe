// capture_buffer.cpp: against a model that keeps everything.

#include "core/capture_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using brood::keep;
using brood::core::capture_buffer;
using brood::core::read_buffer;

const std::vector<keep> policies{keep::head, keep::tail, keep::head_and_tail};

// What is to be kept of `all`, and how much is not.
struct kept {
    kept(const std::string& all, std::size_t limit, keep policy)
    {
        const auto size = std::min(all.size(), limit);
        left_out = all.size() - size;
        if (left_out == 0)
            text = all;
        else if (policy == keep::head || limit == 1)
            text = policy == keep::tail ? all.substr(all.size() - limit)
                                        : all.substr(0, limit);
        else if (policy == keep::tail)
            text = all.substr(all.size() - limit);
        else if (limit != 0)
            text = all.substr(0, limit - limit / 2) + "\n[" +
                   std::to_string(left_out) + " bytes left out]\n" +
                   all.substr(all.size() - limit / 2);
    }

    std::string text;
    std::size_t left_out;
};

TEST(capture_buffer, keeps_what_a_naive_model_keeps)
{
    constexpr unsigned seed = 20230917;
    std::mt19937 random(seed);
    for (std::size_t limit = 0; limit <= 10; ++limit)
        for (const auto policy : policies)
            for (int round = 0; round != 300; ++round) {
                capture_buffer buffer(limit, policy);
                std::string all;
                const auto chunks = random() % 8;
                for (unsigned i = 0; i != chunks; ++i) {
                    std::string chunk(random() % 13, ' ');
                    for (auto& c : chunk)
                        c = static_cast<char>('a' + random() % 26);
                    buffer.append(chunk);
                    all += chunk;
                    const kept now(all, limit, policy);
                    ASSERT_EQ(buffer.total(), all.size());
                    ASSERT_EQ(buffer.left_out(), now.left_out);
                }
                const kept wanted(all, limit, policy);
                ASSERT_EQ(buffer.take(), wanted.text)
                    << all << ", limit " << limit << ", policy "
                    << static_cast<int>(policy);
            }
}

// The same bytes, left in the buffer into which they were read.
TEST(capture_buffer, keeps_the_same_of_what_stays_where_it_was_read)
{
    std::mt19937 random(1);
    for (std::size_t limit = 0; limit <= 10; ++limit)
        for (const auto policy : policies)
            for (int round = 0; round != 300; ++round) {
                capture_buffer buffer(limit, policy);
                read_buffer from;
                std::string all;
                const auto chunks = random() % 8;
                for (unsigned i = 0; i != chunks; ++i) {
                    const auto room = from.prepare().first(random() % 13);
                    for (auto& c : room)
                        c = static_cast<char>('a' + random() % 26);
                    all.append(room.data(), room.size());
                    from.commit(room.size());
                    buffer.append_from(from);
                    ASSERT_EQ(buffer.in_place(), from.size());
                    ASSERT_EQ(buffer.total(), all.size());
                    ASSERT_EQ(buffer.left_out(),
                              kept(all, limit, policy).left_out);
                }
                ASSERT_EQ(buffer.take(from), kept(all, limit, policy).text)
                    << all << ", limit " << limit << ", policy "
                    << static_cast<int>(policy);
                ASSERT_TRUE(from.empty());
            }
}

TEST(capture_buffer, does_not_copy_the_head)
{
    constexpr std::size_t size = 100'000;
    capture_buffer buffer(size, keep::head);
    read_buffer from;
    while (from.size() != size) {
        const auto room = from.prepare();
        from.commit(std::min(room.size(), size - from.size()));
        buffer.append_from(from);
    }
    const auto* const where = from.view().data();
    EXPECT_EQ(buffer.take(from).data(), where);
}

// Memory is not shown by a test, but time is: a tail that moved all its bytes
// for each one that comes would take hours here.
TEST(capture_buffer, moves_a_byte_about_once)
{
    constexpr std::size_t limit = 1 << 20;
    capture_buffer buffer(limit, keep::tail);
    const std::string line(16, 'x');
    for (std::size_t i = 0; i != 4 * limit / line.size(); ++i)
        buffer.append(line);
    buffer.append("end");
    EXPECT_EQ(buffer.left_out(), 3 * limit + 3);
    const auto text = buffer.take();
    EXPECT_EQ(text.size(), limit);
    EXPECT_TRUE(text.ends_with("xend"));
}

}  // namespace
