// orphans: the processes that lost their parent, and became ours.
//
// The kernel gives them to the first thread of a process that is a subreaper.
// As long as that thread starts nothing itself, all its children are orphans,
// and whether there are any is one small read for each job that ends, where a
// look at all of /proc takes milliseconds.

#pragma once

#include <atomic>
#include <string>

namespace cli {

class orphans {
public:
    // `list`: a path, for tests.
    explicit orphans(const std::string& list = list_of_first_thread());
    orphans(const orphans&) = delete;
    orphans& operator=(const orphans&) = delete;
    ~orphans();

    // Collects those that have ended, each by its own id. Are any left?
    //
    // Threads: the one that starts the jobs, which is not the first one.
    bool any_left();

    // Where the kernel has no such list (CONFIG_PROC_CHILDREN), or there is no
    // /proc, or another one, the first thread is asked, who can ask the kernel
    // for its own children alone; that takes two wake-ups.
    //
    // answer: in the first thread; returns after ask_no_more.
    void answer();
    void ask_no_more();

private:
    enum class question { none, asked, some_are_left, none_is_left, last };

    static std::string list_of_first_thread();
    bool ask();
    void set(question now);

    int list_;
    std::atomic<question> state_{question::none};
};

}  // namespace cli
