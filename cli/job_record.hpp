// job_record: what is written about a run, one JSON object in a line.
//
// docs/report-format.md describes the lines. Bytes that are no UTF-8 stand as
// {"b64": ...}. What is read back may come from a later version: names that
// are not known are passed over, a line that is cut short is an error of that
// line alone.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cli {

enum class job_status {
    ok,
    exit,    // ended by itself with another code than 0
    signal,  // ended by a signal that nobody here sent
    timeout,
    idle,      // too long without output
    output,    // more output than allowed
    canceled,  // stopped, because the run was
    spawn,     // could not be started
    skipped,   // never started (halted, or done before)
};

struct leftover_process {
    int pid = 0;
    std::vector<std::string> argv;
    std::string action;  // "killed", "left", "unkillable"
};

struct sent_signal {
    std::string name;  // "TERM"
    double at_s = 0;   // after the start of the job
};

// One attempt of one job.
struct job_record {
    std::uint64_t seq = 0;
    unsigned slot = 0;
    std::string name;
    std::vector<std::string> argv;
    bool shell = false;
    std::vector<std::string> values;
    std::string cwd;
    unsigned attempt = 1;
    bool final = true;    // no further attempt follows
    double start = 0;     // seconds since 1970
    double queued_s = 0;  // from being read to being started
    double wall_s = 0;
    double user_s = 0;
    double sys_s = 0;
    std::int64_t maxrss = 0;              // bytes
    std::string maxrss_kind = "process";  // or "cgroup"
    std::int64_t minflt = 0;
    std::int64_t majflt = 0;
    std::optional<std::int64_t> inblock;  // none: not known
    std::optional<std::int64_t> oublock;
    std::int64_t nvcsw = 0;
    std::int64_t nivcsw = 0;
    job_status status = job_status::ok;
    std::optional<int> code;  // none when ended by a signal, or not started
    std::optional<int> signal;
    bool core = false;
    std::string error;  // why it could not be started
    std::vector<sent_signal> kill_path;
    // None: it wrote to our own output, past us.
    std::optional<std::uint64_t> out_bytes;
    std::optional<std::uint64_t> err_bytes;
    bool truncated = false;
    bool complete = true;  // false: a leftover held a pipe beyond drain
    bool pty = false;      // err is part of out
    std::string err_tail;  // the end of stderr of a job that failed
    std::vector<leftover_process> leftover;
};

// What a run was not to go beyond; none: no limit.
struct run_limits {
    std::optional<double> timeout_s;
    std::optional<double> idle_timeout_s;
    std::optional<double> deadline_s;
    unsigned attempts = 1;
};

// The first line.
struct run_record {
    std::string version;
    std::string host;
    std::string cwd;
    std::vector<std::string> argv;
    double start = 0;
    unsigned jobs = 0;  // slots; 0: no limit
    std::optional<std::uint64_t> total;
    int pid = 0;
    run_limits limits{};
};

// The last line; without it the run was cut off.
struct end_record {
    double end = 0;
    double wall_s = 0;
    std::uint64_t ok = 0;
    std::uint64_t failed = 0;
    std::uint64_t timed_out = 0;
    std::uint64_t canceled = 0;
    std::uint64_t skipped = 0;
    std::uint64_t retried = 0;
    double user_s = 0;
    double sys_s = 0;
    int exit_code = 0;
    std::string halted;  // why the run ended early; empty: it did not
};

using record = std::variant<run_record, job_record, end_record>;

std::string_view to_string(job_status status) noexcept;
std::optional<job_status> job_status_of(std::string_view name) noexcept;

// One line, without the line feed.
std::string to_json_line(const record& what);

// Throws std::invalid_argument that says what is wrong. None: a line of a kind
// that this version does not know.
std::optional<record> parse_record(std::string_view line);

}  // namespace cli
