// 09_tcp_and_children.cpp: a TCP server that has a child for each connection.
//
// Plain Asio: sockets, children and coroutines live on one io_context, and a
// child's streams are Asio streams (AsyncReadStream, AsyncWriteStream), so
// asio::async_write takes them as it takes a socket. The children are `cat`,
// which makes this an echo server; the program is its own client.

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(co_spawn.hpp)
#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(ip/tcp.hpp)
#include BROOD_ASIO_HEADER(read.hpp)
#include BROOD_ASIO_HEADER(redirect_error.hpp)
#include BROOD_ASIO_HEADER(write.hpp)

#include <exception>
#include <iostream>
#include <string>
#include <utility>

// Whichever Asio brood was built with.
namespace net = brood::asio;

using brood::awaitable;
using brood::use_awaitable;
using net::ip::tcp;

constexpr int connections = 3;

// Copies until `from` ends. Either may be a socket or a child's stream.
template <class From, class To>
awaitable<void> copy(From& from, To& to)
{
    std::string buffer(4096, '\0');
    brood::error_code ec;
    while (!ec) {
        const auto size = co_await from.async_read_some(
            net::buffer(buffer), net::redirect_error(use_awaitable, ec));
        co_await net::async_write(to, net::buffer(buffer, size), use_awaitable);
    }
    if (ec != net::error::eof)
        throw brood::system_error(ec);
}

awaitable<void> socket_to_child(tcp::socket& socket, brood::process& child)
{
    co_await copy(socket, child.in());
    child.in().close();
}

awaitable<void> child_to_socket(brood::process& child, tcp::socket& socket)
{
    co_await copy(child.out(), socket);
    socket.shutdown(tcp::socket::shutdown_send);
}

awaitable<void> serve_one(tcp::socket socket)
{
    auto child = co_await brood::create_subprocess(
        brood::exec("cat").in(brood::piped).out(brood::piped));
    co_await brood::gather(socket_to_child(socket, child),
                           child_to_socket(child, socket));
    co_await child.wait();
}

awaitable<void> serve(tcp::acceptor acceptor)
{
    // Its connections end before the group does.
    co_await brood::with_task_group(
        [&acceptor](brood::task_group& group) -> awaitable<void> {
            for (int i = 0; i != connections; ++i)
                group.create_task(
                    serve_one(co_await acceptor.async_accept(use_awaitable)));
        });
}

awaitable<void> ask(tcp::endpoint server)
{
    for (int i = 1; i <= connections; ++i) {
        tcp::socket socket(co_await net::this_coro::executor);
        co_await socket.async_connect(server, use_awaitable);

        const auto question = "hello " + std::to_string(i);
        co_await net::async_write(socket, net::buffer(question), use_awaitable);
        socket.shutdown(tcp::socket::shutdown_send);

        std::string answer;
        brood::error_code ec;  // eof, when all has come
        co_await net::async_read(socket, net::dynamic_buffer(answer),
                                 net::redirect_error(use_awaitable, ec));
        std::cout << "sent '" << question << "', got '" << answer << "'\n";
    }
}

void rethrow(std::exception_ptr failure)
{
    if (failure)
        std::rethrow_exception(failure);
}

int main()
{
    net::io_context io;
    // Port 0: any that is free.
    tcp::acceptor acceptor(io,
                           tcp::endpoint(net::ip::address_v4::loopback(), 0));
    const auto address = acceptor.local_endpoint();

    net::co_spawn(io, serve(std::move(acceptor)), rethrow);
    net::co_spawn(io, ask(address), rethrow);
    io.run();  // returns when neither has anything left to do
    std::cout << "all served\n";
}
