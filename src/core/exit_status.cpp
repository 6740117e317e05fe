// exit_status.cpp: an exit status in words.
#include <brood/exit_status.hpp>

#include <array>
#include <string_view>

namespace brood {

namespace {

// The names are POSIX's; the numbers are Linux's on x86, Arm and RISC-V
// (signal(7)). A number without a name is shown as a number only.
constexpr std::array<std::string_view, 32> signal_names{
    "",        "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",    "SIGTRAP",
    "SIGABRT", "SIGBUS",  "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV",
    "SIGUSR2", "SIGPIPE", "SIGALRM",   "SIGTERM", "SIGSTKFLT", "SIGCHLD",
    "SIGCONT", "SIGSTOP", "SIGTSTP",   "SIGTTIN", "SIGTTOU",   "SIGURG",
    "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH",  "SIGIO",
    "SIGPWR",  "SIGSYS"};

std::string signal_text(int signal)
{
    const auto number = std::to_string(signal);
    if (signal <= 0 || signal >= static_cast<int>(signal_names.size()))
        return "signal " + number;
    const auto name = signal_names[static_cast<std::size_t>(signal)];
    return std::string(name) + " (" + number + ")";
}

}  // namespace

std::string to_string(const exit_status& status)
{
    switch (status.how()) {
    case exit_status::kind::exited:
        return "exited with code " + std::to_string(status.code());
    case exit_status::kind::signaled:
        return "killed by " + signal_text(status.signal()) +
               (status.core_dumped() ? ", core dumped" : "");
    case exit_status::kind::unknown: break;
    }
    return "ended, status unknown (collected by someone else)";
}

}  // namespace brood
