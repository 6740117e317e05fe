// process_test.hpp: the fixture of the tests of one child's exit.
#pragma once

#include "outcome.hpp"

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <optional>

namespace brood_test {

class process_test : public clean_test {};

// A child that ends with code 5 when its standard input ends.
inline brood::command ends_when_told()
{
    return child("close-stdout-then-wait-stdin").in(brood::piped);
}

// Runs the loop until the child has ended, and gives its returncode.
inline int wait_on(asio::io_context& io, brood::process& p)
{
    std::optional<int> code;
    p.async_wait([&code](brood::error_code ec, int returncode) {
        if (!ec)
            code = returncode;
    });
    io.restart();
    io.run();
    return code.value_or(-1000);
}

}  // namespace brood_test
