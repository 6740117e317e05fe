// timeout_error.hpp: a time limit was reached.
#pragma once

#include <brood/asio.hpp>
#include <brood/export.hpp>

namespace brood {

/// Says that a time limit was reached, and what had the limit has ended.
///
/// code() is asio::error::timed_out.
///
/// Threads: a value: distinct objects are independent.
/// See: wait_for; asyncio.TimeoutError
class BROOD_API timeout_error : public system_error {
public:
    timeout_error() : system_error(asio::error::timed_out) {}

    const char* what() const noexcept override
    {
        return "the time limit was reached";
    }
};

}  // namespace brood
