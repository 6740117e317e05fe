// guard_process: what runs in the guard.
//
// Two threads. The starter reads the socket and starts the jobs; the main
// thread waits for their ends, stops them, and looks after what they leave
// behind. The jobs are children of the starter thread, and processes that
// lost their parent become children of the main thread, so the main thread
// can ask the kernel in one call whether any of those are left
// (__WNOTHREAD, waitid(2)), and most jobs end without a look at /proc.

#pragma once

#include "cli/guard_messages.hpp"
#include "cli/options.hpp"
#include "cli/process_tree.hpp"

#include <brood/asio.hpp>
#include <brood/process.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cli {

class guard_process {
public:
    // `passed`: descriptors that every job inherits at the same numbers.
    guard_process(int socket, int engine_group, std::array<int, 2> passed,
                  const options& asked);

    // Returns when the engine says that the run is over, or is gone. The
    // starter thread still uses this then: the process must end.
    void run();

private:
    using clock = std::chrono::steady_clock;

    struct guarded_job {
        brood::process child;
        int pid = 0;
        std::string cgroup;  // of its own; empty: none
        clock::time_point started;
        bool exited = false;
        bool stopping = false;
        std::size_t step = 0;   // of sequence_, the next one
        bool killing = false;   // the last step: again at every look
        bool cleaning = false;  // ended by itself, leaving others behind
        clock::time_point next_step;
        clock::time_point give_up;
        std::vector<leftover_process> leftover;
    };

    // --- the starter thread
    void read_requests();
    bool wait_for_request();
    void announce();
    void start(const start_request& what, const received_packet& packet,
               clock::time_point now);
    brood::command command_of(const start_request& what,
                              const std::vector<int>& given) const;
    bool is_in_our_group() const noexcept;
    std::string marker_of(std::uint64_t id) const;
    void pass_on(const guard_request& what);

    // --- the main thread
    void watch(std::uint64_t id, brood::process child,
               clock::time_point started);
    void reply(const guard_reply& what);
    void exited(std::uint64_t id);
    void stop(std::uint64_t id, bool now);
    void begin_stop(guarded_job& job, bool now);
    void signal_all(std::uint64_t id, int signal);
    void engine_died();

    // Cleaning: guard_cleaning.cpp.
    using members = std::map<std::uint64_t, std::vector<tree_process>>;
    bool any_orphans();
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

    int socket_;
    int null_device_;
    int engine_group_;
    std::array<int, 2> passed_;
    const options& asked_;
    std::string marker_;  // the part that is the same for all jobs
    std::vector<std::pair<int, duration>> sequence_;
    brood::asio::io_context io_{2};
    brood::asio::executor_work_guard<brood::asio::io_context::executor_type>
        work_{io_.get_executor()};
    brood::asio::steady_timer look_timer_{io_};
    brood::asio::steady_timer orphan_timer_{io_};
    std::chrono::milliseconds pause_{1};
    bool looking_ = false;
    std::map<std::uint64_t, guarded_job> jobs_;
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

    struct unannounced_job {
        std::uint64_t id;
        int pid;
        clock::time_point started;
    };
    // Both threads use this, and hold the mutex meanwhile: what was started,
    // and the engine does not know. Most jobs end so soon that it is enough
    // to say so with their end.
    std::mutex mutex_;
    std::deque<unannounced_job> unannounced_;
};

}  // namespace cli
