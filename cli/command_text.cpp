#include "cli/command_text.hpp"

#include "cli/json_text.hpp"

#include <brood/shlex.hpp>

namespace cli {

std::string command_text(const std::vector<std::string>& argv, bool shell)
{
    // {"/bin/sh", "-c", line}
    if (shell && argv.size() == 3)
        return argv[2];
    return brood::shlex::join(argv);
}

std::string to_utf8(std::string_view bytes)
{
    if (is_utf8(bytes))
        return std::string(bytes);
    std::string text;
    while (!bytes.empty()) {
        std::size_t length = 1;
        while (length < 4 && length < bytes.size() &&
               !is_utf8(bytes.substr(0, length)))
            ++length;
        if (is_utf8(bytes.substr(0, length))) {
            text += bytes.substr(0, length);
        } else {
            text += "\xef\xbf\xbd";
            length = 1;
        }
        bytes.remove_prefix(length);
    }
    return text;
}

}  // namespace cli
