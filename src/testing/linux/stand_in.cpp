// stand_in.cpp: see stand_in.hpp. A shell that copies two files in memory to
// its outputs: an argument could hold neither every byte nor much of them.
#include "testing/stand_in.hpp"

#include "core/command_data.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace brood::testing {

namespace {

using brood::detail::command_data;

class memory_file {
public:
    explicit memory_file(std::string_view bytes)
        : fd_(::memfd_create("brood-reply", MFD_CLOEXEC))
    {
        if (fd_ < 0)
            fail();
        while (!bytes.empty()) {
            const auto written = ::write(fd_, bytes.data(), bytes.size());
            if (written < 0) {
                if (errno == EINTR)
                    continue;
                fail();
            }
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    ~memory_file()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    memory_file(const memory_file&) = delete;
    memory_file& operator=(const memory_file&) = delete;

    int number() const noexcept { return fd_; }

private:
    [[noreturn]] void fail()
    {
        const auto error = errno;
        if (fd_ >= 0)
            ::close(fd_);
        throw described_error(error_code(error, system_category()),
                              "keeping a scripted reply");
    }

    int fd_;
};

// A number that the command has no use for.
int free_number(const command_data& data, int from)
{
    const auto is_taken = [&data](int number) {
        return std::ranges::any_of(data.child_fds,
                                   [number](const auto& each) {
                                       return each.first == number;
                                   }) ||
               std::ranges::find(data.pass_fds, number) != data.pass_fds.end();
    };
    while (is_taken(from))
        ++from;
    return from;
}

std::string script_of(const command_data& data, const scripted_reply& reply)
{
    // No core file of a scripted crash.
    std::string script = "ulimit -c 0; cat /proc/self/fd/$1; "
                         "cat /proc/self/fd/$2 >&2; ";
    // Its life does not depend on being stopped.
    if (reply.timed_out)
        return script + "exec sleep 600";
    if (data.in && data.in->what() == redirection::kind::pipe)
        script += "cat >/dev/null; ";
    if (reply.status.how() == exit_status::kind::signaled)
        return script + "kill -" + std::to_string(reply.status.signal()) +
               " $$";
    return script + "exit " + std::to_string(reply.status.code());
}

command stand_in(const command_data& data, const scripted_reply& reply,
                 const memory_file& out, const memory_file& err)
{
    constexpr int first = 100;
    const int from_out = free_number(data, first);
    const int from_err = free_number(data, from_out + 1);
    auto made = exec("/bin/sh", "-c", script_of(data, reply), "sh",
                     std::to_string(from_out), std::to_string(from_err))
                    .child_fd(from_out, from_fd(out.number()))
                    .child_fd(from_err, from_fd(err.number()))
                    .limit(data.limit)
                    .close_fds(data.close_fds)
                    .stop(data.stop)
                    .on_drop(data.on_drop)
                    .observe(data.observer);
    if (data.in)
        made.in(*data.in);
    if (data.out)
        made.out(*data.out);
    if (data.err)
        made.err(*data.err);
    for (const auto& [number, to] : data.child_fds)
        made.child_fd(number, to);
    for (const int number : data.pass_fds)
        made.pass_fd(number);
    if (data.pipe_size)
        made.pipe_size(*data.pipe_size);
    if (data.drain)
        made.drain(*data.drain);
    if (data.new_session)
        made.new_session();
    if (data.process_group)
        made.process_group(*data.process_group);
    if (data.containment)
        made.containment(*data.containment);
    return made;
}

}  // namespace

awaitable<process> start_stand_in(command what, scripted_reply reply,
                                  std::source_location where)
{
    const memory_file out(reply.out);
    const memory_file err(reply.err);
    auto started = stand_in(what.data(), reply, out, err);
    co_return co_await brood::create_subprocess(std::move(started), where);
}

}  // namespace brood::testing
