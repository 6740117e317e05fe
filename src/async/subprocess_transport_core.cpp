// subprocess_transport_core.cpp: see subprocess_transport_core.hpp.
#include "async/subprocess_transport_core.hpp"

#include "async/call_then.hpp"
#include "async/stop_operation.hpp"

#include <brood/transport.hpp>

#include BROOD_ASIO_HEADER(post.hpp)

namespace brood::detail {

// What the transport of one of the child's outputs has for a protocol. It may
// outlive the core, but is told nothing then.
class subprocess_transport_core::child_output final : public read_protocol {
public:
    child_output(subprocess_transport_core& core, int fd) : core_(core), fd_(fd)
    {
    }
    void data_received(std::string_view bytes) override
    {
        const auto to = core_.protocol_;
        to->pipe_data_received(fd_, bytes);
    }
    void connection_lost(error_code why) override { core_.pipe_lost(fd_, why); }

private:
    subprocess_transport_core& core_;
    int fd_;
};

// The same for one of its inputs.
class subprocess_transport_core::child_input final : public write_protocol {
public:
    child_input(subprocess_transport_core& core, int fd) : core_(core), fd_(fd)
    {
    }
    void pause_writing() override
    {
        const auto to = core_.protocol_;
        to->pause_writing(fd_);
    }
    void resume_writing() override
    {
        const auto to = core_.protocol_;
        to->resume_writing(fd_);
    }
    void connection_lost(error_code why) override { core_.pipe_lost(fd_, why); }

private:
    subprocess_transport_core& core_;
    int fd_;
};

subprocess_transport_core::subprocess_transport_core(
    std::shared_ptr<process_core> child,
    std::shared_ptr<subprocess_protocol> to)
    : child_(std::move(child)), protocol_(std::move(to))
{
}

std::shared_ptr<subprocess_transport_core>
subprocess_transport_core::make(std::shared_ptr<process_core> child,
                                std::shared_ptr<subprocess_protocol> to)
{
    const auto io = child->get_executor();
    const std::shared_ptr<subprocess_transport_core> core(
        new subprocess_transport_core(std::move(child), std::move(to)));
    core->take_pipes();
    core->stay(io, core);
    return core;
}

void subprocess_transport_core::take_pipes()
{
    for (auto& [fd, end] : child_->ends()) {
        if (end.reading)
            readers_[fd] = std::make_shared<read_transport_core>(
                end.reading, std::make_shared<child_output>(*this, fd),
                transport_owner::child);
        else
            writers_[fd] = std::make_shared<write_transport_core>(
                end.writing, std::make_shared<child_input>(*this, fd),
                transport_owner::child);
        ++open_pipes_;
    }
}

std::shared_ptr<read_transport_core>
subprocess_transport_core::reader(int fd) const noexcept
{
    const auto found = readers_.find(fd);
    return found == readers_.end() ? nullptr : found->second;
}

std::shared_ptr<write_transport_core>
subprocess_transport_core::writer(int fd) const noexcept
{
    const auto found = writers_.find(fd);
    return found == writers_.end() ? nullptr : found->second;
}

void subprocess_transport_core::begin()
{
    const auto to = protocol_;
    if (!to)  // abandoned
        return;
    call_then(
        [&] { to->connection_made(subprocess_transport(shared_from_this())); },
        [this] { set_going(); });
}

void subprocess_transport_core::set_going()
{
    begun_ = true;
    child_->start_wait(
        {[self = shared_from_this()](error_code, int) { self->exited(); },
         child_->get_executor()});
    // Each in a turn of its own: what one of them throws is not the others'
    // business.
    const auto io = child_->get_executor();
    for (const auto& [fd, reader] : readers_)
        asio::post(io, [reader = reader] { reader->begin(); });
    for (const auto& [fd, writer] : writers_)
        asio::post(io, [writer = writer] { writer->begin(); });
    // When each of them can be told of it.
    if (closing_)
        asio::post(io, [self = shared_from_this()] { self->give_up(); });
}

void subprocess_transport_core::stop(stop_sequence sequence)
{
    // Its end is told by process_exited(), so nobody has to hear of this one.
    if (child_->has_context())
        std::make_shared<stop_operation>(child_, std::move(sequence))
            ->run([](bool) {});
}

void subprocess_transport_core::close()
{
    if (is_closing())
        return;
    closing_ = true;
    // Before, there is nobody yet to be told.
    if (begun_)
        give_up();
}

void subprocess_transport_core::give_up()
{
    // Kills it, but its end is still waited for. First, so that it does not
    // die of what comes next.
    child_->drop();
    for (const auto& [fd, reader] : readers_)
        reader->close();
    for (const auto& [fd, writer] : writers_)
        writer->abort();
}

void subprocess_transport_core::pipe_lost(int fd, error_code why)
{
    const auto self = shared_from_this();
    const auto to = protocol_;
    call_then([&] { to->pipe_connection_lost(fd, why); },
              [this] {
                  --open_pipes_;
                  finish_if_over();
              });
}

void subprocess_transport_core::exited()
{
    const auto to = protocol_;
    if (!to)
        return;
    call_then([&] { to->process_exited(); },
              [this] {
                  exited_ = true;
                  finish_if_over();
              });
}

void subprocess_transport_core::finish_if_over()
{
    // In a turn of its own, as all that is told: see call_then.
    if (exited_ && open_pipes_ == 0)
        asio::post(child_->get_executor(),
                   [self = shared_from_this()] { self->finish(); });
}

void subprocess_transport_core::finish()
{
    const auto to = std::exchange(protocol_, nullptr);
    if (!to)  // abandoned
        return;
    readers_.clear();
    writers_.clear();
    child_->drop();
    leave();
    to->connection_lost();
}

void subprocess_transport_core::discard() noexcept
{
    abandon();
    child_->drop();
    leave();
}

void subprocess_transport_core::abandon() noexcept
{
    for (const auto& [fd, reader] : readers_)
        reader->abandon();
    for (const auto& [fd, writer] : writers_)
        writer->abandon();
    const auto last = std::exchange(protocol_, nullptr);
}

}  // namespace brood::detail
