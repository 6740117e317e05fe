// attempt: one attempt of one job, as the engine sees it: its pipes, its
// times, and what the guard says of it.
//
// It is over when its process has ended, the guard has said that nothing is
// left of it, and its output has ended or the drain time has run out. Exit
// and end of output are separate facts: neither is taken for the other.

#pragma once

#include "cli/guard_messages.hpp"
#include "cli/job.hpp"
#include "cli/job_record.hpp"
#include "cli/job_text.hpp"

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(io_context.hpp)
#include BROOD_ASIO_HEADER(posix/stream_descriptor.hpp)
#include BROOD_ASIO_HEADER(steady_timer.hpp)

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cli {

class attempt;

// What attempts need of the engine.
class attempt_host {
public:
    attempt_host() = default;
    attempt_host(const attempt_host&) = delete;
    attempt_host& operator=(const attempt_host&) = delete;
    virtual ~attempt_host() = default;

    virtual brood::asio::io_context& io() = 0;
    virtual const options& asked() const = 0;
    virtual printer& output() = 0;
    // For all reads of all attempts, one after the other.
    virtual std::vector<char>& buffer() = 0;
    virtual void ask_guard(const guard_request& what,
                           const std::vector<int>& descriptors) = 0;
    // MAKEFLAGS and the like, for all jobs.
    virtual const std::vector<std::pair<std::string, std::string>>&
    environment() const = 0;
    // Something of our own went wrong: the run ends.
    virtual void fail(const std::string& what) = 0;
};

class attempt : public std::enable_shared_from_this<attempt> {
public:
    using clock = std::chrono::steady_clock;

    // `slot`: 0 for one that the guard chooses.
    attempt(attempt_host& host, std::shared_ptr<const job> what, unsigned slot,
            unsigned number, std::uint64_t id, clock::time_point read_at);
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;
    ~attempt();

    // Makes the pipes and asks the guard. Throws std::system_error; nothing
    // is left of it then, and it may be called again.
    void begin();

    // What the guard says. `has_ended`: exited() follows.
    void started(const job_start& told, bool has_ended);
    // False: what is missing may be there later; begin() again.
    bool refused(const refused_reply& told, bool may_wait);
    void exited(const exited_reply& told);
    void signaled(const signaled_reply& told);
    void gone(std::vector<leftover_process> leftover);
    // The guard is no more, and so is the job.
    void lost();

    // Ends it, because of `why`; `now`: without grace.
    void stop(job_status why, bool now);
    // The clock stood still for so long.
    void extend(duration by);
    // Our own terminal has another size; so has the job's.
    void resize();

    bool is_over() const noexcept;
    // The guard has nothing more to do for it.
    bool is_gone() const noexcept { return exited_ && gone_; }
    // Called once, when it is over; never inside begin().
    void when_over(std::function<void(attempt&)> then)
    {
        over_ = std::move(then);
    }

    std::uint64_t id() const noexcept { return id_; }
    unsigned slot() const noexcept { return record_.slot; }
    unsigned count() const noexcept { return record_.attempt; }
    const std::shared_ptr<const job>& what() const noexcept { return what_; }
    const std::shared_ptr<job_text>& text() const noexcept { return text_; }
    int pid() const noexcept { return pid_; }
    clock::time_point start_time() const noexcept { return began_; }
    clock::time_point read_at() const noexcept { return read_at_; }
    job_record& record() noexcept { return record_; }
    std::uint64_t bytes(unsigned number) const noexcept
    {
        return streams_[number].bytes;
    }

private:
    struct stream {
        explicit stream(brood::asio::io_context& io) : watch(io) {}
        stream(const stream&) = delete;
        stream& operator=(const stream&) = delete;
        ~stream() { close(); }
        void close();
        void close_job_side();

        int fd = -1;
        // Of a terminal. Without it the terminal would end when a job closes
        // its output, which many do before they exit, and hang it up.
        int job_side = -1;
        // Has the descriptor, once there is reason to wait for it.
        brood::asio::posix::stream_descriptor watch;
        bool open = false;
        bool waiting = false;
        bool held_up = false;  // our own output has no room
        std::uint64_t bytes = 0;
        std::size_t late = 0;  // bytes after its drain time
        unsigned full_reads = 0;
        bool large = false;
    };

    struct descriptors;
    bool open_text();
    void open_terminal(descriptors& made);
    void open_pipe(descriptors& made, unsigned number);
    void adopt(descriptors& made);
    void set_start(const job_start& told);

    void listen();
    void wait(unsigned number);
    void read(unsigned number);
    void read_what_is_there(unsigned number);
    bool take(unsigned number, std::string_view bytes);
    void end_of(unsigned number);
    void hold_up(unsigned number);

    void start_timers();
    void arm_timeout();
    void arm_idle();
    void start_drain();
    void drain_over();
    void check();
    void settle_status();

    attempt_host& host_;
    std::shared_ptr<const job> what_;
    std::shared_ptr<job_text> text_;
    job_record record_;
    std::uint64_t id_;
    int pid_ = 0;
    clock::time_point read_at_;
    clock::time_point began_;
    clock::time_point last_output_;
    std::array<stream, 2> streams_;
    std::optional<brood::asio::steady_timer> timeout_;
    std::optional<brood::asio::steady_timer> idle_;
    std::optional<brood::asio::steady_timer> drain_;
    clock::time_point timeout_at_;
    brood::exit_status status_;
    job_status cause_ = job_status::ok;
    bool exited_ = false;
    bool gone_ = false;
    bool drained_ = false;
    bool listening_ = false;
    bool told_ = false;
    bool broken_ = false;  // its text goes nowhere any more
    std::function<void(attempt&)> over_;
};

}  // namespace cli
