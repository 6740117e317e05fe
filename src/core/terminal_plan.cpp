// terminal_plan.cpp: see terminal_plan.hpp.
#include "core/terminal_plan.hpp"

#include "core/command_data.hpp"

#include <stdexcept>
#include <string>

namespace brood::detail {

namespace {

[[noreturn]] void refuse(const std::string& why)
{
    throw std::invalid_argument("brood: " + why);
}

bool is_terminal(const std::optional<redirection>& to) noexcept
{
    return to && to->what() == redirection::kind::terminal;
}

}  // namespace

terminal_plan plan_terminal(const command_data& command) noexcept
{
    terminal_plan plan;
    const std::optional<redirection>* const streams[] = {
        &command.in, &command.out, &command.err};
    for (int number = 2; number >= 0; --number) {
        if (!is_terminal(*streams[number]))
            continue;
        plan.wanted = (*streams[number])->terminal();
        plan.first = number;
        if (number == 0)
            plan.we_type = true;
        else
            plan.shown_at = number;
    }
    return plan;
}

void check_pty(const command_data& command)
{
    const auto plan = plan_terminal(command);
    if (!plan.wanted)
        return;
    const auto size = "pty(" + std::to_string(plan.wanted->rows()) + ", " +
                      std::to_string(plan.wanted->columns()) + "): ";
    constexpr int most = 65535;  // struct winsize has 16 bits for each
    for (const int each : {plan.wanted->rows(), plan.wanted->columns()})
        if (each < 1 || each > most)
            refuse(size + "rows and columns are from 1 to " +
                   std::to_string(most));
    for (const auto* const stream : {&command.in, &command.out, &command.err})
        if (is_terminal(*stream) && (*stream)->terminal() != plan.wanted)
            refuse(size + "a child has one terminal; give the same pty for "
                          "all of its streams");
    if (command.process_group)
        refuse(size + "a terminal makes a new session, and so a new process "
                      "group; leave process_group() out");
    if (command.attributes.controlling_terminal)
        refuse(size + "it controls the child's session; leave "
                      "controlling_terminal() out");
}

}  // namespace brood::detail
