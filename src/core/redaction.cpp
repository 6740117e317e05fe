// redaction.cpp: see redaction.hpp; and how a command comes to hide something.
#include "core/redaction.hpp"

#include <brood/command.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace brood {

command& command::env(detail::text_argument name, redacted value) &
{
    changed().environment.push_back({detail::environment_change::kind::set,
                                     std::move(name.value), value.value(),
                                     true});
    return *this;
}

namespace detail {

command exec_redacted(std::vector<std::string> arguments,
                      std::vector<std::size_t> hidden)
{
    auto data = std::make_unique<command_data>();
    data->arguments = std::move(arguments);
    data->redacted = std::move(hidden);
    return command(std::move(data));
}

std::string without_secrets(const command_data& command, std::string text)
{
    std::vector<std::string_view> secrets;
    for (const auto place : command.redacted)
        secrets.push_back(command.arguments[place]);
    for (const auto& change : command.environment)
        if (change.redacted)
            secrets.push_back(change.value);
    // The longest first: one may be a part of another.
    std::ranges::sort(secrets, std::ranges::greater(), &std::string_view::size);
    for (const auto secret : secrets) {
        if (secret.empty())
            continue;
        for (auto at = text.find(secret); at != text.npos;
             at = text.find(secret, at + redaction.size()))
            text.replace(at, secret.size(), redaction);
    }
    return text;
}

bool hides_argument(const command_data& command, std::size_t place)
{
    return std::ranges::find(command.redacted, place) != command.redacted.end();
}

bool hides_variable(const command_data& command, std::string_view name)
{
    bool hidden = false;
    for (const auto& change : command.environment)
        if (change.name == name)
            hidden = change.redacted;
    return hidden;
}

}  // namespace detail

}  // namespace brood
