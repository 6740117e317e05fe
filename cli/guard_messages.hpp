// guard_messages: what the engine and the guard say to each other.
//
// Each is one packet of a SOCK_SEQPACKET socket; what does not fit into one
// travels in a memory file instead. Both ends are the same program, forked,
// so there are no versions and no byte orders.

#pragma once

#include "cli/job_record.hpp"

#include <brood/exit_status.hpp>
#include <brood/resource_usage.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cli {

// Where one of a job's standard streams leads.
enum class stream_use : std::uint8_t {
    null_device,
    ours,      // the guard's own, which are the engine's
    given,     // the next of the descriptors that came with the packet
    terminal,  // the first of those, which becomes the controlling terminal
};

// --- to the guard

// The guard starts as many at once as there are slots, in the order in which
// it was asked; the others wait in the guard, and the next of them starts in
// the moment in which one is gone.
struct start_request {
    std::uint64_t id = 0;  // of this attempt
    unsigned slot = 0;     // 0: one that is free then
    std::vector<std::string> argv;
    std::vector<std::pair<std::string, std::string>> env;
    stream_use in = stream_use::null_device;
    stream_use out = stream_use::given;
    stream_use err = stream_use::given;
};

struct stop_request {
    std::uint64_t id = 0;  // 0: all
    bool now = false;      // no sequence: SIGKILL
};

struct signal_request {
    std::uint64_t id = 0;  // 0: all
    int signal = 0;
};

// Those that wait to be started are not wanted any more.
struct recall_request {};

// The run is over: nothing may be left.
struct finish_request {};

using guard_request = std::variant<start_request, stop_request, signal_request,
                                   recall_request, finish_request>;

// --- from the guard

// Where and when a job was started.
struct job_start {
    int pid = 0;
    unsigned slot = 0;
    std::chrono::steady_clock::time_point at;
};

// Only of a job that runs for a while: most end so soon that it is enough to
// say so with their end.
struct started_reply {
    std::uint64_t id = 0;
    job_start start;
};

struct refused_reply {
    std::uint64_t id = 0;
    job_start start;       // without a pid
    int error = 0;         // errno
    bool at_exec = false;  // the program itself is what is wrong
    std::string what;
};

// The job's own process has ended.
struct exited_reply {
    std::uint64_t id = 0;
    job_start start;
    brood::exit_status status;
    brood::resource_usage usage;
    std::int64_t wall_ns = 0;
    // Nothing is left of the job, and no gone_reply follows.
    bool gone = false;
};

struct signaled_reply {
    std::uint64_t id = 0;
    int signal = 0;
    std::int64_t at_ns = 0;  // after the start
};

// It was waiting, and was never started.
struct recalled_reply {
    std::uint64_t id = 0;
};

// Nothing is left of the job, but for what is named.
struct gone_reply {
    std::uint64_t id = 0;
    std::vector<leftover_process> leftover;
};

struct finished_reply {
    // Who was killed only now, or could not be.
    std::vector<leftover_process> leftover;
};

using guard_reply =
    std::variant<started_reply, refused_reply, exited_reply, signaled_reply,
                 gone_reply, recalled_reply, finished_reply>;

std::string pack(const guard_request& what);
std::string pack(const guard_reply& what);
// Throw std::runtime_error for what pack cannot have made. A packet may have
// several replies, one behind the other.
guard_request unpack_request(std::string_view bytes);
// The id of a start_request of which there is the beginning.
std::uint64_t id_of_cut_request(std::string_view bytes);
std::vector<guard_reply> unpack_replies(std::string_view bytes);

// The descriptors that came with a packet, closed at the end.
class received_descriptors {
public:
    received_descriptors() = default;
    received_descriptors(received_descriptors&& other) noexcept
        : all_(std::exchange(other.all_, {}))
    {
    }
    received_descriptors& operator=(received_descriptors&& other) noexcept
    {
        all_.swap(other.all_);
        return *this;
    }
    ~received_descriptors();

    const std::vector<int>& all() const noexcept { return all_; }
    void add(const int* first, std::size_t count);
    void close_last();

private:
    std::vector<int> all_;
};

struct received_packet {
    std::string bytes;
    received_descriptors descriptors;
    bool ended = false;  // the other end is gone
    bool would_block = false;
    // Some descriptors could not be received, for want of room for them. Of a
    // packet whose bytes were in one of those, there is the beginning only.
    bool cut = false;
};

// 0, or errno. EAGAIN only where `flags` has MSG_DONTWAIT.
int send_packet(int socket, std::string_view bytes,
                const std::vector<int>& descriptors, int flags);
received_packet receive_packet(int socket, int flags);

}  // namespace cli
