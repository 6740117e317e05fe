// tee.hpp: where a captured stream goes besides.
#pragma once

#include <brood/detail/text_argument.hpp>
#include <brood/redirection.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace brood {

/// A second destination of a stream that run_process captures: a file, the
/// parent's own output, or a function.
///
/// It gets everything, as it comes, whatever the capture keeps. Where it
/// cannot keep up, reading waits for it, and so does the child: nothing is
/// dropped and nothing piles up. Only a run that is stopped does not wait, nor
/// one with a drain of next to nothing: what the parent's own output has not
/// taken by its end is lost there.
///
/// Errors:  a file that cannot be opened is a spawn_error, before the child is
///          started. A destination that fails later is given up; the run goes
///          on. What a function throws ends the run as a cancellation would,
///          and is thrown by run_process.
/// Threads: functions run on the loop that runs the command.
class tee {
public:
    enum class kind { file, parent, chunks, lines };
    using function = std::function<void(std::string_view)>;

    /// A file: emptied, or with file_mode::append added to.
    [[nodiscard]] static tee to_file(detail::text_argument path,
                                     file_mode mode = file_mode::truncate)
    {
        tee made(kind::file);
        made.path_ = std::move(path.value);
        made.mode_ = mode;
        return made;
    }
    /// The parent's own standard output for out, standard error for err.
    [[nodiscard]] static tee to_parent() { return tee(kind::parent); }
    /// Each piece, as it was read.
    [[nodiscard]] static tee to_chunks(function sink)
    {
        return tee(kind::chunks, std::move(sink));
    }
    /// Each line, without its newline; also a last one that has none. A line
    /// longer than command::limit comes in pieces of that size.
    [[nodiscard]] static tee to_lines(function sink)
    {
        return tee(kind::lines, std::move(sink));
    }

    kind what() const noexcept { return what_; }
    const std::string& path() const noexcept { return path_; }
    file_mode mode() const noexcept { return mode_; }
    const function& sink() const noexcept { return sink_; }

private:
    explicit tee(kind what, function sink = {})
        : what_(what), sink_(std::move(sink))
    {
    }

    kind what_;
    file_mode mode_ = file_mode::truncate;
    std::string path_;
    function sink_;
};

static_assert(!std::is_aggregate_v<tee>);

}  // namespace brood
