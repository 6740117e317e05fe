// transports.hpp: protocols that write down what they are told.
#pragma once

#include "support/fixture.hpp"

#include <brood/connect_pipe.hpp>
#include <brood/subprocess_exec.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace brood_test {

namespace asio = brood::asio;

/// Runs the loop until `predicate` is true. False when it never will be: the
/// loop has nothing left to do, or it takes too long.
template <class Predicate>
[[nodiscard]] bool turns_until(asio::io_context& io, Predicate predicate)
{
    const auto end = std::chrono::steady_clock::now() + 4 * patience;
    while (!predicate()) {
        if (std::chrono::steady_clock::now() >= end)
            return false;
        io.restart();
        if (io.run_one_for(std::chrono::milliseconds(100)) == 0 && io.stopped())
            return predicate();
    }
    return true;
}

/// Gives the loop turns enough for everything that needs no waiting.
inline void settle(asio::io_context& io)
{
    for (int turn = 0; turn != 50; ++turn) {
        io.restart();
        io.poll();
    }
}

/// Runs the loop until it has nothing left to do; bounded.
inline void run_out(asio::io_context& io)
{
    io.restart();
    io.run_for(4 * patience);
}

using event_list = std::vector<std::string>;

inline long count(const event_list& events, std::string_view event)
{
    return std::count(events.begin(), events.end(), event);
}

inline std::string with_reason(std::string event, brood::error_code why)
{
    if (why)
        event += ": " + why.message();
    return event;
}

/// The events that a protocol was told, in order. `on` is called with each,
/// after it was written down.
class event_record {
public:
    event_list events;
    std::function<void(std::string_view)> on;

protected:
    void note(const std::string& event)
    {
        // Data comes in as many pieces as it likes.
        if (!event.starts_with("data") || events.empty() ||
            events.back() != event)
            events.push_back(event);
        if (on)
            on(event);
    }
};

/// What a child's protocol was told.
class child_record : public brood::subprocess_protocol, public event_record {
public:
    std::map<int, std::string> data;
    brood::subprocess_transport transport;
    bool over = false;

    void connection_made(brood::subprocess_transport made) override
    {
        transport = std::move(made);
        note("made");
    }
    void pipe_data_received(int fd, std::string_view bytes) override
    {
        EXPECT_FALSE(bytes.empty());
        data[fd] += bytes;
        note("data " + std::to_string(fd));
    }
    void pipe_connection_lost(int fd, brood::error_code why) override
    {
        note(with_reason("lost " + std::to_string(fd), why));
    }
    void process_exited() override { note("exited"); }
    void connection_lost() override
    {
        over = true;
        note("over");
    }
    void pause_writing(int fd) override { note("pause " + std::to_string(fd)); }
    void resume_writing(int fd) override
    {
        note("resume " + std::to_string(fd));
    }

    /// The place of an event that comes once.
    std::ptrdiff_t place(std::string_view event) const
    {
        EXPECT_EQ(count(events, event), 1) << event;
        return std::find(events.begin(), events.end(), event) - events.begin();
    }
};

/// The same for a pipe, whichever way it goes.
template <class Protocol, class Transport>
class pipe_record : public Protocol, public event_record {
public:
    Transport transport;

    bool is_lost() const
    {
        return !events.empty() && events.back().starts_with("lost");
    }
    void connection_made(Transport made) override
    {
        transport = std::move(made);
        note("made");
    }
    void connection_lost(brood::error_code why) override
    {
        note(with_reason("lost", why));
    }
};

class read_record
    : public pipe_record<brood::read_protocol, brood::read_transport> {
public:
    std::string data;

    void data_received(std::string_view bytes) override
    {
        EXPECT_FALSE(bytes.empty());
        data += bytes;
        note("data");
    }
    void eof_received() override { note("eof"); }
};

class write_record
    : public pipe_record<brood::write_protocol, brood::write_transport> {
public:
    void pause_writing() override { note("pause"); }
    void resume_writing() override { note("resume"); }
};

/// A test with a loop, which goes before what is left behind is counted.
class loop_test : public clean_test {
protected:
    void SetUp() override
    {
        clean_test::SetUp();
        loop_.emplace();
    }
    void TearDown() override
    {
        loop_.reset();
        clean_test::TearDown();
    }
    asio::io_context& io() { return *loop_; }

private:
    std::optional<asio::io_context> loop_;
};

/// A factory of one of them.
template <class Record>
auto made_of(std::shared_ptr<Record> record = std::make_shared<Record>())
{
    return [record] { return record; };
}

/// A test of children whose protocols write down what they are told.
class child_test : public loop_test {
protected:
    // A child whose protocol is the record that it gives.
    std::shared_ptr<child_record> start(brood::command what)
    {
        const auto record = std::make_shared<child_record>();
        return start(std::move(what), record);
    }
    std::shared_ptr<child_record> start(brood::command what,
                                        std::shared_ptr<child_record> record)
    {
        auto [transport, protocol] =
            brood::subprocess_exec(io(), made_of(record), std::move(what));
        EXPECT_EQ(protocol, record);
        record->transport = transport;
        return record;
    }
    void run_to_the_end(const std::shared_ptr<child_record>& record)
    {
        ASSERT_TRUE(turns_until(io(), [&] { return record->over; }));
    }
};

}  // namespace brood_test
