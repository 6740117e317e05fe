// run_operation.hpp: runs one command, or a pipeline of several, from start to
// finish.
//
// What to do next is core::run_course's decision; this carries it out. Owns
// the children: none of them is left running when it completes, except what
// is reported as unkillable.
#pragma once

#include "async/process_core.hpp"
#include "async/stop_operation.hpp"
#include "core/capture_buffer.hpp"
#include "core/run_course.hpp"
#include "flow/tee_sink.hpp"

#include <brood/completed_process.hpp>

#include BROOD_ASIO_HEADER(cancellation_signal.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <vector>

namespace brood::detail {

class run_operation : public std::enable_shared_from_this<run_operation> {
public:
    // The commands of the stages, without run settings of their own.
    run_operation(const executor& io, std::vector<command> commands,
                  run_settings settings, std::source_location where);

    const executor& get_executor() const noexcept { return io_; }

    using results = std::vector<completed_process>;  // one of each stage
    using results_handler = any_handler<void(results)>;

    // Completes once, never inline. What failed (a start, a tee) and a
    // cancellation stand in the results. Nothing but its handlers holds the
    // operation, so that it goes when the loop goes.
    void start(results_handler handler);

private:
    // One captured stream.
    struct stream {
        stream(const process_core& core, std::shared_ptr<reader_core> from,
               output_stream number, const run_settings& settings)
            : of(core), which(number), reader(std::move(from)),
              kept(settings.capture_limit, settings.kept)
        {
        }

        const process_core& of;  // lives until the run completes
        output_stream which;
        std::shared_ptr<reader_core> reader;
        core::capture_buffer kept;
        std::vector<tee_sink> tees;
        bool reading = false;
        bool ended = false;
    };

    struct stage {
        explicit stage(command shown) : what(std::move(shown)) {}

        command what;
        command_data carried_out;  // until it is
        std::shared_ptr<process_core> core;
        std::weak_ptr<stop_operation> stop;  // it holds us
        stream* out = nullptr;
        stream* err = nullptr;
    };

    void begin();
    void prepare_all();
    void interrupt(core::run_event why);
    void start_next();
    void stage_started(std::shared_ptr<process_core> made);
    void start_failed(std::exception_ptr failure);
    void all_started();
    void connect(command_data& data);
    command_data prepared(std::size_t place) const;
    void open_streams(stage& of);
    void open_tees();

    void feed();
    void wait_for_exits();
    void go_on(stream& from);
    void read(stream& from);
    void take(stream& from);
    void end_of(stream& ended);
    void finish_tees(stream& of);
    void go_on_later();
    void idle_timeout_over();

    void react(core::run_event event);
    void stop_all();
    void start_drain();
    void drain_over();
    void timeout_over();
    void fail(std::exception_ptr failure);
    void finish();
    void complete_if_idle();
    void complete();
    completed_process result_of(stage& of);
    void arm(asio::steady_timer& timer, std::chrono::nanoseconds time,
             void (run_operation::*then)());
    bool tees_are_waiting();

    executor io_;
    run_settings settings_;
    std::source_location where_;
    std::vector<stage> stages_;
    std::deque<stream> streams_;  // their addresses stay
    std::vector<tee_sink> tees_of_out_;
    std::vector<tee_sink> tees_of_err_;
    results_handler handler_;
    core::run_course course_;
    std::shared_ptr<writer_core> in_;
    std::size_t sent_ = 0;
    std::size_t total_ = 0;  // bytes read
    os::descriptor input_;   // what the next stage is to read
    os::pipe_ends next_;     // between the stage that starts and the next one
    std::size_t started_ = 0;
    bool starting_ = true;
    // What came in while the stages were being started.
    std::optional<core::run_event> interrupted_;
    asio::cancellation_signal stop_starting_;
    std::size_t still_running_ = 0;
    std::size_t still_stopping_ = 0;
    std::size_t reads_ = 0;  // under way; the last one completes the run
    bool anybody_unkillable_ = false;
    bool finished_ = false;
    bool pausing_ = false;
    bool tees_waited_ = false;  // since the drain began
    std::exception_ptr failure_;
    asio::cancellation_signal stop_feeding_;
    std::deque<asio::cancellation_signal> stop_waiting_;
    asio::steady_timer timeout_;
    asio::steady_timer idle_;
    asio::steady_timer drain_;
    asio::steady_timer pause_;
    std::chrono::steady_clock::time_point began_;
    std::chrono::steady_clock::time_point last_output_;
};

// The same, awaited: throws what failed, or operation_aborted.
awaitable<run_operation::results> run_to_the_end(std::vector<command> commands,
                                                 run_settings settings,
                                                 std::source_location where);

}  // namespace brood::detail
