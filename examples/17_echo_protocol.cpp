// 17_echo_protocol.cpp: a dialogue with a child, by callbacks.
//
// The next thing is said when the answer to the last one has come.

#include <brood/brood.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

class echo_protocol : public brood::subprocess_protocol {
public:
    explicit echo_protocol(std::vector<std::string> to_say)
        : to_say_(std::move(to_say))
    {
    }

    void connection_made(brood::subprocess_transport transport) override
    {
        input_ = transport.pipe_writer(0);
        say_next();
    }
    void pipe_data_received(int, std::string_view bytes) override
    {
        // What was said in one piece may come back in several.
        heard_ += bytes;
        if (heard_ != to_say_[said_ - 1])
            return;
        std::cout << "heard: " << heard_ << '\n';
        say_next();
    }
    void process_exited() override { std::cout << "it has left\n"; }

private:
    void say_next()
    {
        heard_.clear();
        if (said_ == to_say_.size())
            return input_.close();  // its end of file
        input_.write(to_say_[said_++]);
    }

    std::vector<std::string> to_say_;
    std::size_t said_ = 0;
    std::string heard_;
    brood::write_transport input_;
};

int main()
{
    brood::asio::io_context io;
    const auto protocol = std::make_shared<echo_protocol>(
        std::vector<std::string>{"hello", "how are you?", "goodbye"});
    // The child lives with its protocol: nobody has to hold the transport.
    static_cast<void>(brood::subprocess_exec(
        io, [&] { return protocol; }, brood::exec("cat")));
    io.run();
}
