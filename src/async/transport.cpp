// transport.cpp: the handles on the transport cores, and the protocols'
// functions that do nothing.
#include <brood/transport.hpp>

#include "async/subprocess_transport_core.hpp"

#include <csignal>
#include <stdexcept>

namespace brood {

read_protocol::~read_protocol() = default;
void read_protocol::connection_made(read_transport) {}
void read_protocol::data_received(std::string_view) {}
void read_protocol::eof_received() {}
void read_protocol::connection_lost(error_code) {}

write_protocol::~write_protocol() = default;
void write_protocol::connection_made(write_transport) {}
void write_protocol::pause_writing() {}
void write_protocol::resume_writing() {}
void write_protocol::connection_lost(error_code) {}

subprocess_protocol::~subprocess_protocol() = default;
void subprocess_protocol::connection_made(subprocess_transport) {}
void subprocess_protocol::pipe_data_received(int, std::string_view) {}
void subprocess_protocol::pipe_connection_lost(int, error_code) {}
void subprocess_protocol::process_exited() {}
void subprocess_protocol::connection_lost() {}
void subprocess_protocol::pause_writing(int) {}
void subprocess_protocol::resume_writing(int) {}

namespace {

template <class Core, class Protocol>
void replace_protocol(const std::shared_ptr<Core>& core,
                      std::shared_ptr<Protocol> successor)
{
    if (!successor)
        throw std::logic_error("brood: set_protocol(): there is none; a "
                               "transport ends with close()");
    if (!core)
        return;
    if constexpr (requires { core->owner(); })
        if (core->owner() == detail::transport_owner::child)
            throw std::logic_error(
                "brood: set_protocol(): one of a child's pipes has none of "
                "its own; set that of the subprocess_transport");
    core->set_protocol(std::move(successor));
}

}  // namespace

read_transport::read_transport(
    std::shared_ptr<detail::read_transport_core> core) noexcept
    : core_(std::move(core))
{
}
bool read_transport::is_reading() const noexcept
{
    return core_ && core_->is_reading();
}
void read_transport::pause_reading()
{
    if (core_)
        core_->pause();
}
void read_transport::resume_reading()
{
    if (core_)
        core_->resume();
}
void read_transport::close()
{
    if (core_)
        core_->close();
}
bool read_transport::is_closing() const noexcept
{
    return !core_ || core_->is_closing();
}
std::shared_ptr<read_protocol> read_transport::protocol() const noexcept
{
    return core_ ? core_->protocol() : nullptr;
}
void read_transport::set_protocol(std::shared_ptr<read_protocol> successor)
{
    replace_protocol(core_, std::move(successor));
}

write_transport::write_transport(
    std::shared_ptr<detail::write_transport_core> core) noexcept
    : core_(std::move(core))
{
}
bool write_transport::write(std::string_view bytes)
{
    return core_ && core_->write(bytes);
}
void write_transport::write_eof()
{
    if (core_)
        core_->write_eof();
}
bool write_transport::can_write_eof() const noexcept
{
    return core_ && core_->can_write_eof();
}
std::size_t write_transport::write_buffer_size() const noexcept
{
    return core_ ? core_->writer().waiting() : 0;
}
write_transport::water_marks
write_transport::write_buffer_limits() const noexcept
{
    if (!core_)
        return {0, 0};
    return {core_->writer().low_water(), core_->writer().high_water()};
}
void write_transport::set_write_buffer_limits(std::optional<std::size_t> high,
                                              std::optional<std::size_t> low)
{
    if (core_)
        core_->set_limits(high, low);
}
void write_transport::close()
{
    if (core_)
        core_->close();
}
void write_transport::abort()
{
    if (core_)
        core_->abort();
}
bool write_transport::is_closing() const noexcept
{
    return !core_ || core_->is_closing();
}
std::shared_ptr<write_protocol> write_transport::protocol() const noexcept
{
    return core_ ? core_->protocol() : nullptr;
}
void write_transport::set_protocol(std::shared_ptr<write_protocol> successor)
{
    replace_protocol(core_, std::move(successor));
}

subprocess_transport::subprocess_transport(
    std::shared_ptr<detail::subprocess_transport_core> core) noexcept
    : core_(std::move(core))
{
}
detail::subprocess_transport_core& subprocess_transport::core() const
{
    if (!core_)
        throw std::logic_error("brood: this subprocess_transport is empty; "
                               "subprocess_exec() gives one");
    return *core_;
}
int subprocess_transport::pid() const
{
    return core().child().pid();
}
std::optional<int> subprocess_transport::returncode()
{
    return core().child().poll();
}
std::optional<exit_status> subprocess_transport::status() const
{
    return core().child().status();
}
std::optional<resource_usage> subprocess_transport::usage() const
{
    return core().child().usage();
}
read_transport subprocess_transport::pipe_reader(int fd) const
{
    return read_transport(core_ ? core_->reader(fd) : nullptr);
}
write_transport subprocess_transport::pipe_writer(int fd) const
{
    return write_transport(core_ ? core_->writer(fd) : nullptr);
}
bool subprocess_transport::send_signal(int signal, signal_target to)
{
    return core().child().send_signal(signal, to);
}
bool subprocess_transport::terminate()
{
    return send_signal(SIGTERM);
}
bool subprocess_transport::kill()
{
    return send_signal(SIGKILL);
}
void subprocess_transport::close()
{
    if (core_)
        core_->close();
}
bool subprocess_transport::is_closing() const noexcept
{
    return !core_ || core_->is_closing();
}
std::shared_ptr<subprocess_protocol>
subprocess_transport::protocol() const noexcept
{
    return core_ ? core_->protocol() : nullptr;
}
void subprocess_transport::set_protocol(
    std::shared_ptr<subprocess_protocol> successor)
{
    replace_protocol(core_, std::move(successor));
}

}  // namespace brood
