// signal_watch.hpp: tells the waiting exit_watches of one execution context
// that SIGCHLD came, and their child has ended.
//
// Listens only while somebody waits. Signals merge, so after each of them
// every waiting child is asked, by its own id; here it is never collected.
//
// Must stay true: who is added is asked after that, not before, or an end
// between the two would go unheard. And a signal that never comes (blocked in
// every thread, taken by another handler) costs a second, not for ever.
#pragma once

#include "os/posix/child_signal.hpp"

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(posix/stream_descriptor.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

namespace brood::detail {

class exit_watch;

// Safe from any thread: the children of one context may be on many strands.
class signal_watch {
public:
    struct waiting {
        std::weak_ptr<exit_watch> watch;
        executor io;
        int pid;
        bool is_told = false;
    };
    using entry = std::list<waiting>::iterator;

    // None: there is no listening now (no descriptor, SIGCHLD is ignored),
    // the child has to be watched in another way. The loop runs on until it
    // is removed; exit_watch::ask is posted when the child has ended.
    std::optional<entry> add(const std::shared_ptr<exit_watch>& watch,
                             const executor& io, int pid);
    void remove(entry place) noexcept;

private:
    bool open(const executor& io);
    void close() noexcept;
    void await_signal();
    void await_next_round();
    void look(bool at_all) noexcept;

    std::mutex mutex_;
    std::list<waiting> waiting_;
    os::child_signal signal_;
    // While there is somebody in the list.
    std::optional<asio::posix::stream_descriptor> readable_;
    std::optional<asio::steady_timer> timer_;
    // What was begun before the last close() is over.
    std::uint64_t turn_ = 0;
};

}  // namespace brood::detail
