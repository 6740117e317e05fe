// redacted.hpp: a text that the child gets, but that is not to be shown.
#pragma once

#include <brood/detail/text_argument.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace brood {

/// An argument, or the value of an environment variable, that is kept out of
/// texts: `exec("login", "--token", redacted(token))`.
///
/// The child gets it as it is. Whatever brood makes of the command for people
/// to read (to_string, operator<<, the texts of exceptions, what an observer
/// gets) has `***` in its place. The program's own name cannot be redacted.
///
/// It hides nothing from the system: every user of the machine can read the
/// arguments of a running program. A secret is safer in the environment, and
/// safest in the child's input. command::arguments() holds it, too.
///
/// Threads: a plain value.
class redacted {
public:
    explicit redacted(detail::text_argument text)
        : value_(std::move(text.value))
    {
    }

    /// The text itself.
    const std::string& value() const noexcept { return value_; }

private:
    std::string value_;
};

static_assert(!std::is_aggregate_v<redacted>);

}  // namespace brood
