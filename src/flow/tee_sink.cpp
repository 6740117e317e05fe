// tee_sink.cpp: see tee_sink.hpp.
#include "flow/tee_sink.hpp"

#include "os/pipe.hpp"

#include <brood/errors.hpp>
#include <brood/shlex.hpp>

#include <cerrno>
#include <system_error>
#include <utility>

namespace brood::detail {

tee_sink::tee_sink(tee to, int parents, std::size_t line_limit)
    : to_(std::move(to)), line_limit_(line_limit)
{
    if (to_.what() == tee::kind::parent) {
        number_ = parents;
        blocks_ = true;
    }
    if (to_.what() != tee::kind::file)
        return;
    auto opened = os::open_file(to_.path(), to_.mode());
    if (opened.error)
        throw spawn_error(error_code(opened.error, system_category()),
                          spawn_step::open, to_.path(),
                          "cannot open " + shlex::quote(to_.path()) +
                              " for a tee");
    file_ = std::move(opened.fd);
    number_ = file_.number();
    blocks_ = !os::is_regular_file(number_);
}

void tee_sink::take(std::string_view bytes)
{
    switch (to_.what()) {
    case tee::kind::chunks: to_.sink()(bytes); break;
    case tee::kind::lines: take_lines(bytes); break;
    case tee::kind::file:
    case tee::kind::parent:
        if (waiting_.empty())
            bytes.remove_prefix(write_some(bytes));
        if (number_ >= 0)
            waiting_ += bytes;
        break;
    }
}

void tee_sink::take_lines(std::string_view bytes)
{
    // Only the beginning of a line is kept from one piece to the next.
    const bool joined = !waiting_.empty();
    if (joined)
        waiting_ += bytes;
    std::string_view rest = joined ? std::string_view(waiting_) : bytes;
    for (;;) {
        // A line of just the limit is whole: its newline may come next.
        const auto found = rest.find('\n');
        const auto end = found > line_limit_ ? rest.npos : found;
        if (end == rest.npos && rest.size() <= line_limit_)
            break;
        const auto size = end == rest.npos ? line_limit_ : end;
        to_.sink()(rest.substr(0, size));
        rest.remove_prefix(end == rest.npos ? size : size + 1);
    }
    if (joined)
        waiting_.erase(0, waiting_.size() - rest.size());
    else
        waiting_ = rest;
}

void tee_sink::finish()
{
    if (to_.what() == tee::kind::lines && !waiting_.empty())
        to_.sink()(std::exchange(waiting_, {}));
}

bool tee_sink::flush()
{
    if (to_.what() == tee::kind::chunks || to_.what() == tee::kind::lines)
        return true;
    write_on();
    return waiting_.empty();
}

void tee_sink::write_on()
{
    const auto written = write_some(waiting_);
    if (number_ < 0)
        waiting_.clear();
    else
        waiting_.erase(0, written);
}

std::size_t tee_sink::write_some(std::string_view bytes)
{
    std::size_t written = 0;
    while (number_ >= 0 && written != bytes.size()) {
        const auto* const from = bytes.data() + written;
        const auto size = bytes.size() - written;
        const long result = blocks_
                                ? os::write_without_waiting(number_, from, size)
                                : os::write_file_quietly(number_, from, size);
        if (result == -EINTR)
            continue;
        if (result == -EAGAIN)
            break;
        if (result <= 0)
            number_ = -1;  // full disk, nobody reads: the run goes on
        else
            written += static_cast<std::size_t>(result);
    }
    return written;
}

}  // namespace brood::detail
