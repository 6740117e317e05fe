// pipe_growth.cpp: see pipe_growth.hpp.
#include "os/pipe_growth.hpp"

#include "os/posix/descriptor.hpp"
#include "os/posix/system_call.hpp"

#include <fcntl.h>

#include <atomic>

namespace brood::os {

namespace {

std::atomic<std::size_t>& all_taken() noexcept
{
    static std::atomic<std::size_t> bytes{0};
    return bytes;
}

}  // namespace

std::size_t pipe_growth::taken() noexcept
{
    return all_taken();
}

bool pipe_growth::take(std::size_t bytes) noexcept
{
    auto before = all_taken().load();
    do {
        if (bytes > budget || before > budget - bytes)
            return false;
    } while (!all_taken().compare_exchange_weak(before, before + bytes));
    return true;
}

void pipe_growth::give_back(std::size_t bytes) noexcept
{
    if (bytes != 0)
        all_taken() -= bytes;
}

void pipe_growth::grow(int number, std::size_t wanted) noexcept
{
    const auto has = pipe_capacity(number);
    if (has == 0 || has >= wanted)
        return has == 0 ? heat_.refused() : heat_.grown(has);
    // Without room in the budget it asks again after the next run: by then
    // another pipe may be gone.
    const auto more = wanted - has;
    if (!take(more))
        return;
    // EPERM: more than this user may have. EBUSY, ENOMEM: not now, and there
    // is no reason why later.
    const long got = system_call(SYS_fcntl, number, F_SETPIPE_SZ, wanted);
    if (got < 0) {
        give_back(more);
        return heat_.refused();
    }
    taken_ += more;
    heat_.grown(static_cast<std::size_t>(got));
}

}  // namespace brood::os
