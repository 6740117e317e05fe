// output_events.cpp: one read of each stream, and the order of their ends.
//
// What was read is in the readers' own buffers; here is only the order in
// which they were filled. Reads are under way only while somebody waits: the
// first that ends stops the other, which has then either taken nothing, or
// its bytes and the place behind.
#include <brood/output_events.hpp>

#include "async/initiate.hpp"
#include "async/process_core.hpp"

#include BROOD_ASIO_HEADER(error.hpp)

#include <array>
#include <deque>
#include <stdexcept>
#include <utility>

namespace brood {

namespace detail {

class event_core : public std::enable_shared_from_this<event_core> {
public:
    using reader_ptr = std::shared_ptr<reader_core>;

    event_core(reader_ptr out, reader_ptr err, bool by_line)
        : io_(out->get_executor()), by_line_(by_line),
          streams_{stream{output_source::out, std::move(out)},
                   stream{output_source::err, std::move(err)}}
    {
    }

    const executor& get_executor() const noexcept { return io_; }

    // Throws if somebody else is at it; their bytes may be half way.
    void require_idle() const
    {
        if (!waiting_.expired())
            throw std::logic_error("brood: another next() of these "
                                   "output_events is already waiting");
        for (const auto& each : streams_)
            if (each.reader->is_reading())
                throw std::logic_error("brood: output_events::next() while "
                                       "another read of the child's output "
                                       "is waiting");
    }

    // What is there already; in the order of its arrival, where that is known.
    std::optional<output_event> take()
    {
        for (; !arrived_.empty(); arrived_.pop_front())
            if (auto bytes = bytes_of(*arrived_.front()->reader))
                return output_event(arrived_.front()->source,
                                    std::move(*bytes));
        // Left by other verbs, or by a limit that was overrun.
        for (auto& each : streams_)
            if (auto bytes = bytes_of(*each.reader)) {
                arrived_.push_back(&each);
                return output_event(each.source, std::move(*bytes));
            }
        return std::nullopt;
    }

    // Throws what broke a stream, unless it has done so before.
    void report_trouble()
    {
        for (auto& each : streams_) {
            if (!each.reader->get_executor())
                throw system_error(asio::error::operation_aborted,
                                   "reading from a child whose loop is gone");
            const auto trouble = each.reader->trouble();
            if (trouble && trouble != asio::error::eof &&
                trouble != errc::stream_closed &&
                !std::exchange(each.reported, true))
                throw described_error(trouble, "reading from a child");
        }
    }

    bool has_ended() const noexcept
    {
        for (const auto& each : streams_)
            if (!each.reader->trouble())
                return false;
        return true;
    }

    // Completes when something has arrived: bytes, an end, an error.
    // Pre: !has_ended().
    void start_wait(any_handler<void(error_code)> handler)
    {
        const auto wait = std::make_shared<arrival>(std::move(handler));
        wait->handler.on_cancel([weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->stop();
        });
        waiting_ = wait;
        stopping_ = false;
        for (auto& each : streams_)
            if (!each.reader->trouble())
                fill(each, wait);
    }

private:
    struct stream {
        output_source source;
        reader_ptr reader;
        bool reported = false;
    };

    // One wait. The reads alone own it: when their context goes away it goes
    // with them, and the coroutine behind the handler, which may own us.
    struct arrival {
        explicit arrival(any_handler<void(error_code)> from)
            : handler(std::move(from))
        {
        }
        any_handler<void(error_code)> handler;
        int under_way = 0;
    };

    void fill(stream& from, const std::shared_ptr<arrival>& wait)
    {
        ++wait->under_way;
        auto filled = [self = shared_from_this(), &from, wait](error_code ec) {
            if (ec != asio::error::operation_aborted)
                self->arrived_.push_back(&from);
            self->stop();
            if (--wait->under_way == 0)
                self->finish(*wait);
        };
        from.reader->start_fill({std::move(filled), io_});
    }

    void stop() noexcept
    {
        if (std::exchange(stopping_, true))
            return;
        for (const auto& each : streams_)
            if (each.reader->is_reading())
                each.reader->cancel();
    }

    void finish(arrival& wait)
    {
        const auto ec = arrived_.empty()
                            ? error_code(asio::error::operation_aborted)
                            : error_code();
        waiting_.reset();
        wait.handler.complete(ec);
    }

    // The bytes that make an event now, if there are such.
    std::optional<std::string> bytes_of(reader_core& reader) const
    {
        auto& buffer = reader.buffer();
        if (buffer.empty())
            return std::nullopt;
        if (!by_line_)
            return buffer.take_all();
        const auto limit = reader.limit();
        if (const auto found = buffer.find_newline()) {
            if (found->start > limit)
                throw limit_overrun_error(found->start, true);
            return buffer.take(found->end);
        }
        if (buffer.size() > limit)
            throw limit_overrun_error(buffer.size(), false);
        if (reader.trouble())  // no more will come
            return buffer.take_all();
        return std::nullopt;
    }

    executor io_;
    bool by_line_;
    std::array<stream, 2> streams_;
    std::deque<stream*> arrived_;
    std::weak_ptr<arrival> waiting_;
    bool stopping_ = false;  // the reads of the wait that is under way
};

}  // namespace detail

namespace {

using detail::event_core;

std::shared_ptr<event_core> make_core(detail::process_core& of, bool by_line)
{
    const auto reader = [&of](int number) {
        auto* const end = of.end_of(number);
        if (!end || !end->reading)
            throw std::logic_error(
                "brood: output_events needs both outputs of the child piped: "
                ".out(piped).err(piped)");
        return end->reading;
    };
    auto out = reader(1);
    auto err = reader(2);
    return std::make_shared<event_core>(std::move(out), std::move(err),
                                        by_line);
}

awaitable<std::optional<output_event>>
next_event(std::shared_ptr<event_core> core)
{
    for (;;) {
        core->require_idle();
        if (auto event = core->take())
            co_return event;
        core->report_trouble();
        if (core->has_ended())
            co_return std::nullopt;
        co_await detail::initiate<void(error_code)>(
            core, &event_core::start_wait, use_awaitable);
    }
}

}  // namespace

output_events::output_events(process& from)
    : core_(make_core(from.core(), false))
{
}
output_events::output_events(process& from, by_line_t)
    : core_(make_core(from.core(), true))
{
}
output_events::output_events(output_events&&) noexcept = default;
output_events& output_events::operator=(output_events&&) noexcept = default;
output_events::~output_events() = default;

awaitable<std::optional<output_event>> output_events::next()
{
    if (!core_)
        throw std::logic_error("brood: these output_events were moved from");
    return next_event(core_);
}

}  // namespace brood
