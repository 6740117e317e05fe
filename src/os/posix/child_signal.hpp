// child_signal.hpp: SIGCHLD for every loop of the process that asks for it.
//
// One handler, there as long as somebody listens. It makes each listener's
// descriptor readable and calls the handler that was there before. Nothing
// here waits for a child, or says which one has ended: signals merge.
//
// Process-wide state, the second that brood touches (interrupt.hpp is the
// other), and only where a program asks for it by name.
//
// Must stay true: the handler takes no lock, allocates nothing and leaves
// errno alone; and a handler that the application has set meanwhile is never
// replaced when ours goes.
#pragma once

#include "os/posix/descriptor.hpp"

namespace brood::os {

// True where the kernel forgets ended children at once (SIG_IGN, or
// SA_NOCLDWAIT). A handler of ours would change that, so there is none then.
bool sigchld_is_ignored() noexcept;

// One listener. Safe from any thread; one object, one thread at a time.
class child_signal {
public:
    child_signal() noexcept = default;
    ~child_signal() { cancel(); }
    child_signal(const child_signal&) = delete;
    child_signal& operator=(const child_signal&) = delete;

    // From now on every SIGCHLD of this process makes number() readable. 0,
    // or errno: ECHILD where SIGCHLD is ignored, EBUSY where our handler was
    // replaced too often to go before yet another one. Throws
    // std::bad_alloc.
    int listen();
    void cancel() noexcept;

    // False also in a forked copy of the process that listens.
    bool is_listening() const noexcept;
    // Pre: it listens.
    int number() const noexcept { return event_.number(); }
    // Pre: it listens. Makes it unreadable until the next signal.
    void take() const noexcept;

private:
    descriptor event_;
    struct listener* place_ = nullptr;
    int owner_ = 0;  // the process that listens, of which there may be copies
};

}  // namespace brood::os
