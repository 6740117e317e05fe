// thread.cpp: see thread.hpp.
#include "os/posix/thread.hpp"

#include <pthread.h>

#include <csignal>
#include <memory>
#include <new>
#include <utility>

namespace brood::os {

namespace {

using body_type = std::function<void()>;

extern "C" void* run_thread_body(void* body)
{
    const std::unique_ptr<body_type> owned(static_cast<body_type*>(body));
    (*owned)();
    return nullptr;
}

}  // namespace

bool start_detached_thread(body_type body) noexcept
{
    // It only waits: a stack of the default 8 MiB would weigh on programs
    // that limit their address space.
    constexpr std::size_t stack_size = 256 * 1024;
    auto* owned = new (std::nothrow) body_type(std::move(body));
    if (!owned)
        return false;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, stack_size);
    // The new thread inherits the mask, so there is no moment without it.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    const int error =
        pthread_create(&thread, &attributes, run_thread_body, owned);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    if (error)
        delete owned;
    return error == 0;
}

void around_fork(void (*before)(), void (*in_parent)(), void (*in_copy)())
{
    pthread_atfork(before, in_parent, in_copy);
}

}  // namespace brood::os
