// environment.cpp: see environment.hpp.
#include "core/environment.hpp"

#include <algorithm>
#include <cstring>

namespace brood::core {

namespace {

bool has_name(std::string_view variable, std::string_view name)
{
    return variable.size() > name.size() && variable[name.size()] == '=' &&
           variable.starts_with(name);
}

void set(std::vector<std::string>& variables, const std::string& name,
         const std::string& value)
{
    const auto same = [&name](const auto& v) { return has_name(v, name); };
    const auto first = std::find_if(variables.begin(), variables.end(), same);
    auto text = name + "=" + value;
    if (first == variables.end()) {
        variables.push_back(std::move(text));
        return;
    }
    *first = std::move(text);
    variables.erase(std::remove_if(first + 1, variables.end(), same),
                    variables.end());
}

}  // namespace

std::vector<std::string>
merge_environment(const std::vector<std::string_view>& parent,
                  const std::vector<detail::environment_change>& changes)
{
    using kind = detail::environment_change::kind;
    std::vector<std::string> variables(parent.begin(), parent.end());
    for (const auto& change : changes) {
        switch (change.what) {
        case kind::clear: variables.clear(); break;
        case kind::set: set(variables, change.name, change.value); break;
        case kind::unset:
            std::erase_if(variables, [&change](const auto& variable) {
                return has_name(variable, change.name);
            });
            break;
        }
    }
    return variables;
}

const char* find_variable(const char* const* environment,
                          std::string_view name) noexcept
{
    // Without the length of each variable: at every start of a child, most of
    // them need only a look at their first letter.
    for (; environment && *environment; ++environment)
        if (std::strncmp(*environment, name.data(), name.size()) == 0 &&
            (*environment)[name.size()] == '=')
            return *environment + name.size() + 1;
    return nullptr;
}

}  // namespace brood::core
