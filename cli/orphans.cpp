#include "cli/orphans.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

namespace cli {

namespace {

// True: it has ended, and was collected now or by somebody else.
bool collect(int pid)
{
    siginfo_t found{};
    return waitid(P_PID, static_cast<id_t>(pid), &found, WEXITED | WNOHANG) !=
               0 ||
           found.si_pid != 0;
}

}  // namespace

std::string orphans::list_of_first_thread()
{
    const auto first = std::to_string(getpid());
    return "/proc/self/task/" + first + "/children";
}

orphans::orphans(const std::string& list)
    : list_(open(list.c_str(), O_RDONLY | O_CLOEXEC))
{
}

orphans::~orphans()
{
    if (list_ >= 0)
        close(list_);
}

bool orphans::any_left()
{
    for (;;) {
        // Of more than fit in, the first ones are enough. That the list is
        // empty can be relied on; that it is whole cannot, proc(5).
        char text[256];
        const auto size = pread(list_, text, sizeof text, 0);
        if (size == 0)
            return false;
        if (size < 0)
            return ask();
        bool alive = false;
        std::string_view rest(text, static_cast<std::size_t>(size));
        for (auto space = rest.find(' '); space != rest.npos;
             space = rest.find(' ')) {
            int pid = 0;
            std::from_chars(rest.data(), rest.data() + space, pid);
            alive = !collect(pid) || alive;
            rest.remove_prefix(space + 1);
        }
        if (alive)
            return true;
    }
}

void orphans::set(question now)
{
    state_ = now;
    state_.notify_all();
}

bool orphans::ask()
{
    set(question::asked);
    state_.wait(question::asked);
    return state_ == question::some_are_left;
}

void orphans::answer()
{
    for (;;) {
        const auto now = state_.load();
        if (now == question::last)
            return;
        if (now != question::asked) {
            state_.wait(now);
            continue;
        }
        siginfo_t found{};
        int failed = 0;
        while ((failed = waitid(P_ALL, 0, &found,
                                WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD)) ==
                   0 &&
               found.si_pid != 0)
            collect(found.si_pid);
        set(failed == 0 ? question::some_are_left : question::none_is_left);
    }
}

void orphans::ask_no_more()
{
    set(question::last);
}

}  // namespace cli
