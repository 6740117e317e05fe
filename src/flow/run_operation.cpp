// run_operation.cpp: see run_operation.hpp.
#include "flow/run_operation.hpp"

#include "async/starter.hpp"

#include BROOD_ASIO_HEADER(async_result.hpp)
#include BROOD_ASIO_HEADER(bind_cancellation_slot.hpp)
#include BROOD_ASIO_HEADER(dispatch.hpp)
#include BROOD_ASIO_HEADER(error.hpp)
#include BROOD_ASIO_HEADER(post.hpp)
#include BROOD_ASIO_HEADER(this_coro.hpp)

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace brood::detail {

namespace {

constexpr std::chrono::milliseconds usual_drain{250};
// Between two looks whether a tee's destination takes more.
constexpr std::chrono::milliseconds tee_pause{2};

[[noreturn]] void refuse(const std::string& why)
{
    throw std::invalid_argument("brood: run_process: " + why);
}

using kind = redirection::kind;

bool is_pipe(const std::optional<redirection>& to)
{
    return to && to->what() == kind::pipe;
}

bool is_terminal(const std::optional<redirection>& to)
{
    return to && to->what() == kind::terminal;
}

bool is_captured(const std::optional<redirection>& to)
{
    return is_pipe(to) || is_terminal(to);
}

}  // namespace

run_operation::run_operation(const executor& io, std::vector<command> commands,
                             run_settings settings, std::source_location where)
    : io_(io), settings_(std::move(settings)), where_(where), timeout_(io),
      idle_(io), drain_(io), pause_(io)
{
    for (auto& each : commands)
        stages_.emplace_back(std::move(each));
}

void run_operation::start(results_handler handler)
{
    handler_ = std::move(handler);
    handler_.on_cancel([weak = weak_from_this()] {
        if (const auto self = weak.lock())
            self->interrupt(core::run_event::cancelled);
    });
    asio::dispatch(io_, [self = shared_from_this()] { self->begin(); });
}

void run_operation::begin()
{
    began_ = last_output_ = std::chrono::steady_clock::now();
    try {
        prepare_all();
        if (!interrupted_)  // on its way here
            open_tees();
    } catch (...) {
        return start_failed(std::current_exception());
    }
    arm(timeout_, settings_.timeout, &run_operation::timeout_over);
    start_next();
}

// Before anything is opened or started.
void run_operation::prepare_all()
{
    check_run(settings_);
    bool captures = false;
    for (std::size_t place = 0; place != stages_.size(); ++place) {
        auto& data = stages_[place].carried_out;
        data = prepared(place);
        check(data);
        captures = captures || is_captured(data.err) ||
                   (place + 1 == stages_.size() && is_captured(data.out));
    }
    if (!captures && settings_.idle_timeout != unlimited)
        refuse("idle_timeout() needs an output that is captured");
    if (!captures && settings_.output_limit != unlimited_bytes)
        refuse("output_limit() needs an output that is captured");
}

void run_operation::interrupt(core::run_event why)
{
    if (!starting_)
        return react(why);
    if (!interrupted_ || why == core::run_event::cancelled)
        interrupted_ = why;
    stop_starting_.emit(asio::cancellation_type::all);
}

// Starts the next stage; goes on when that has called exec.
void run_operation::start_next()
{
    if (started_ == stages_.size() || interrupted_)
        return all_started();
    auto attempt = [self = shared_from_this()](const start_site& site) {
        auto& data = self->stages_[self->started_].carried_out;
        self->connect(data);
        return process_core::begin_start(self->io_, data, site);
    };
    // Somebody who waits for room may get on with it.
    auto gave_up = [self = shared_from_this()] {
        self->next_ = os::pipe_ends();
    };
    auto done = [self =
                     shared_from_this()](std::exception_ptr failure,
                                         std::shared_ptr<process_core> made) {
        // One that was killed as it started had no time to say anything.
        if (failure && made)
            self->stages_[self->started_++].core = std::move(made);
        if (failure)
            self->start_failed(std::move(failure));
        else
            self->stage_started(std::move(made));
    };
    start_child(
        io_, {stages_[started_].what, where_}, std::move(attempt),
        std::move(gave_up),
        {asio::bind_cancellation_slot(stop_starting_.slot(), std::move(done)),
         io_});
}

void run_operation::stage_started(std::shared_ptr<process_core> made)
{
    auto& now = stages_[started_++];
    now.core = std::move(made);
    now.carried_out = command_data();
    // The child has its copies: ours would keep the pipes open.
    input_ = std::move(next_.read_end);
    next_.write_end.close();
    open_streams(now);
    if (started_ == 1)
        if (auto* const end = now.core->end_of(0))
            in_ = end->writing;
    start_next();
}

void run_operation::start_failed(std::exception_ptr failure)
{
    if (!interrupted_)
        failure_ = std::move(failure);
    all_started();
}

// Or as many as could be.
void run_operation::all_started()
{
    starting_ = false;
    input_.close();
    next_ = os::pipe_ends();
    still_running_ = started_;
    if (started_ == 0) {
        if (interrupted_)
            course_.on(*interrupted_);
        finished_ = true;
        timeout_.cancel();
        return complete();
    }
    wait_for_exits();
    if (failure_ || interrupted_) {
        // Half a pipeline: nobody wants what it has to say.
        react(core::run_event::streams_ended);
        return react(interrupted_.value_or(core::run_event::cancelled));
    }
    feed();
    if (streams_.empty())
        react(core::run_event::streams_ended);
    for (auto& each : streams_)
        go_on(each);
    if (!streams_.empty())
        arm(idle_, settings_.idle_timeout, &run_operation::idle_timeout_over);
}

// To the stage before it, and to a pipe for the one after it.
void run_operation::connect(command_data& data)
{
    if (input_.is_open())
        data.in = from_fd(input_.number());
    if (started_ + 1 == stages_.size())
        return;
    next_ = os::make_pipe(data.pipe_size.value_or(0));
    const error_code ec(next_.error, system_category());
    if (ec)
        throw spawn_error(ec, spawn_step::pipe, std::string(),
                          "cannot make a pipe between two commands");
    data.out = from_fd(next_.write_end.number());
}

// The command as it is carried out: what it leaves open is decided here.
command_data run_operation::prepared(std::size_t place) const
{
    auto data = stages_[place].what.data();
    data.run = {};
    const bool first = place == 0;
    const bool last = place + 1 == stages_.size();
    if (!first && data.in)
        refuse("only the first command of a pipeline can say in()");
    if (!last && data.out)
        refuse("only the last command of a pipeline can say out()");
    if (first && settings_.input && data.in && !is_terminal(data.in))
        refuse("input() is what the child reads; leave in() out");
    if (is_pipe(data.in))
        refuse("nobody would write to in(piped); say input(bytes)");
    for (const auto& [number, to] : data.child_fds)
        if (to.what() == kind::input_pipe || to.what() == kind::output_pipe)
            refuse("nobody would serve the pipe of child_fd(" +
                   std::to_string(number) + "); use create_subprocess");
    if (first && !data.in)
        data.in = settings_.input ? redirection(piped) : devnull;
    if (last && !data.out)
        data.out = piped;
    if (!data.err)
        data.err = piped;
    if (last && !settings_.tees_of_out.empty() && !is_captured(data.out))
        refuse("tee_out() needs an output that is captured; leave out() out");
    if (last && !settings_.tees_of_err.empty() && !is_captured(data.err))
        refuse("tee_err() needs an output that is captured; leave err() out");
    if (!data.containment) {
        // The run owns what it started, so the level is named.
        const bool joins = data.process_group.value_or(0) != 0;
        data.containment = joins ? containment::process : containment::group;
    }
    return data;
}

// Before anything is started: their files may not open.
void run_operation::open_tees()
{
    const auto limit = stages_.back().what.data().limit;
    for (const auto& each : settings_.tees_of_out)
        tees_of_out_.emplace_back(each, 1, limit);
    for (const auto& each : settings_.tees_of_err)
        tees_of_err_.emplace_back(each, 2, limit);
}

void run_operation::open_streams(stage& of)
{
    const bool last = &of == &stages_.back();
    if (auto* const end = of.core->end_of(1)) {
        of.out = &streams_.emplace_back(*of.core, end->reading,
                                        output_stream::out, settings_);
        if (last)
            of.out->tees = std::move(tees_of_out_);
    }
    if (auto* const end = of.core->end_of(2)) {
        of.err = &streams_.emplace_back(*of.core, end->reading,
                                        output_stream::err, settings_);
        if (last)
            of.err->tees = std::move(tees_of_err_);
    }
}

// Sends the next piece; a child that does not want it is no error.
void run_operation::feed()
{
    if (!in_ || finished_)
        return;
    // On a terminal also without input: it has an end all the same.
    static const std::string none;
    const auto& input = settings_.input ? *settings_.input : none;
    if (sent_ == input.size())
        return in_->end_input();
    auto sent = [self = shared_from_this()](error_code ec, std::size_t bytes) {
        self->sent_ += bytes;
        if (!ec)
            self->feed();
        else
            self->in_->close();
    };
    in_->start_write_some(
        asio::buffer(input) + sent_,
        {asio::bind_cancellation_slot(stop_feeding_.slot(), std::move(sent)),
         io_});
}

void run_operation::wait_for_exits()
{
    for (auto& each : stages_) {
        if (!each.core)
            continue;
        auto exited = [self = shared_from_this()](error_code ec, int) {
            if (!ec && --self->still_running_ == 0)
                self->react(core::run_event::exited);
        };
        each.core->start_wait(
            {asio::bind_cancellation_slot(stop_waiting_.emplace_back().slot(),
                                          std::move(exited)),
             io_});
    }
}

// Reads on, once the tees have taken what came last.
void run_operation::go_on(stream& from)
{
    if (finished_ || from.reading || from.ended)
        return;
    for (auto& each : from.tees)
        if (!each.flush()) {
            tees_waited_ = true;
            return go_on_later();
        }
    if (from.reader->trouble())
        end_of(from);
    else
        read(from);
}

void run_operation::go_on_later()
{
    if (std::exchange(pausing_, true))
        return;
    pause_.expires_after(tee_pause);
    pause_.async_wait([self = shared_from_this()](error_code) {
        self->pausing_ = false;
        for (auto& each : self->streams_)
            self->go_on(each);
    });
}

void run_operation::read(stream& from)
{
    from.reading = true;
    ++reads_;
    auto filled = [self = shared_from_this(), &from](error_code) {
        // Until a tee that lets the loop turn has what was read, the next
        // piece is not for it, nor is the run over.
        self->take(from);
        from.reading = false;
        self->go_on(from);
        --self->reads_;
        self->complete_if_idle();
    };
    from.reader->start_fill({std::move(filled), io_});
}

void run_operation::take(stream& from)
{
    auto& buffer = from.reader->buffer();
    const auto fresh = buffer.view().substr(from.kept.in_place());
    if (fresh.empty())
        return;
    total_ += fresh.size();
    last_output_ = std::chrono::steady_clock::now();
    const auto* const seen = from.of.observed();
    // Others get a copy, and it counts as taken: they may end the run from
    // there.
    const std::string bytes(seen || !from.tees.empty() ? fresh
                                                       : std::string_view());
    from.kept.append_from(buffer);
    if (seen)
        seen->output(from.which, bytes);
    try {
        for (auto& each : from.tees)
            each.take(bytes);
    } catch (...) {
        fail(std::current_exception());
    }
    if (total_ > settings_.output_limit)
        react(core::run_event::output_limit);
}

void run_operation::end_of(stream& ended)
{
    ended.ended = true;
    finish_tees(ended);
    if (std::ranges::all_of(streams_, &stream::ended))
        react(core::run_event::streams_ended);
}

void run_operation::finish_tees(stream& of)
{
    try {
        for (auto& each : of.tees)
            each.finish();
    } catch (...) {
        fail(std::current_exception());
    }
}

bool run_operation::tees_are_waiting()
{
    return std::ranges::any_of(streams_, [](stream& each) {
        return std::ranges::any_of(each.tees,
                                   [](tee_sink& to) { return !to.flush(); });
    });
}

void run_operation::react(core::run_event event)
{
    switch (course_.on(event)) {
    case core::run_action::none: break;
    case core::run_action::stop: stop_all(); break;
    case core::run_action::hurry:
        for (auto& each : stages_)
            if (const auto stop = each.stop.lock())
                stop->hurry();
        break;
    case core::run_action::drain: start_drain(); break;
    case core::run_action::finish: finish(); break;
    }
}

void run_operation::stop_all()
{
    still_stopping_ = started_;
    // A pipeline that did not come to life has no time for graces.
    const bool whole = started_ == stages_.size();
    for (auto& each : stages_) {
        if (!each.core)
            continue;
        const auto stop = std::make_shared<stop_operation>(
            each.core, whole ? each.core->stop_settings() : stop_sequence(),
            course_.reason());
        each.stop = stop;
        stop->run([self = shared_from_this()](bool emptied) {
            self->anybody_unkillable_ |= !emptied;
            if (--self->still_stopping_ == 0)
                self->react(self->anybody_unkillable_
                                ? core::run_event::unkillable
                                : core::run_event::emptied);
        });
    }
}

void run_operation::start_drain()
{
    auto time = stages_.back().what.data().drain.value_or(usual_drain);
    // Without an end it is for those who end by themselves.
    if (time == unlimited && course_.reason() != stop_reason::none)
        time = usual_drain;
    if (tees_waited_ || tees_are_waiting())  // not on every turn of the loop
        time = std::max<std::chrono::nanoseconds>(time, tee_pause);
    arm(drain_, time, &run_operation::drain_over);
}

void run_operation::drain_over()
{
    // While a tee kept us waiting nobody read, so the time was not theirs who
    // hold the pipes.
    const bool waited = std::exchange(tees_waited_, false);
    if (course_.reason() == stop_reason::none &&
        (pausing_ || tees_are_waiting() || waited))
        return start_drain();
    react(core::run_event::drain_over);
}

void run_operation::timeout_over()
{
    interrupt(core::run_event::timeout);
}

void run_operation::idle_timeout_over()
{
    const auto now = std::chrono::steady_clock::now();
    if (tees_are_waiting())  // it is not the child that is idle
        last_output_ = now;
    const auto left = settings_.idle_timeout - (now - last_output_);
    if (left > std::chrono::nanoseconds::zero())
        arm(idle_, left, &run_operation::idle_timeout_over);
    else
        react(core::run_event::idle_timeout);
}

void run_operation::arm(asio::steady_timer& timer,
                        std::chrono::nanoseconds time,
                        void (run_operation::*then)())
{
    if (time == unlimited)
        return;
    timer.expires_after(  // saturates
        std::chrono::duration_cast<asio::steady_timer::duration>(time));
    timer.async_wait([self = shared_from_this(), &timer, then](error_code ec) {
        // An earlier end of it may have been on its way as it was set anew.
        const bool is_over = timer.expiry() <= std::chrono::steady_clock::now();
        if (!ec && is_over && !self->finished_)
            ((*self).*then)();
    });
}

// Of a user's function: it is not called again, and the run ends.
void run_operation::fail(std::exception_ptr failure)
{
    if (!failure_)
        failure_ = std::move(failure);
    for (auto& each : streams_)
        each.tees.clear();
    react(core::run_event::cancelled);
}

void run_operation::finish()
{
    finished_ = true;
    for (auto* const timer : {&timeout_, &idle_, &drain_, &pause_})
        timer->cancel();
    stop_feeding_.emit(asio::cancellation_type::all);
    for (auto& each : stop_waiting_)
        each.emit(asio::cancellation_type::all);
    for (auto& each : streams_)
        each.reader->cancel();
    // Not from here: a tee, or who watches, may have brought us here.
    asio::post(io_, [self = shared_from_this()] { self->complete_if_idle(); });
}

void run_operation::complete_if_idle()
{
    if (finished_ && reads_ == 0 && handler_)
        complete();
}

void run_operation::complete()
{
    // Once, whatever a tee does with the last piece that it gets from here:
    // one that lets the loop turn would come back.
    auto handler = std::exchange(handler_, results_handler());
    for (auto& each : streams_) {
        if (each.ended)
            continue;
        if (!each.reader->trouble())
            each.reader->read_what_is_there();
        take(each);
        if (each.reader->trouble())
            each.ended = true;
        finish_tees(each);
    }
    results ended;
    for (auto& each : stages_)
        ended.push_back(result_of(each));
    // The children are gone, or the reaper's from here on.
    for (auto& each : stages_)
        each.core.reset();
    handler.complete(std::move(ended));
}

completed_process run_operation::result_of(stage& of)
{
    completed_process made(std::move(of.what));
    if (of.core && of.core->poll()) {
        made.status = *of.core->status();
        made.returncode = made.status.returncode();
        made.usage = of.core->usage().value_or(resource_usage());
    }
    const auto collect = [&made](stream* from, std::string& bytes,
                                 std::uint64_t& left_out) {
        if (!from)
            return;
        left_out = from->kept.left_out();
        bytes = from->kept.take(from->reader->buffer());
        made.truncated = made.truncated || left_out != 0;
        made.complete = made.complete && from->ended;
    };
    collect(of.out, made.out, made.out_left_out);
    collect(of.err, made.err, made.err_left_out);
    made.left_behind = anybody_unkillable_;
    made.stopped = course_.reason();
    made.timed_out = made.stopped == stop_reason::timeout ||
                     made.stopped == stop_reason::idle_timeout;
    made.elapsed = std::chrono::steady_clock::now() - began_;
    made.failure = failure_;
    return made;
}

namespace {

// Makes the operation where it is begun: a coroutine that held it while it
// waits for it would keep both alive when the loop goes.
class begin_run {
public:
    using executor_type = executor;

    begin_run(const executor& io, std::vector<command> commands,
              run_settings settings, std::source_location where)
        : io_(io), commands_(std::move(commands)),
          settings_(std::move(settings)), where_(where)
    {
    }
    executor_type get_executor() const noexcept { return io_; }
    template <class Handler>
    void operator()(Handler&& handler)
    {
        std::make_shared<run_operation>(io_, std::move(commands_),
                                        std::move(settings_), where_)
            ->start({std::forward<Handler>(handler), io_});
    }

private:
    executor io_;
    std::vector<command> commands_;
    run_settings settings_;
    std::source_location where_;
};

}  // namespace

awaitable<run_operation::results> run_to_the_end(std::vector<command> commands,
                                                 run_settings settings,
                                                 std::source_location where)
{
    // A run that was cancelled before it began starts nothing.
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw system_error(asio::error::operation_aborted);
    const auto io = co_await asio::this_coro::executor;
    begin_run begin(io, std::move(commands), std::move(settings), where);
    auto ended = co_await asio::async_initiate<asio::use_awaitable_t<> const,
                                               void(run_operation::results)>(
        std::move(begin), use_awaitable);
    const auto& first = ended.front();
    if (first.failure)
        std::rethrow_exception(first.failure);
    if (first.stopped == stop_reason::cancelled)
        throw system_error(asio::error::operation_aborted);
    co_return ended;
}

}  // namespace brood::detail
