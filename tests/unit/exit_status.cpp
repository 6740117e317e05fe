// exit_status.cpp: the three ways to end, kept apart, and in words.

#include <brood/exit_status.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <string>

namespace {

using brood::exit_status;
using kind = brood::exit_status::kind;

constexpr bool dumped = true;
constexpr bool no_core = false;

TEST(exit_status, is_unknown_unless_it_is_known)
{
    const exit_status unknown;
    EXPECT_EQ(unknown.how(), kind::unknown);
    EXPECT_FALSE(unknown.success());
    EXPECT_EQ(unknown.code(), -1);
    EXPECT_EQ(unknown.signal(), 0);
    EXPECT_FALSE(unknown.core_dumped());
    EXPECT_EQ(unknown.returncode(), 255);
}

TEST(exit_status, tells_every_exit_code)
{
    for (int code = 0; code < 256; ++code) {
        const auto status = exit_status::exited(code);
        EXPECT_EQ(status.how(), kind::exited);
        EXPECT_EQ(status.success(), code == 0) << code;
        EXPECT_EQ(status.code(), code);
        EXPECT_EQ(status.signal(), 0) << code;
        EXPECT_FALSE(status.core_dumped()) << code;
        EXPECT_EQ(status.returncode(), code);
    }
}

TEST(exit_status, tells_every_signal)
{
    for (int signal = 1; signal <= 64; ++signal) {
        for (const bool core : {no_core, dumped}) {
            const auto status = exit_status::signaled(signal, core);
            EXPECT_EQ(status.how(), kind::signaled);
            EXPECT_FALSE(status.success()) << signal;
            EXPECT_EQ(status.code(), -1) << signal;
            EXPECT_EQ(status.signal(), signal);
            EXPECT_EQ(status.core_dumped(), core) << signal;
            EXPECT_EQ(status.returncode(), -signal);
        }
    }
}

TEST(exit_status, compares_by_everything_it_knows)
{
    EXPECT_EQ(exit_status::exited(3), exit_status::exited(3));
    EXPECT_NE(exit_status::exited(3), exit_status::exited(4));
    EXPECT_NE(exit_status::exited(9), exit_status::signaled(9, no_core));
    EXPECT_NE(exit_status::signaled(6, dumped),
              exit_status::signaled(6, no_core));
    EXPECT_NE(exit_status::exited(255), exit_status());
    EXPECT_NE(exit_status::exited(0), exit_status());
    EXPECT_EQ(exit_status(), exit_status());
}

TEST(exit_status, reads_as_a_sentence)
{
    EXPECT_EQ(to_string(exit_status::exited(0)), "exited with code 0");
    EXPECT_EQ(to_string(exit_status::exited(255)), "exited with code 255");
    EXPECT_EQ(to_string(exit_status::signaled(15, no_core)),
              "killed by SIGTERM (15)");
    EXPECT_EQ(to_string(exit_status::signaled(11, dumped)),
              "killed by SIGSEGV (11), core dumped");
    EXPECT_EQ(to_string(exit_status()),
              "ended, status unknown (collected by someone else)");
}

TEST(exit_status, names_each_signal_as_the_system_does)
{
    struct {
        int signal;
        const char* name;
    } const named[] = {
        {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},       {SIGQUIT, "SIGQUIT"},
        {SIGILL, "SIGILL"},   {SIGTRAP, "SIGTRAP"},     {SIGABRT, "SIGABRT"},
        {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},       {SIGKILL, "SIGKILL"},
        {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"},     {SIGUSR2, "SIGUSR2"},
        {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"},     {SIGTERM, "SIGTERM"},
        {SIGCHLD, "SIGCHLD"}, {SIGCONT, "SIGCONT"},     {SIGSTOP, "SIGSTOP"},
        {SIGTSTP, "SIGTSTP"}, {SIGTTIN, "SIGTTIN"},     {SIGTTOU, "SIGTTOU"},
        {SIGURG, "SIGURG"},   {SIGXCPU, "SIGXCPU"},     {SIGXFSZ, "SIGXFSZ"},
        {SIGSYS, "SIGSYS"},   {SIGVTALRM, "SIGVTALRM"}, {SIGPROF, "SIGPROF"},
        {SIGIO, "SIGIO"},     {SIGWINCH, "SIGWINCH"},   {SIGPWR, "SIGPWR"},
    };
    for (const auto& [signal, name] : named)
        EXPECT_EQ(to_string(exit_status::signaled(signal, no_core)),
                  "killed by " + std::string(name) + " (" +
                      std::to_string(signal) + ")");
}

TEST(exit_status, shows_a_signal_without_a_name_as_a_number)
{
    for (const int signal : {32, 34, 40, 64})
        EXPECT_EQ(to_string(exit_status::signaled(signal, no_core)),
                  "killed by signal " + std::to_string(signal));
}

}  // namespace
