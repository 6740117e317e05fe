// environment.hpp: a child's environment from the parent's and a recipe.
#pragma once

#include "core/command_data.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace brood::core {

// Applies `changes` in order to `parent` ("NAME=value" strings). A variable
// keeps its place when it is set again; new ones follow. A name that the
// parent has twice is changed, or removed, everywhere.
std::vector<std::string>
merge_environment(const std::vector<std::string_view>& parent,
                  const std::vector<detail::environment_change>& changes);

// The value of `name` in a list of "NAME=value", or null.
const char* find_variable(const char* const* environment,
                          std::string_view name) noexcept;

}  // namespace brood::core
