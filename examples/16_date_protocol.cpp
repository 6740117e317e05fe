// 16_date_protocol.cpp: the output of a child by callbacks, without coroutines.

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <iostream>
#include <memory>
#include <string>
#include <string_view>

class date_protocol : public brood::subprocess_protocol {
public:
    void pipe_data_received(int, std::string_view bytes) override
    {
        output += bytes;
    }
    // Last of all: the child has ended, and its pipes are closed.
    void connection_lost() override { is_complete = true; }

    std::string output;
    bool is_complete = false;
};

int main()
{
    brood::asio::io_context io;
    auto [transport, protocol] = brood::subprocess_exec(
        io, [] { return std::make_shared<date_protocol>(); },
        brood::exec("date", "+%Y-%m-%d").in(brood::devnull));

    io.run();  // returns when there is nothing left to be told

    std::cout << "Current date: " << protocol->output
              << "complete: " << std::boolalpha << protocol->is_complete
              << ", exit code " << transport.returncode().value_or(-1) << '\n';
}
