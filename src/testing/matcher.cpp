// matcher.cpp: see matcher.hpp.
#include <brood/testing/matcher.hpp>

#include <brood/shlex.hpp>

#include <string_view>

namespace brood::testing {

matcher argv(std::vector<std::string> arguments)
{
    auto line = shlex::join(arguments);
    return matcher(std::move(line),
                   [wanted = std::move(arguments)](const command& what) {
                       return what.arguments() == wanted;
                   });
}

matcher program(detail::text_argument name)
{
    auto description = "program " + shlex::quote(name.value);
    return matcher(std::move(description), [wanted = std::move(name.value)](
                                               const command& what) {
        std::string_view came = what.program();
        if (wanted.find('/') == wanted.npos)
            came.remove_prefix(came.rfind('/') + 1);  // npos + 1 is 0
        return came == wanted;
    });
}

matcher that(std::string description,
             std::function<bool(const command&)> matches)
{
    return matcher(std::move(description), std::move(matches));
}

matcher any_command()
{
    return matcher("any command", [](const command&) { return true; });
}

}  // namespace brood::testing
