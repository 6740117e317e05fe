// orphans: the processes that lost their parent, and became ours.
//
// The kernel gives them to the first thread of a process that is a subreaper.
// As long as that thread starts nothing itself, all its children are orphans,
// and whether there are any is one small read for each job that ends, where a
// look at all of /proc takes milliseconds.

#pragma once

#include <string>

namespace cli {

class orphans {
public:
    // `list`: a path, for tests.
    explicit orphans(const std::string& list = list_of_first_thread());
    orphans(const orphans&) = delete;
    orphans& operator=(const orphans&) = delete;
    ~orphans();

    // Collects those that have ended, each by its own id. Are any left? True,
    // too, where the kernel has no such list
    // (CONFIG_PROC_CHILDREN), or /proc is not there: look for them, then.
    //
    // Threads: called in the thread that starts the jobs, which is not the
    //          first one.
    bool any_left() const;

private:
    static std::string list_of_first_thread();

    int list_;
};

}  // namespace cli
