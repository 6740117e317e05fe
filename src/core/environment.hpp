// environment.hpp: a child's environment from the parent's and a recipe.
#pragma once

#include "core/command_data.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace brood::core {

struct environment_list {
    environment_list() = default;
    environment_list(environment_list&&) = default;
    environment_list& operator=(environment_list&&) = default;
    ~environment_list() = default;

    std::vector<const char*> variables;  // a null pointer is the last
    std::vector<std::string> made;       // which some of them point into
};

// Applies `changes` in order to `parent` ("NAME=value" strings, up to a null
// pointer; or itself null), of which nothing is copied. A variable keeps its
// place when it is set again; new ones follow. A name that the parent has
// twice is changed, or removed, everywhere.
environment_list
merge_environment(const char* const* parent,
                  const std::vector<detail::environment_change>& changes);

// The value of `name` in a list of "NAME=value", or null.
const char* find_variable(const char* const* environment,
                          std::string_view name) noexcept;

}  // namespace brood::core
