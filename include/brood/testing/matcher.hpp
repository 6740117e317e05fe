// testing/matcher.hpp: which commands something is said of.
#pragma once

#include <brood/command.hpp>

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood::testing {

/// Says yes or no to a command, and can say in words what it looks for.
///
/// Threads: a plain value.
class matcher {
public:
    matcher(std::string description,
            std::function<bool(const command&)> matches)
        : description_(std::move(description)), matches_(std::move(matches))
    {
    }

    bool operator()(const command& what) const { return matches_(what); }
    const std::string& description() const noexcept { return description_; }

private:
    std::string description_;
    std::function<bool(const command&)> matches_;
};

static_assert(!std::is_aggregate_v<matcher>);

/// Exactly these arguments, the program first, and no others. Of a shell():
/// argv("/bin/sh", "-c", line).
[[nodiscard]] matcher argv(std::vector<std::string> arguments);

template <class... Arguments>
[[nodiscard]] matcher argv(const std::string& program,
                           const Arguments&... arguments)
{
    return argv(std::vector<std::string>{
        program, brood::detail::argument_text(arguments)...});
}

/// This program, whatever its arguments. A name without a slash is met by a
/// path that ends in it, too.
[[nodiscard]] matcher program(detail::text_argument name);

/// Whatever `matches` says yes to; `description` is for the message when
/// something else comes.
[[nodiscard]] matcher that(std::string description,
                           std::function<bool(const command&)> matches);

/// Every command.
[[nodiscard]] matcher any_command();

}  // namespace brood::testing
