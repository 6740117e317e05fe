// connect_pipe.cpp: see connect_pipe.hpp.
#include <brood/connect_pipe.hpp>

#include <brood/errors.hpp>

#include "async/read_transport_core.hpp"
#include "async/write_transport_core.hpp"
#include "os/channel.hpp"

#include BROOD_ASIO_HEADER(post.hpp)

#include <stdexcept>
#include <string>
#include <system_error>

namespace brood::detail {

namespace {

std::string about(const char* verb, int descriptor)
{
    return std::string("brood: ") + verb + ": descriptor " +
           std::to_string(descriptor);
}

os::channel take(const char* verb, int descriptor, os::channel_use use)
{
    // The standard streams are the whole program's.
    os::descriptor given(descriptor);
    if (descriptor >= 0 && descriptor <= 2) {
        given.release();
        auto copy = os::duplicate(descriptor);
        if (copy.error && copy.error != EBADF)
            throw described_error(error_code(copy.error, system_category()),
                                  about(verb, descriptor) +
                                      " cannot be copied");
        given = std::move(copy.fd);
    }
    auto opened = os::make_channel(std::move(given), use);
    if (opened.error)
        throw described_error(error_code(opened.error, system_category()),
                              about(verb, descriptor) + " is " + opened.why);
    return std::move(opened.made);
}

template <class Core, class... Limit>
std::shared_ptr<Core> watch(const char* verb, int descriptor,
                            const executor& io, os::channel end, Limit... limit)
try {
    return std::make_shared<Core>(io, std::move(end), limit...);
} catch (const system_error& error) {
    throw described_error(error.code(),
                          about(verb, descriptor) + " cannot be watched");
}

template <class Core>
std::shared_ptr<Core> set_going(const executor& io, std::shared_ptr<Core> core)
{
    core->stay();
    asio::post(io, [core] { core->begin(); });
    return core;
}

}  // namespace

read_transport connect_read(const executor& io, int descriptor,
                            const make_protocol<read_protocol>& factory)
{
    constexpr auto verb = "connect_read_pipe";
    auto end = take(verb, descriptor, os::channel_use::read);
    auto protocol = made_by(factory, verb);
    constexpr std::size_t unused_limit = 1;  // it reads no lines
    const bool has_messages = end.kind.has_messages;
    auto reader =
        watch<reader_core>(verb, descriptor, io, std::move(end), unused_limit);
    if (has_messages)
        reader->buffer().expect_messages();
    return read_transport(set_going(
        io, std::make_shared<read_transport_core>(std::move(reader),
                                                  std::move(protocol),
                                                  transport_owner::program)));
}

write_transport connect_write(const executor& io, int descriptor,
                              const make_protocol<write_protocol>& factory)
{
    constexpr auto verb = "connect_write_pipe";
    auto end = take(verb, descriptor, os::channel_use::write);
    auto protocol = made_by(factory, verb);
    auto writer = watch<writer_core>(verb, descriptor, io, std::move(end));
    return write_transport(set_going(
        io, std::make_shared<write_transport_core>(std::move(writer),
                                                   std::move(protocol),
                                                   transport_owner::program)));
}

}  // namespace brood::detail
