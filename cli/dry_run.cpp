#include "cli/dry_run.hpp"

#include "cli/help_text.hpp"

#include <brood/run.hpp>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

namespace cli {

namespace {

brood::awaitable<bool> print_all(std::unique_ptr<job_source> source)
{
    // Once in a while is enough for a file, and each line comes at once for
    // a person who types.
    constexpr std::size_t enough = 4096;
    std::string lines;
    while (true) {
        const bool known = source->total().has_value();
        std::optional<job> next = co_await source->next(1);
        if (!next)
            break;
        lines += next->name.empty() ? next->display
                                    : next->name + ": " + next->display;
        lines += '\n';
        if (known && lines.size() < enough)
            continue;
        const bool printed = print(lines);
        if (!printed)
            co_return false;
        lines.clear();
    }
    const bool printed = print(lines);
    co_return printed;
}

}  // namespace

int dry_run(std::unique_ptr<job_source> source)
{
    constexpr int own_failure = 125;
    try {
        return brood::run(print_all(std::move(source))) ? 0 : own_failure;
    } catch (const input_error& error) {
        std::fputs((std::string("brood: ") + error.what() + "\n").c_str(),
                   stderr);
        return own_failure;
    }
}

}  // namespace cli
