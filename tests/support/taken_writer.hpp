// taken_writer.hpp: a stream_writer whose bytes the test takes.
#pragma once

#include "async/writer_core.hpp"
#include "os/pipe.hpp"
#include "os/posix/descriptor.hpp"

#include <brood/stream_writer.hpp>

#include <memory>
#include <string>
#include <utility>

namespace brood_test {

/// A writer on a pipe that the test reads.
class taken_writer {
public:
    explicit taken_writer(const brood::executor& io)
        : taken_writer(io, brood::os::make_pipe(0))
    {
    }
    brood::stream_writer& operator*() noexcept { return writer_; }
    brood::stream_writer* operator->() noexcept { return &writer_; }

    /// What is there now.
    std::string take()
    {
        std::string all;
        std::string room(std::size_t{1} << 20, '\0');
        for (;;) {
            const long got = brood::os::read_some(read_end_.number(),
                                                  room.data(), room.size());
            at_end_ = got == 0;
            if (got <= 0)
                return all;
            all.append(room, 0, static_cast<std::size_t>(got));
        }
    }
    /// Whether the last take() has come to the end.
    bool at_end() const { return at_end_; }
    void leave() { read_end_.close(); }
    /// Bytes that the pipe has not taken.
    std::size_t waiting() const { return core_->waiting(); }

    /// What a process does with its writer when it is dropped.
    void drop() { core_->let_go(); }
    /// The same, and no handle of ours keeps it.
    void drop_for_good()
    {
        core_->let_go();
        core_.reset();
        writer_ = brood::stream_writer(nullptr);
    }
    /// What it does when its loop goes.
    void abandon() { core_->abandon(); }

private:
    taken_writer(const brood::executor& io, brood::os::pipe_ends ends)
        : read_end_(std::move(ends.read_end)),
          core_(std::make_shared<brood::detail::writer_core>(
              io, std::move(ends.write_end))),
          writer_(core_)
    {
        brood::os::set_nonblocking(read_end_.number());
    }

    brood::os::descriptor read_end_;
    std::shared_ptr<brood::detail::writer_core> core_;
    brood::stream_writer writer_;
    bool at_end_ = false;
};

}  // namespace brood_test
