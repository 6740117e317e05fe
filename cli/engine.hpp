// engine: reads the jobs, starts them as there is room, follows each to its
// end, and ends the run.
//
// It is the process that the user started: it gets the terminal's signals and
// writes all the output. The guard starts the jobs; see guard.hpp.

#pragma once

#include "cli/attempt.hpp"
#include "cli/guard.hpp"
#include "cli/job.hpp"
#include "cli/job_text.hpp"
#include "cli/jobserver.hpp"
#include "cli/options.hpp"
#include "cli/process_usage.hpp"
#include "cli/run_jobs.hpp"
#include "cli/run_policy.hpp"
#include "cli/signal_source.hpp"
#include "cli/slot_numbers.hpp"

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(posix/stream_descriptor.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

class engine final : public attempt_host {
public:
    // `slots`: of the guard.
    engine(const options& asked, guard_handle guard, unsigned slots,
           std::unique_ptr<jobserver> tokens,
           std::unique_ptr<job_source> source, const run_listeners& listeners);

    int run();

    // attempt_host
    brood::asio::io_context& io() override { return io_; }
    const options& asked() const override { return asked_; }
    printer& output() override { return printer_; }
    std::vector<char>& buffer() override { return buffer_; }
    void ask_guard(const guard_request& what,
                   const std::vector<int>& descriptors) override;
    const std::vector<std::pair<std::string, std::string>>&
    environment() const override
    {
        return environment_;
    }
    void fail(const std::string& what) override;

private:
    using clock = std::chrono::steady_clock;
    using attempt_ptr = std::shared_ptr<attempt>;

    // --- engine.cpp: the run as a whole
    void prepare();
    void announce();
    void loop();
    brood::awaitable<void> feed();
    brood::awaitable<void> changed(duration at_most);
    void wake();
    bool has_slot() const;
    wait_reason obstacle(std::uint64_t seq);
    void set_waiting(wait_reason why);
    void check_end();
    void start_tick();
    void tick();
    int finish();
    void miss_deadline();
    void skip(const job& what, const std::shared_ptr<job_text>& text = {});
    void all_read();
    std::uint64_t reserved_memory();
    end_record end_of_run(int code) const;

    // --- engine_jobs.cpp: one job after the other
    void take_job(job read, unsigned slot, clock::time_point read_at);
    // `repeated`: it could not be started when it was tried before.
    void start(const attempt_ptr& what, bool repeated = false);
    void start_again_soon(const attempt_ptr& what);
    void try_again(const attempt& failed);
    void over(attempt& ended);
    void count(const job_record& ended, bool failed);
    void halt_if_due();
    void wait_for_retries();
    void say_how_it_ended(const job_record& ended);
    static std::string names_of(const std::vector<leftover_process>& whom);
    void say_who_was_left(const std::vector<leftover_process>& whom);
    void release(const attempt& ended);
    void take_replies();
    void take(const guard_reply& what);
    void say_started(attempt& job, const job_start& start, bool has_ended);
    void recalled(const attempt_ptr& what);
    void watch_guard();
    void guard_lost();

    // --- engine_stop.cpp: ending early, signals
    void stop_reading(const std::string& why);
    void give_up(attempt& next);
    void stop_all(job_status why, bool now);
    void expect_the_end(bool now);
    void signaled(signal_event what);
    void stop_by_signal(int number);
    void suspend(int number);
    void warn(const std::string& what);
    void output_failed(const char* which, int error);

    template <class Event>
    void tell(Event event);

    const options& asked_;
    guard_handle guard_;
    // Before the source, which waits on it.
    brood::asio::io_context io_{1};
    std::unique_ptr<jobserver> tokens_;
    std::unique_ptr<job_source> source_;
    run_listeners listeners_;
    std::vector<char> buffer_;
    printer printer_;
    signal_source signals_;
    brood::asio::posix::stream_descriptor guard_watch_;
    brood::asio::steady_timer wake_;
    brood::asio::steady_timer deadline_;
    brood::asio::steady_timer tick_;
    brood::asio::steady_timer guard_time_;
    std::optional<brood::asio::posix::stream_descriptor> token_watch_;
    bool token_waiting_ = false;
    std::vector<std::pair<std::string, std::string>> environment_;
    std::deque<received_packet> inbox_;

    unsigned slots_;      // 0: no limit
    unsigned ahead_ = 0;  // more jobs than slots are given to the guard
    bool guard_takes_slots_ = false;  // then it also chooses the slots
    slot_numbers slot_numbers_;       // else
    unsigned taken_tokens_ = 0;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, attempt_ptr> running_;  // asked of the guard
    struct pause {
        explicit pause(brood::asio::io_context& io) : timer(io) {}
        brood::asio::steady_timer timer;
        attempt_ptr next;
    };
    std::map<std::uint64_t, std::shared_ptr<pause>> pausing_;  // by seq
    std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> told_;
    std::uint64_t read_ = 0;
    std::uint64_t done_ = 0;
    std::optional<std::uint64_t> total_;
    bool fed_ = false;       // there is no more input
    bool stopping_ = false;  // no new jobs
    bool ended_ = false;
    bool guard_gone_ = false;
    bool finishing_ = false;
    bool past_deadline_ = false;
    std::uint64_t scarce_until_done_ = 0;  // wait for one more end than these
    bool scarce_ = false;
    std::optional<clock::time_point> last_start_;
    wait_reason waiting_ = wait_reason::none;
    std::string stopped_because_;
    run_result result_;
    halt_count halt_;
    running_median median_;
    std::minstd_rand random_;
    clock::time_point began_;
    double retried_ = 0;
    double user_s_ = 0;
    double sys_s_ = 0;
    std::uint64_t canceled_ = 0;
    std::uint64_t skipped_ = 0;
    process_usage usage_;
    bool in_hand_ = false;  // a job was read, and is not started yet
};

// A listener that fails ends the run; the others are told all the same.
template <class Event>
void engine::tell(Event event)
{
    for (const auto& each : listeners_) {
        try {
            event(*each);
        } catch (const std::exception& failure) {
            fail(failure.what());
        }
    }
}

}  // namespace cli
