// environment.cpp: see environment.hpp.
#include "core/environment.hpp"

#include <algorithm>
#include <cstring>

namespace brood::core {

namespace {

bool has_name(const char* variable, std::string_view name)
{
    return std::strncmp(variable, name.data(), name.size()) == 0 &&
           variable[name.size()] == '=';
}

void set(environment_list& in, const std::string& name,
         const std::string& value)
{
    auto& all = in.variables;
    const auto same = [&name](const char* v) { return has_name(v, name); };
    const char* const made = in.made.emplace_back(name + "=" + value).c_str();
    const auto first = std::find_if(all.begin(), all.end(), same);
    if (first == all.end()) {
        all.push_back(made);
        return;
    }
    *first = made;
    all.erase(std::remove_if(first + 1, all.end(), same), all.end());
}

}  // namespace

environment_list
merge_environment(const char* const* parent,
                  const std::vector<detail::environment_change>& changes)
{
    using kind = detail::environment_change::kind;
    environment_list merged;
    auto& all = merged.variables;
    for (; parent && *parent; ++parent)
        all.push_back(*parent);
    merged.made.reserve(changes.size());  // none moves again
    for (const auto& change : changes) {
        switch (change.what) {
        case kind::clear: all.clear(); break;
        case kind::set: set(merged, change.name, change.value); break;
        case kind::unset:
            std::erase_if(all, [&change](const char* variable) {
                return has_name(variable, change.name);
            });
            break;
        }
    }
    all.push_back(nullptr);
    return merged;
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
