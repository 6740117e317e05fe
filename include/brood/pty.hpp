// pty.hpp: a terminal of the child's own, as somewhere its streams can lead.
#pragma once

#include <type_traits>

namespace brood {

/// A new terminal (a pseudo-terminal), for programs that behave otherwise
/// with one: they ask for passwords, show colours, edit lines, send each
/// line out at once.
///
/// `const pty screen(24, 80);` and then `.in(screen).out(screen)`: whichever
/// of in, out and err it is given for, a child gets one terminal, in a new
/// session that it controls. process::in() types on it and process::out()
/// reads what it shows (process::err(), where err names it and out does not).
///
/// A terminal changes what passes through: what is typed is shown again (is
/// read back from out()), lines come in whole, a newline is shown as "\r\n",
/// and "\x03" is Ctrl-C. raw() turns all of it off, echo(false) the first.
/// The child may change these at any time.
///
/// Threads: a plain value.
/// Limits:  a line that is typed has at most 4095 bytes, unless raw().
/// See:     process::resize; pty(7), termios(3), stty(1).
class pty {
public:
    explicit pty(int rows = 24, int columns = 80) noexcept
        : rows_(rows), columns_(columns)
    {
    }

    /// Whether what is typed is shown. Default: true.
    pty& echo(bool shown) & noexcept
    {
        echo_ = shown;
        return *this;
    }
    pty echo(bool shown) && noexcept { return echo(shown); }
    /// Passes every byte as it is: no echo, no lines, no Ctrl-C, no "\r\n".
    pty& raw() & noexcept
    {
        raw_ = true;
        return *this;
    }
    pty raw() && noexcept { return raw(); }

    int rows() const noexcept { return rows_; }
    int columns() const noexcept { return columns_; }
    bool has_echo() const noexcept { return echo_ && !raw_; }
    bool is_raw() const noexcept { return raw_; }

    friend bool operator==(const pty&, const pty&) noexcept = default;

private:
    int rows_;
    int columns_;
    bool echo_ = true;
    bool raw_ = false;
};

static_assert(!std::is_aggregate_v<pty>);

}  // namespace brood
