// keyboard_interrupt.hpp: the user pressed Ctrl-C.
#pragma once

#include <brood/export.hpp>

#include <exception>

namespace brood {

/// Says that the user ended the program's work with Ctrl-C (SIGINT).
///
/// Not a system_error, and without a code: code that handles failures of
/// operations (retries, logs, goes on) catches system_error, and must not
/// take the user's wish to stop for one of these. Python keeps its
/// KeyboardInterrupt out of Exception for the same reason.
///
/// Threads: a value: distinct objects are independent.
/// See: run; KeyboardInterrupt
class BROOD_API keyboard_interrupt : public std::exception {
public:
    const char* what() const noexcept override
    {
        return "interrupted from the keyboard";
    }
};

}  // namespace brood
