// with_process.cpp: see with_process.hpp.
#include <brood/with_process.hpp>

#include BROOD_ASIO_HEADER(error.hpp)

namespace brood::detail {

awaitable<void> end_of_scope(process& child)
{
    try {
        co_await child.stop();
    } catch (const system_error& error) {
        // It was hurried, but it is over; the nursery knows of the
        // cancellation.
        if (error.code() != asio::error::operation_aborted)
            throw;
    }
}

}  // namespace brood::detail
