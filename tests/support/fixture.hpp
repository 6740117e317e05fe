// fixture.hpp: what every integration test of brood stands on.
//
// clean_test fails a test that leaves anything behind. The functions below it
// are the facts it compares, and the few things that most tests need. POSIX;
// reads /proc, so Linux first. Uses neither brood nor Asio.
#pragma once

#include <brood/command.hpp>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace brood_test {

/// Long enough for any machine under load; only a failing test waits so long.
inline constexpr std::chrono::milliseconds patience{5000};

// --- facts about this process -------------------------------------------

/// Descriptor number to what it is open on: a path, or 'pipe:[inode]'.
using descriptor_table = std::map<int, std::string>;

/// The open descriptors of this process, without the one used for looking.
descriptor_table open_descriptors();

/// One child of this process. A state of 'Z' is a zombie: proc(5).
struct child_entry {
    int pid;
    char state;
    std::string name;
};

/// The direct children of this process, of all its threads, by pid; zombies
/// too.
std::vector<child_entry> children();

/// The ids of this process's threads, with their names.
std::map<int, std::string> threads();

/// How many threads this process has.
std::size_t thread_count();

// --- facts about another process ----------------------------------------

/// Whether there is a process `pid`. A zombie exists: this turns false only
/// when it has been reaped.
bool process_exists(int pid);

/// Whether process `pid` exists and is not a zombie.
bool process_is_alive(int pid);

/// The state letter of process `pid` in proc(5) ('T': stopped, 'Z': zombie),
/// or '\0' if there is none.
char process_state(int pid);

// --- waiting ------------------------------------------------------------

/// Asks `predicate` again and again until it is true; false after `timeout`.
///
/// For facts that nothing announces (a process is gone). What a child can
/// say, let it say through a pipe.
[[nodiscard]] bool wait_until(const std::function<bool()>& predicate,
                              std::chrono::milliseconds timeout = patience);

// --- files and bytes ----------------------------------------------------

/// A new empty directory, removed with all it holds on destruction.
class temp_dir {
public:
    temp_dir();
    ~temp_dir();
    temp_dir(const temp_dir&) = delete;
    temp_dir& operator=(const temp_dir&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(std::string_view name) const
    {
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

/// Where brood-child is. Absolute.
std::string child_path();

/// brood-child in one of its modes.
template <class... Arguments>
brood::command child(const Arguments&... mode_and_arguments)
{
    return brood::exec(child_path(), mode_and_arguments...);
}

/// All bytes of a file. Throws std::runtime_error if it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// Replaces a file's bytes. Throws std::runtime_error if it cannot.
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// The first `size` bytes that 'brood-child flood' writes.
std::string pattern(std::size_t size);

// --- nothing left behind ------------------------------------------------

/// Remembers descriptors, children, threads, signal dispositions and this
/// thread's signal mask, and tells later what is different.
class leak_check {
public:
    leak_check();

    /// What is left of children, descriptors and threads, one sentence each,
    /// and what has changed of the signals; empty if nothing.
    ///
    /// Waits up to `timeout` for the first three to go: brood reaps a dropped
    /// child in the background, and a joined thread stays in /proc for a
    /// moment. Call on the thread that made the object.
    std::vector<std::string>
    differences(std::chrono::milliseconds timeout = patience) const;

    /// Kills and reaps the children that are left, so that one broken test
    /// does not disturb the next.
    void end_leftover_children() const;

private:
    std::vector<child_entry> leftover_children() const;
    void compare_resources(std::vector<std::string>& found) const;
    void compare_signals(std::vector<std::string>& found) const;

    descriptor_table descriptors_;
    std::vector<child_entry> children_;
    std::map<int, std::string> threads_;
    std::map<int, struct ::sigaction> dispositions_;
    sigset_t mask_;
};

/// The base of a fixture: a test fails if it leaves a descriptor, child,
/// zombie or thread, or changes a signal's disposition or the mask.
///
/// The state before is taken in SetUp: what the members of a fixture hold
/// from their constructors is part of it. A fixture that overrides SetUp or
/// TearDown calls this one's first or last, respectively.
class clean_test : public ::testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

private:
    std::optional<leak_check> before_;
};

}  // namespace brood_test
