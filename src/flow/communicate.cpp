// communicate.cpp: feeds a child, reads it to the end and waits for its exit,
// all at once.
//
// One operation over the process's own cores: what it has read stays in the
// readers' buffers and what it has sent is counted in the process, so that a
// cancelled one loses nothing. What to do when is core::exit_join's decision.
#include "async/initiate.hpp"
#include "async/process_core.hpp"
#include "core/exit_join.hpp"

#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <utility>

namespace brood {

namespace {

using detail::process_core;
using detail::reader_core;
using detail::writer_core;

using communicate_handler = detail::any_handler<void(error_code, output)>;

std::shared_ptr<reader_core> reader_of(process_core& core, int number)
{
    auto* const end = core.end_of(number);
    return end ? end->reading : nullptr;
}

std::shared_ptr<writer_core> writer_of(process_core& core)
{
    auto* const end = core.end_of(0);
    return end ? end->writing : nullptr;
}

class communicate_op : public std::enable_shared_from_this<communicate_op> {
public:
    communicate_op(std::shared_ptr<process_core> core,
                   communicate_handler handler)
        : core_(std::move(core)), handler_(std::move(handler)),
          in_(writer_of(*core_)), out_(reader_of(*core_, 1)),
          err_(reader_of(*core_, 2)),
          join_((out_ ? 1 : 0) + (err_ ? 1 : 0),
                core_->drain().value_or(unlimited) == unlimited),
          timer_(core_->get_executor())
    {
    }

    void start()
    {
        core_->talk().under_way = true;
        handler_.on_cancel([weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->cancel();
        });
        feed();
        for (const auto& reader : {out_, err_})
            if (reader)
                read(reader);
        wait();
    }

private:
    // Sends the next piece; a child that does not want it is no error.
    void feed()
    {
        if (!in_ || in_->was_closed_by_us())
            return;
        auto& talk = core_->talk();
        if (talk.sent == talk.input.size())
            return in_->end_input();
        ++running_;
        auto sent = [self = shared_from_this()](error_code ec,
                                                std::size_t bytes) {
            --self->running_;
            self->core_->talk().sent += bytes;
            if (!ec && !self->stopping_)
                self->feed();
            else if (ec && ec != asio::error::operation_aborted)
                self->stop_feeding(ec);
            self->finish_if_idle();
        };
        in_->start_write_some(asio::buffer(talk.input) + talk.sent,
                              {asio::bind_cancellation_slot(
                                   stop_feeding_.slot(), std::move(sent)),
                               core_->get_executor()});
    }

    // A child that does not want its input is no error; anything else is.
    void stop_feeding(error_code ec)
    {
        if (ec != asio::error::broken_pipe && ec != errc::stream_closed) {
            error_ = ec;
            stop();
        }
        in_->close();
    }

    void read(const std::shared_ptr<reader_core>& reader)
    {
        ++running_;
        reader->read_to_end([self = shared_from_this(), reader] {
            --self->running_;
            if (reader->trouble() && !self->stopping_)
                self->react(core::join_event::stream_ended);
            self->finish_if_idle();
        });
    }

    void wait()
    {
        ++running_;
        auto exited = [self = shared_from_this()](error_code ec, int) {
            --self->running_;
            if (!ec && !self->stopping_)
                self->react(core::join_event::exited);
            else if (ec)  // the handle was dropped before we began
                self->cancel();
            self->finish_if_idle();
        };
        core_->start_wait({asio::bind_cancellation_slot(stop_waiting_.slot(),
                                                        std::move(exited)),
                           core_->get_executor()});
    }

    void react(core::join_event event)
    {
        switch (join_.on(event)) {
        case core::join_action::wait: break;
        case core::join_action::start_drain: start_drain(); break;
        case core::join_action::stop:
            cut_ = true;
            stop();
            break;
        case core::join_action::finish: stop(); break;
        }
    }

    void start_drain()
    {
        ++running_;
        timer_.expires_after(
            std::chrono::duration_cast<asio::steady_timer::duration>(
                *core_->drain()));
        timer_.async_wait([self = shared_from_this()](error_code ec) {
            --self->running_;
            if (!ec && !self->stopping_)
                self->react(core::join_event::drain_expired);
            self->finish_if_idle();
        });
    }

    void cancel()
    {
        if (stopping_)
            return;
        cancelled_ = true;
        stop();
    }

    // Ends what is under way; each part still reports, the last one finishes.
    void stop()
    {
        stopping_ = true;
        stop_feeding_.emit(asio::cancellation_type::all);
        stop_waiting_.emit(asio::cancellation_type::all);
        timer_.cancel();
        for (const auto& reader : {out_, err_})
            if (reader)
                reader->cancel();
    }

    void finish_if_idle()
    {
        if (running_ != 0 || !stopping_ || !handler_)
            return;
        auto& talk = core_->talk();
        talk.under_way = false;
        if (cancelled_)
            return handler_.complete(asio::error::operation_aborted, {});
        talk.input.clear();
        talk.sent = 0;
        if (in_) {
            in_->close();
            in_->let_go();
        }
        read_rest(out_);
        read_rest(err_);
        if (error_)  // what was read stays for the next read
            return handler_.complete(error_, {});
        auto out = take(out_);
        auto err = take(err_);
        // With little or no time to drain, the end may only be seen now.
        const bool complete =
            join_.complete() || (has_ended(out_) && has_ended(err_));
        handler_.complete({}, {std::move(out), std::move(err), complete});
    }

    static bool has_ended(const std::shared_ptr<reader_core>& reader)
    {
        return !reader || reader->trouble();
    }

    // What the child itself wrote was in the pipe before it was gone.
    void read_rest(const std::shared_ptr<reader_core>& reader)
    {
        if (!reader)
            return;
        if (cut_ && !reader->trouble())
            reader->read_what_is_there();
        const auto trouble = reader->trouble();
        if (trouble && trouble != asio::error::eof &&
            trouble != errc::stream_closed)
            error_ = trouble;
    }

    static std::string take(const std::shared_ptr<reader_core>& reader)
    {
        return reader ? reader->buffer().take_all() : std::string();
    }

    std::shared_ptr<process_core> core_;
    communicate_handler handler_;
    std::shared_ptr<writer_core> in_;
    std::shared_ptr<reader_core> out_;
    std::shared_ptr<reader_core> err_;
    core::exit_join join_;
    asio::steady_timer timer_;
    asio::cancellation_signal stop_feeding_;
    asio::cancellation_signal stop_waiting_;
    int running_ = 0;  // parts that have still to report
    bool stopping_ = false;
    bool cancelled_ = false;
    bool cut_ = false;
    error_code error_;
};

// What must hold before anything is begun.
void prepare(process_core& core, std::string input)
{
    if (!core.has_context())
        throw system_error(asio::error::operation_aborted,
                           "communicating with a child whose loop is gone");
    auto& talk = core.talk();
    if (talk.under_way)
        throw std::logic_error("brood: another communicate() is under way");
    for (const int number : {1, 2}) {
        const auto reader = reader_of(core, number);
        if (reader && reader->is_reading())
            throw std::logic_error("brood: communicate() while another read "
                                   "of the child's output is waiting");
    }
    const auto in = writer_of(core);
    if (in && in->is_writing())
        throw std::logic_error("brood: communicate() while a write to the "
                               "child's input is waiting");
    if (!input.empty() && !in)
        throw std::logic_error("brood: communicate() has input, but the "
                               "child's standard input is not piped");
    const bool goes_on = !talk.input.empty();
    if (goes_on && !input.empty() && input != talk.input)
        throw std::logic_error("brood: communicate() goes on with the input "
                               "of the cancelled one; give none, or the same");
    if (!goes_on && !input.empty() && in->was_closed_by_us())
        throw std::logic_error("brood: communicate() has input, but the "
                               "child's standard input was closed");
    if (!goes_on)
        talk.input = std::move(input);
}

void start(const std::shared_ptr<process_core>& core,
           communicate_handler handler)
{
    std::make_shared<communicate_op>(core, std::move(handler))->start();
}

awaitable<output> communicate_with(std::shared_ptr<process_core> core,
                                   std::string input)
{
    prepare(*core, std::move(input));
    co_return co_await detail::initiate<void(error_code, output)>(
        core, &start, use_awaitable);
}

}  // namespace

awaitable<output> process::communicate(std::string input)
{
    core();
    return communicate_with(core_, std::move(input));
}

void process::start_communicate(const std::shared_ptr<process_core>& core,
                                std::string input, output_handler handler)
{
    // Not thrown: what begins an operation that a coroutine waits for has
    // nobody who could catch it.
    try {
        prepare(*core, std::move(input));
    } catch (const std::logic_error&) {
        return handler.complete(asio::error::invalid_argument, {});
    } catch (const system_error& error) {
        return handler.complete(error.code(), {});
    }
    start(core, std::move(handler));
}

}  // namespace brood
