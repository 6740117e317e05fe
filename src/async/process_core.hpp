// process_core.hpp: what is behind a process.
//
// Holds the child, its streams and those who wait for it. Shared by the
// handle and by every operation under way.
//
// Must stay true: as long as the child has not been collected it is with
// exactly one of these: our exit_watch, or the orphan reaper. Its end may be
// known before: an ended child that pins the numbers of a family that is to be
// reached is collected last.
#pragma once

#include "async/child_registry.hpp"
#include "async/observation.hpp"
#include "async/orphan_reaper.hpp"
#include "async/posix/exit_watch.hpp"
#include "async/preparation.hpp"
#include "async/reader_core.hpp"
#include "async/writer_core.hpp"
#include "os/family.hpp"

#include <brood/process.hpp>

#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <source_location>
#include <string>

namespace brood::detail {

// One of our ends: exactly one of the two is there.
struct pipe_end {
    std::shared_ptr<reader_core> reading;
    std::shared_ptr<writer_core> writing;
    std::optional<stream_reader> reader;
    std::optional<stream_writer> writer;
};

// What a cancelled communicate() leaves for the next one.
struct communication {
    bool under_way = false;
    std::string input;
    std::size_t sent = 0;
};

class process_core : public std::enable_shared_from_this<process_core> {
public:
    using wait_handler = any_handler<void(error_code, int)>;

    // Starts `command`. Throws what create_subprocess throws.
    static std::shared_ptr<process_core> start(const executor& io,
                                               const command_data& command,
                                               const start_site& site);
    // Begins to start `command`, and does not wait for exec. Throws what can be
    // told before; nobody is told of that: who calls may try again.
    static std::shared_ptr<process_core>
    begin_start(const executor& io, const command_data& command,
                const start_site& site);
    // True until the outcome is known: pid() is a child that has not called
    // exec, and may be none.
    bool is_starting() const noexcept { return starting_ != nullptr; }
    // Calls `over` once, on the loop, never inline: with nothing, or with what
    // start() would have thrown; there is no child then. Never called when the
    // core is dropped first, which kills the child.
    void wait_for_start(std::function<void(std::exception_ptr)> over);
    // Nobody wants the child any more. wait_for_start() is not answered: the
    // child is one that was killed, and its end is all there is to wait for.
    void kill_start() noexcept;
    // For a process that somebody else has started.
    static std::shared_ptr<process_core>
    take_over(const executor& io, os::child child, std::source_location where);
    ~process_core();

    const executor& get_executor() const noexcept { return io_; }
    const std::source_location& where() const noexcept { return where_; }
    // Null: nobody observes it.
    const observation* observed() const noexcept { return observed_.get(); }
    // False: the handle has outlived the execution context.
    bool has_context() const noexcept { return registry_ != nullptr; }
    int pid() const noexcept { return pid_; }
    std::optional<std::chrono::nanoseconds> drain() const noexcept
    {
        return drain_;
    }
    const stop_sequence& stop_settings() const noexcept { return stop_; }
    std::optional<exit_status> status() const noexcept { return status_; }
    std::optional<resource_usage> usage() const noexcept { return usage_; }
    // Null: this descriptor is not a pipe of ours.
    pipe_end* end_of(int number) noexcept;
    const std::map<int, pipe_end>& ends() const noexcept { return ends_; }
    communication& talk() noexcept { return talk_; }

    std::optional<int> poll();
    void start_wait(wait_handler handler);
    bool send_signal(int signal, signal_target to);
    void resize(int rows, int columns);
    void detach() noexcept { policy_ = on_drop::detach; }

    // Signals all that the containment holds together: 0, or errno.
    int signal_family(int signal) noexcept;
    // True when nobody of them is left alive.
    bool family_has_ended() noexcept;
    // Between these two the family can be reached, also after its leader's
    // end.
    void keep_family() noexcept;
    void release_family() noexcept;

    // The handle is gone.
    void drop() noexcept;
    // The execution context goes away.
    void leave_context() noexcept;

private:
    process_core(const executor& io, const command_data& command,
                 std::source_location where);

    struct start_under_way;

    template <class Spawn>
    void become_child(preparation& prepared, const command_data& command,
                      Spawn spawn);
    void watch_start();
    void stop_watching_start() noexcept;
    void start_is_over();
    void tell_spawned();
    void enter_context(const preparation& prepared);
    void join(child_registry& registry);
    void make_watch();
    void take_ends(preparation& prepared, std::size_t limit);
    void adopt(os::child child);
    void watch();
    void record(const os::child_end& end);
    void settle() noexcept;
    // Null: nothing is left of it that could be addressed.
    const os::child* leader() const noexcept;
    bool runs_for_us() const noexcept;
    void kill_for_good() noexcept;
    void announce();
    void cancel_wait(std::list<wait_handler>::iterator place);
    void hand_over() noexcept;
    void started() noexcept;
    void gone() noexcept;

    executor io_;
    std::source_location where_;
    std::unique_ptr<observation> observed_;
    std::optional<std::chrono::nanoseconds> drain_;
    stop_sequence stop_;
    on_drop policy_;
    bool leads_group_;
    // The command names a level, so who outlives the child is ours, too.
    bool owns_family_;
    bool dropped_ = false;
    int pid_ = -1;
    int parent_;  // the process that started it, of which there may be copies
    int family_keepers_ = 0;
    os::family family_;
    os::child remains_;  // a collected leader whose group lives on
    orphan_place orphanage_ = reserve_orphan();
    std::shared_ptr<exit_watch> watch_;  // none: collected or handed over
    std::optional<exit_status> status_;
    std::optional<resource_usage> usage_;
    std::list<wait_handler> waiters_;
    std::map<int, pipe_end> ends_;
    std::shared_ptr<start_under_way> starting_;
    os::descriptor terminal_;  // the master of the child's, if it is ours
    communication talk_;
    child_registry* registry_ = nullptr;
    child_registry::entry entry_;
    bool counted_ = false;  // among the running children of the context
};

}  // namespace brood::detail
