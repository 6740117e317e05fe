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

/// What a child's protocol was told. `on` is called with each event, after it
/// was written down.
class child_record : public brood::subprocess_protocol {
public:
    event_list events;
    std::map<int, std::string> data;
    brood::subprocess_transport transport;
    std::function<void(std::string_view)> on;
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

private:
    void note(std::string event)
    {
        // Data comes in as many pieces as it likes.
        if (!event.starts_with("data") || events.empty() ||
            events.back() != event)
            events.push_back(event);
        if (on)
            on(event);
    }
};

/// The same for what is read, and for what is written.
class read_record : public brood::read_protocol {
public:
    event_list events;
    std::string data;
    brood::read_transport transport;
    std::function<void(std::string_view)> on;

    bool is_lost() const
    {
        return !events.empty() && events.back().starts_with("lost");
    }
    void connection_made(brood::read_transport made) override
    {
        transport = std::move(made);
        note("made");
    }
    void data_received(std::string_view bytes) override
    {
        EXPECT_FALSE(bytes.empty());
        data += bytes;
        if (events.empty() || events.back() != "data")
            events.push_back("data");
        if (on)
            on("data");
    }
    void eof_received() override { note("eof"); }
    void connection_lost(brood::error_code why) override
    {
        note(with_reason("lost", why));
    }

private:
    void note(const std::string& event)
    {
        events.push_back(event);
        if (on)
            on(event);
    }
};

class write_record : public brood::write_protocol {
public:
    event_list events;
    brood::write_transport transport;
    std::function<void(std::string_view)> on;

    bool is_lost() const
    {
        return !events.empty() && events.back().starts_with("lost");
    }
    void connection_made(brood::write_transport made) override
    {
        transport = std::move(made);
        note("made");
    }
    void pause_writing() override { note("pause"); }
    void resume_writing() override { note("resume"); }
    void connection_lost(brood::error_code why) override
    {
        note(with_reason("lost", why));
    }

private:
    void note(const std::string& event)
    {
        events.push_back(event);
        if (on)
            on(event);
    }
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

}  // namespace brood_test
