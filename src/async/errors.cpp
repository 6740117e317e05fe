// errors.cpp: see errors.hpp.
#include <brood/errors.hpp>

namespace brood {

namespace {

class category final : public error_category {
public:
    const char* name() const noexcept override { return "brood"; }
    std::string message(int code) const override
    {
        switch (static_cast<errc>(code)) {
        case errc::limit_overrun: return "the line is longer than the limit";
        case errc::incomplete_read:
            return "the stream ended before the read was satisfied";
        case errc::already_reading:
            return "another read of this stream is waiting";
        case errc::already_writing:
            return "another write to this stream is waiting";
        case errc::stream_closed: return "the stream was closed on our side";
        case errc::not_stopped:
            return "not even SIGKILL ended the child in time";
        case errc::context_closed:
            return "the execution context has been shut down";
        case errc::sigchld_ignored: return "SIGCHLD is ignored";
        }
        return "unknown error " + std::to_string(code);
    }
};

std::string incomplete_text(std::size_t got,
                            std::optional<std::size_t> expected)
{
    auto text = std::to_string(got) + " bytes read";
    if (expected)
        text += " of " + std::to_string(*expected) + " expected";
    return text;
}

}  // namespace

namespace detail {
template <>
const char libbrood_is_built_with<this_asio>::mark = 1;
}  // namespace detail

const error_category& brood_category() noexcept
{
    static const category instance;
    return instance;
}

described_error::described_error(error_code code, const std::string& message)
    : system_error(code, message), what_(message + ": " + code.message())
{
}
described_error::~described_error() = default;

spawn_error::spawn_error(error_code code, spawn_step step, std::string path,
                         const std::string& message, std::string interpreter)
    : described_error(code, message), step_(step), path_(std::move(path)),
      interpreter_(std::move(interpreter))
{
}
spawn_error::~spawn_error() = default;

incomplete_read_error::incomplete_read_error(
    std::string partial, std::optional<std::size_t> expected)
    : described_error(errc::incomplete_read,
                      incomplete_text(partial.size(), expected)),
      partial_(std::move(partial)), expected_(expected)
{
}
incomplete_read_error::~incomplete_read_error() = default;

limit_overrun_error::limit_overrun_error(std::size_t consumed,
                                         bool separator_found)
    : described_error(errc::limit_overrun,
                      separator_found
                          ? "the separator is there, but the line is too long"
                          : "no separator within the limit"),
      consumed_(consumed)
{
}
limit_overrun_error::~limit_overrun_error() = default;

}  // namespace brood
