// read_buffer.cpp: the buffer against a plain string that does the same, and
// the costs that its header promises.

#include "core/read_buffer.hpp"
#include "core/unset_string.hpp"
#include "support/peak_memory.hpp"

#include <gtest/gtest.h>

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using brood_test::peak_memory;

using brood::core::read_buffer;
using strings = std::vector<std::string>;
using ends = std::pair<std::size_t, std::size_t>;

// All in one read, or in as many as it takes.
void feed(read_buffer& buffer, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto room = buffer.prepare();
        ASSERT_FALSE(room.empty());
        const auto size = std::min(room.size(), bytes.size());
        std::memcpy(room.data(), bytes.data(), size);
        buffer.commit(size);
        bytes.remove_prefix(size);
    }
}

read_buffer holding(std::string_view bytes)
{
    read_buffer buffer;
    feed(buffer, bytes);
    return buffer;
}

std::optional<ends> pair_of(const std::optional<read_buffer::match>& found)
{
    if (!found)
        return std::nullopt;
    return ends{found->start, found->end};
}

std::optional<ends> find(read_buffer& buffer, const strings& separators)
{
    return pair_of(buffer.find(separators));
}

// The rule itself, without any memory: the earliest end, then the latest
// start.
std::optional<ends> found_by_rule(std::string_view data,
                                  const strings& separators)
{
    for (std::size_t end = 1; end <= data.size(); ++end) {
        std::optional<ends> best;
        for (const auto& each : separators)
            if (data.substr(0, end).ends_with(each) &&
                (!best || end - each.size() > best->first))
                best = ends{end - each.size(), end};
        if (best)
            return best;
    }
    return std::nullopt;
}

// How much memory the buffer holds on to. Pre: nothing of it was consumed, so
// that what it shows begins where its memory does.
std::size_t memory_of(const read_buffer& buffer)
{
    return ::malloc_usable_size(const_cast<char*>(buffer.view().data()));
}

std::size_t memory_of_empty(read_buffer& buffer)
{
    return ::malloc_usable_size(buffer.prepare().data());
}

// A buffer and a string that must always be the same.
class twins {
public:
    explicit twins(unsigned seed) : random_(seed) {}

    void step()
    {
        switch (below(8)) {
        case 0:
        case 1: read(); break;
        case 2: read_fully(); break;
        case 3: consume(); break;
        case 4: take(); break;
        case 5:
            if (below(20) == 0)
                take_all();
            break;
        case 6: search(); break;
        case 7: search_newline(); break;
        }
        ASSERT_EQ(buffer_.view(), model_);
        ASSERT_EQ(buffer_.size(), model_.size());
        ASSERT_EQ(buffer_.empty(), model_.empty());
    }

private:
    std::size_t below(std::size_t end) { return random_() % end; }

    void commit(std::size_t bytes, std::span<char> room)
    {
        // Few letters, so that separators are often there, and often half.
        for (auto& byte : room.first(bytes))
            byte = "aab\n"[below(4)];
        buffer_.commit(bytes);
        model_.append(room.data(), bytes);
    }
    void read()
    {
        const auto room = buffer_.prepare();
        commit(below(std::min<std::size_t>(room.size(), 12) + 1), room);
    }
    void read_fully()
    {
        // Rarely: what fills the room makes it grow, and the model is slow.
        if (model_.size() > 20'000 || below(10) != 0)
            return;
        const auto room = buffer_.prepare();
        commit(room.size(), room);
    }
    void consume()
    {
        const auto bytes = some_of_it();
        buffer_.consume(bytes);
        model_.erase(0, bytes);
    }
    void take()
    {
        const auto bytes = some_of_it();
        ASSERT_EQ(buffer_.take(bytes), model_.substr(0, bytes));
        model_.erase(0, bytes);
    }
    void take_all()
    {
        ASSERT_EQ(buffer_.take_all(), model_);
        model_.clear();
    }
    void search()
    {
        // Often the same again, as a reader does that waits for more.
        if (below(3) == 0)
            wanted_ = below(sets_.size());
        const auto& separators = sets_[wanted_];
        const auto found = find(buffer_, separators);
        ASSERT_EQ(found, found_by_rule(model_, separators));
        if (found && below(2) == 0) {
            ASSERT_EQ(buffer_.take(found->second),
                      model_.substr(0, found->second));
            model_.erase(0, found->second);
        }
    }
    void search_newline()
    {
        const auto found = pair_of(buffer_.find_newline());
        ASSERT_EQ(found, found_by_rule(model_, {"\n"}));
        if (found && below(2) == 0) {
            buffer_.consume(found->second);
            model_.erase(0, found->second);
        }
    }
    std::size_t some_of_it()
    {
        const auto most = below(3) == 0
                              ? model_.size()
                              : std::min<std::size_t>(model_.size(), 12);
        return below(most + 1);
    }

    const std::vector<strings> sets_{
        {"\n"},          {"b"},
        {"ab\n", "b\n"}, {"aab"},
        {"aaaaaaaa"},    {"abab", "bab"},
        {"\n\n"},        {"ba", "aba"},
        {"b\nb", "\nb"}, {"aabaab", "\n\n\n", "bbbb"}};
    std::mt19937 random_;
    std::size_t wanted_ = 0;
    read_buffer buffer_;
    std::string model_;
};

TEST(read_buffer, does_what_a_plain_string_would)
{
    for (unsigned seed = 1; seed <= 20; ++seed) {
        twins both(seed);
        for (int i = 0; i != 3'000; ++i) {
            both.step();
            ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << " step " << i;
        }
    }
}

TEST(read_buffer, is_empty_at_first)
{
    read_buffer buffer;
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ(buffer.size(), 0u);
    EXPECT_EQ(buffer.view(), "");
    EXPECT_EQ(find(buffer, {"a"}), std::nullopt);
    EXPECT_EQ(buffer.find_newline(), std::nullopt);
    EXPECT_EQ(buffer.take(5), "");
    EXPECT_EQ(buffer.take_all(), "");
}

TEST(read_buffer, takes_no_more_than_there_is)
{
    auto buffer = holding("abc");
    EXPECT_EQ(buffer.take(0), "");
    EXPECT_EQ(buffer.take(2), "ab");
    EXPECT_EQ(buffer.take(100), "c");
    EXPECT_TRUE(buffer.empty());
}

TEST(read_buffer, keeps_a_consumed_line_readable_until_the_next_read)
{
    auto buffer = holding("one\ntwo\n");
    const auto line = buffer.view().substr(0, 4);
    buffer.consume(4);
    EXPECT_EQ(line, "one\n");
    const auto next = buffer.view().substr(0, 4);
    buffer.consume(4);
    EXPECT_EQ(line, "one\n");
    EXPECT_EQ(next, "two\n");
}

TEST(read_buffer, takes_the_earliest_ending_match)
{
    auto long_first = holding("xABCDx");
    EXPECT_EQ(find(long_first, {"ABCD", "C"}), (ends{3, 4}));
    EXPECT_EQ(find(long_first, {"C", "ABCD"}), (ends{3, 4}));
    auto later = holding("xABC..C");
    EXPECT_EQ(find(later, {"ABC", "."}), (ends{1, 4}));
    EXPECT_EQ(find(later, {"..C", "BC.."}), (ends{2, 6}));
}

TEST(read_buffer, takes_the_shorter_of_two_that_end_together)
{
    auto buffer = holding("data\r\nmore");
    EXPECT_EQ(find(buffer, {"\r\n", "\n"}), (ends{5, 6}));
    EXPECT_EQ(find(buffer, {"\n", "\r\n"}), (ends{5, 6}));
    EXPECT_EQ(find(buffer, {"a\r\n", "ta\r\n", "\r\n"}), (ends{4, 6}));
}

TEST(read_buffer, finds_a_separator_however_it_is_split)
{
    const std::string data = "aaabaab-and-the-rest";
    for (std::size_t first = 0; first <= data.size(); ++first) {
        for (std::size_t second = first; second <= data.size(); ++second) {
            read_buffer buffer;
            std::optional<ends> found;
            for (const auto part :
                 {std::string_view(data).substr(0, first),
                  std::string_view(data).substr(first, second - first),
                  std::string_view(data).substr(second)}) {
                feed(buffer, part);
                if (!found)
                    found = find(buffer, {"aabaab", "-the-"});
            }
            // Once begun it is found as soon as it is whole.
            EXPECT_EQ(found, (ends{1, 7})) << first << " " << second;
        }
    }
}

TEST(read_buffer, finds_a_separator_that_comes_byte_by_byte)
{
    read_buffer buffer;
    for (const char byte : std::string_view("abcabcabd")) {
        EXPECT_EQ(find(buffer, {"abcabd"}), std::nullopt);
        feed(buffer, {&byte, 1});
    }
    EXPECT_EQ(find(buffer, {"abcabd"}), (ends{3, 9}));
}

TEST(read_buffer, searches_again_from_the_start_for_other_separators)
{
    auto buffer = holding("a,b;c");
    EXPECT_EQ(find(buffer, {"#"}), std::nullopt);
    EXPECT_EQ(find(buffer, {","}), (ends{1, 2}));
    EXPECT_EQ(find(buffer, {";"}), (ends{3, 4}));
    EXPECT_EQ(find(buffer, {";", ","}), (ends{1, 2}));
    EXPECT_EQ(find(buffer, {"a"}), (ends{0, 1}));
}

TEST(read_buffer, finds_the_same_match_until_it_is_consumed)
{
    auto buffer = holding("one\ntwo\n");
    for (int i = 0; i != 3; ++i) {
        EXPECT_EQ(pair_of(buffer.find_newline()), (ends{3, 4}));
        EXPECT_EQ(find(buffer, {"e\n", "wo"}), (ends{2, 4}));
    }
    buffer.consume(2);  // also when only a part of it was taken
    EXPECT_EQ(pair_of(buffer.find_newline()), (ends{1, 2}));
    EXPECT_EQ(find(buffer, {"e\n", "wo"}), (ends{0, 2}));
    buffer.consume(1);
    EXPECT_EQ(find(buffer, {"e\n", "wo"}), (ends{2, 4}));
}

TEST(read_buffer, searches_what_comes_after_everything_was_taken)
{
    auto buffer = holding(std::string(10'000, 'x'));
    EXPECT_EQ(buffer.find_newline(), std::nullopt);
    EXPECT_EQ(find(buffer, {"ab"}), std::nullopt);
    EXPECT_EQ(buffer.take_all().size(), 10'000u);
    feed(buffer, "ab\n");
    EXPECT_EQ(pair_of(buffer.find_newline()), (ends{2, 3}));
    EXPECT_EQ(find(buffer, {"ab"}), (ends{0, 2}));
}

TEST(read_buffer, searches_a_long_line_once)
{
    // Two million reads of a line that does not end. Were it searched from
    // its beginning each time, this would run into the time limit of a test.
    constexpr std::size_t reads = 2'000'000;
    const strings separators{"\r\n", "--boundary--"};
    read_buffer buffer;
    for (std::size_t i = 0; i != reads; ++i) {
        feed(buffer, "some\rbyt");
        ASSERT_EQ(buffer.find_newline(), std::nullopt);
        ASSERT_EQ(buffer.find(separators), std::nullopt);
    }
    feed(buffer, "\r\n");
    EXPECT_EQ(find(buffer, separators), (ends{reads * 8, reads * 8 + 2}));
    EXPECT_EQ(pair_of(buffer.find_newline()),
              (ends{reads * 8 + 1, reads * 8 + 2}));
}

TEST(read_buffer, searches_a_long_line_once_also_while_it_is_taken)
{
    constexpr std::size_t pieces = 1'000'000;
    auto buffer = holding(std::string(16 * pieces, 'x'));
    const strings separators{"\r\n"};
    for (std::size_t i = 0; i != pieces; ++i) {
        ASSERT_EQ(buffer.find_newline(), std::nullopt);
        ASSERT_EQ(buffer.find(separators), std::nullopt);
        ASSERT_EQ(buffer.take(16).size(), 16u);
    }
    EXPECT_TRUE(buffer.empty());
}

TEST(read_buffer, searches_once_for_a_separator_that_comes_late_or_never)
{
    // As above: here each of the lines would search all those behind it.
    constexpr std::size_t lines = 4'000'000;
    read_buffer buffer;
    for (std::size_t i = 0; i != lines / 1'000; ++i) {
        std::string thousand;
        for (int line = 0; line != 1'000; ++line)
            thousand += "x\n";
        feed(buffer, thousand);
    }
    feed(buffer, "late");
    const strings separators{"\n", "never", "late"};
    for (std::size_t i = 0; i != lines; ++i) {
        ASSERT_EQ(find(buffer, separators), (ends{1, 2}));
        buffer.consume(2);
    }
    EXPECT_EQ(find(buffer, separators), (ends{0, 4}));
}

TEST(read_buffer, takes_short_lines_without_moving_the_rest)
{
    constexpr std::size_t lines = 4'000'000;
    auto buffer = holding(std::string(2 * lines, '\n'));
    for (std::size_t i = 0; i != lines; ++i)
        ASSERT_EQ(buffer.take(2), "\n\n");
    EXPECT_TRUE(buffer.empty());
}

TEST(read_buffer, offers_more_room_while_reads_fill_it)
{
    read_buffer buffer;
    const auto at_first = buffer.prepare().size();
    EXPECT_LE(at_first, 16u * 1024);
    for (int i = 0; i != 20; ++i) {
        const auto room = buffer.prepare();
        EXPECT_GE(room.size(), at_first);
        EXPECT_LE(room.size(), 1024u * 1024);
        buffer.commit(room.size());
        buffer.consume(room.size());
    }
    EXPECT_GE(buffer.prepare().size(), 128u * 1024);
}

TEST(read_buffer, stays_small_while_reads_are_short)
{
    read_buffer buffer;
    for (int i = 0; i != 100'000; ++i) {
        feed(buffer, "a short answer\n");
        EXPECT_EQ(pair_of(buffer.find_newline()), (ends{14, 15}));
        buffer.consume(15);
    }
    EXPECT_LE(memory_of_empty(buffer), 64u * 1024);
}

TEST(read_buffer, gives_the_memory_of_a_huge_line_back)
{
    constexpr std::size_t huge = 64 << 20;
    auto buffer = holding(std::string(huge, 'x'));
    EXPECT_GE(memory_of(buffer), huge);
    buffer.consume(huge);
    EXPECT_LE(memory_of_empty(buffer), 1024u * 1024);

    // Given out as a string, it belongs to the caller.
    feed(buffer, std::string(huge, 'x'));
    const auto taken = buffer.take_all();
    EXPECT_EQ(taken.size(), huge);
    EXPECT_LE(memory_of_empty(buffer), 1024u * 1024);
}

TEST(read_buffer, gives_the_memory_back_also_when_it_never_runs_dry)
{
    constexpr std::size_t huge = 64 << 20;
    std::string bytes(huge, 'x');
    bytes += "\nthe next";
    auto buffer = holding(bytes);
    const auto old = reinterpret_cast<std::uintptr_t>(buffer.view().data());
    const auto end_of_old = old + memory_of(buffer);
    buffer.consume(huge + 1);
    feed(buffer, " line\n");
    EXPECT_EQ(buffer.view(), "the next line\n");
    // What is left was moved out of the memory of the huge line.
    const auto now = reinterpret_cast<std::uintptr_t>(buffer.view().data());
    EXPECT_TRUE(now < old || now >= end_of_old);
}

// What a body needs at the most, in a process of its own.
template <class Body>
std::size_t peak_memory_of(const Body& body)
{
    int pipe_ends[2];
    EXPECT_EQ(::pipe(pipe_ends), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
        // Sets the mark back; proc_pid_clear_refs(5).
        std::ofstream("/proc/self/clear_refs") << "5";
        const auto before = peak_memory();
        body();
        const auto used = peak_memory() - before;
        const bool told =
            ::write(pipe_ends[1], &used, sizeof used) == sizeof used;
        ::_exit(told ? 0 : 1);
    }
    std::size_t used = 0;
    ::close(pipe_ends[1]);
    EXPECT_EQ(::read(pipe_ends[0], &used, sizeof used),
              static_cast<ssize_t>(sizeof used));
    ::close(pipe_ends[0]);
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
    return used;
}

void forget(char* memory, std::size_t size) noexcept
{
    constexpr std::uintptr_t page = 64 * 1024;
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    const auto first = (begin + page - 1) / page * page;
    const auto end = (begin + size) / page * page;
    if (first < end)
        ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

TEST(read_buffer, needs_no_more_memory_than_there_are_bytes)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's own memory grows along";
#else
    // Just above a size at which the storage is exchanged for a larger one.
    for (const std::size_t mib : {18, 40}) {
        const auto size = mib << 20;
        const auto used = peak_memory_of([size] {
            const std::string piece(1 << 16, 'x');
            read_buffer buffer(forget);
            while (buffer.size() < size)
                feed(buffer, piece);
            if (buffer.take_all().size() != size)
                ::_exit(1);
        });
        EXPECT_GE(used, size / 2);  // it does measure
        EXPECT_LE(used, size + size / 10) << mib;
    }
#endif
}

TEST(unset_string, touches_no_memory)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's own memory grows along";
#else
    EXPECT_LE(peak_memory_of([] {
                  if (brood::core::unset_string(64 << 20).size() != 64 << 20)
                      ::_exit(1);
              }),
              4u << 20);
    EXPECT_EQ(brood::core::unset_string(3).size(), 3u);
    EXPECT_TRUE(brood::core::unset_string(0).empty());
#endif
}

TEST(read_buffer, grows_by_less_where_memory_is_scarce)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer needs all the address space there is";
#else
    constexpr std::size_t size = 40 << 20;
    constexpr rlim_t spare = 112 << 20;  // less than four times the last room
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
        long pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        const auto used = static_cast<rlim_t>(pages * ::sysconf(_SC_PAGESIZE));
        const rlimit limit{used + spare, used + spare};
        ::setrlimit(RLIMIT_AS, &limit);
        const std::string piece(1 << 16, 'x');
        read_buffer buffer;
        while (buffer.size() != size)
            feed(buffer, piece);
        ::_exit(0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
#endif
}

TEST(read_buffer, does_not_carry_much_room_along_with_a_short_result)
{
    auto buffer = holding(std::string(1 << 20, 'x'));
    buffer.consume((1 << 20) - 10);
    const auto taken = buffer.take_all();
    EXPECT_EQ(taken, "xxxxxxxxxx");
    EXPECT_LE(taken.capacity(), 1024u);
}

}  // namespace
