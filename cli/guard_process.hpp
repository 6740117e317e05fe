// guard_process: what runs in the guard.
//
// One thread does everything: it reads the socket, starts the jobs, waits for
// their ends, stops them, and looks after what they leave behind. It is not
// the first one, which is there only to become the parent of those who lost
// theirs: see orphans.hpp.

#pragma once

#include "cli/guard.hpp"
#include "cli/guard_messages.hpp"
#include "cli/options.hpp"
#include "cli/orphans.hpp"
#include "cli/process_tree.hpp"
#include "cli/slot_numbers.hpp"

#include <brood/asio.hpp>
#include <brood/process.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(posix/stream_descriptor.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cli {

class guard_process {
public:
    guard_process(int socket, int engine_group, const guard_duties& duties,
                  const options& asked);

    // Returns when the engine says that the run is over, or is gone.
    //
    // Pre: the first thread of a process that is a subreaper.
    void run();

private:
    using clock = std::chrono::steady_clock;

    struct waiting_job {
        start_request what;
        received_descriptors given;
    };

    struct guarded_job {
        brood::process child;
        job_start start;
        std::string cgroup;  // of its own; empty: none
        bool exited = false;
        bool stopping = false;
        std::size_t step = 0;   // of sequence_, the next one
        bool killing = false;   // the last step: again at every look
        bool cleaning = false;  // ended by itself, leaving others behind
        clock::time_point next_step;
        clock::time_point give_up;
        std::vector<leftover_process> leftover;
    };

    void wait_for_requests();
    bool read_requests();
    void take(received_packet packet);
    void refuse(std::uint64_t id);
    void recall();
    void start_waiting();
    bool may_start() const noexcept;
    void start(const waiting_job& next);
    brood::command command_of(const waiting_job& next, unsigned slot) const;
    bool is_in_our_group() const noexcept;
    std::string marker_of(std::uint64_t id) const;
    void watch(std::uint64_t id, brood::process child, job_start start);
    void announce_later(clock::time_point when);
    void announce();
    void reply(const guard_reply& what);
    void reply_soon(const guard_reply& what);
    void flush();
    void flush_later();
    void exited(std::uint64_t id);
    using job_map = std::map<std::uint64_t, guarded_job>;
    job_map::iterator forget(job_map::iterator job);
    void stop(std::uint64_t id, bool now);
    void begin_stop(guarded_job& job, bool now);
    void signal_all(std::uint64_t id, int signal);
    void engine_died();

    // Cleaning: guard_cleaning.cpp.
    using members = std::map<std::uint64_t, std::vector<tree_process>>;
    members look();
    bool holds(const guarded_job& job, const tree_process& each) const;
    std::uint64_t owner_of(const tree_process& orphan);
    void look_soon();
    void look_at_all();
    void step(std::uint64_t id, guarded_job& job,
              const std::vector<tree_process>& whom);
    void send(std::uint64_t id, guarded_job& job, int signal,
              const std::vector<tree_process>& whom);
    void begin_cleaning(guarded_job& job,
                        const std::vector<tree_process>& whom);
    void name_leftover(guarded_job& job, const std::vector<tree_process>& whom,
                       const char* action);
    void collect_orphans_now_and_then();
    void finish();

    int null_device_;
    int engine_group_;
    std::array<int, 2> passed_;
    const options& asked_;
    std::string marker_;  // the part that is the same for all jobs
    std::vector<std::pair<int, duration>> sequence_;
    brood::asio::io_context io_{1};
    brood::asio::posix::stream_descriptor socket_;
    brood::asio::steady_timer announce_timer_{io_};
    brood::asio::steady_timer flush_timer_{io_};
    brood::asio::steady_timer look_timer_{io_};
    brood::asio::steady_timer orphan_timer_{io_};
    orphans orphans_;
    unsigned slots_;  // 0: no limit
    slot_numbers slot_numbers_;
    std::deque<waiting_job> waiting_;
    bool suspended_ = false;  // nothing is started
    std::chrono::milliseconds pause_{1};
    bool looking_ = false;
    job_map jobs_;
    std::deque<std::uint64_t> unannounced_;  // those that have ended, too
    bool announcing_ = false;                // the timer runs
    std::string outbox_;                     // packed replies
    bool flushing_ = false;                  // the timer runs
    // Their handles: with them their cgroups go, and all that is in those,
    // which may stay (--leftover warn or allow).
    std::vector<brood::process> left_;
    std::set<int> named_;  // in the record of a job, as one that stays
    bool engine_gone_ = false;
    // Orphans whose job is known, by pid and start; and jobs that are over
    // and left them here (--leftover warn).
    std::map<std::pair<int, std::uint64_t>, std::uint64_t> owners_;
    // Orphans whose job could not be told when they were first seen, and
    // cannot be told later by who is left then.
    std::set<std::pair<int, std::uint64_t>> ambiguous_;
};

}  // namespace cli
