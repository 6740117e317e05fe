// --to trace: Chrome's trace format, for chrome://tracing and Perfetto.
//
// A run is a process, a slot is a thread, an attempt is a slice. Times are
// microseconds since 1970: Perfetto starts its axis at the first of them.

#include "cli/report_converter.hpp"

#include "cli/command_text.hpp"
#include "cli/json_text.hpp"

#include <set>

namespace cli {

namespace {

// Whole microseconds: as a double, today's date has no more digits to give.
std::int64_t microseconds(double seconds)
{
    return static_cast<std::int64_t>(seconds * 1e6 + 0.5);
}

class trace_converter : public report_converter {
public:
    explicit trace_converter(converted_text& out) : out_(out)
    {
        out_ << "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
    }

    void run(const run_record& run) override
    {
        // A report of two runs, of which one went on where the other ended:
        // the same process number twice would mix them.
        if (!pids_.insert(run.pid).second)
            return;
        pid_ = run.pid;
        slots_.clear();
        auto name = "brood on " + to_utf8(run.host);
        metadata("process_name", 0, "name", name);
    }

    void job(const job_record& job) override
    {
        // Without a start it has no place on the line of time.
        if (job.status == job_status::skipped || job.start <= 0)
            return;
        if (slots_.insert(job.slot).second)
            metadata("thread_name", job.slot, "name",
                     job.slot != 0 ? "slot " + std::to_string(job.slot)
                                   : "not started");
        start(job.status == job_status::spawn ? "i" : "X", job.slot, job.start);
        if (job.status == job_status::spawn)
            out_ << ",\"s\":\"t\"";
        else
            out_ << ",\"dur\":" << microseconds(job.wall_s);
        // A colour of the viewer's own for what failed.
        if (job.status != job_status::ok)
            out_ << ",\"cname\":\"terrible\"";
        out_ << ",\"cat\":\"" << to_string(job.status) << "\",\"name\":";
        text(job.name.empty() ? command_text(job) : job.name);
        arguments(job);
        for (const auto& sent : job.kill_path) {
            start("i", job.slot, job.start + sent.at_s);
            out_ << ",\"s\":\"t\",\"cat\":\"kill\",\"name\":";
            text("SIG" + sent.name);
            out_ << "}";
        }
    }

    void finish(bool cut_off) override
    {
        out_ << "\n],\"otherData\":{\"complete\":"
             << (cut_off ? "false" : "true") << "}}\n";
    }

private:
    void start(std::string_view phase, unsigned slot, double at)
    {
        out_ << (first_ ? "\n" : ",\n") << "{\"ph\":\"" << phase
             << "\",\"pid\":" << pid_ << ",\"tid\":" << slot
             << ",\"ts\":" << microseconds(at);
        first_ = false;
    }

    void metadata(std::string_view what, unsigned slot, std::string_view key,
                  const std::string& value)
    {
        start("M", slot, 0);
        out_ << ",\"name\":\"" << what << "\",\"args\":{\"" << key << "\":";
        text(value);
        out_ << "}}";
    }

    void arguments(const job_record& job)
    {
        out_ << ",\"args\":{\"seq\":" << job.seq
             << ",\"attempt\":" << job.attempt << ",\"command\":";
        text(command_text(job));
        out_ << ",\"outcome\":";
        text(outcome_text(job));
        std::string numbers;
        auto add = [&](std::string_view key, auto value) {
            numbers += ",\"" + std::string(key) + "\":";
            append_json_number(numbers, value);
        };
        add("queued_s", job.queued_s);
        add("user_s", job.user_s);
        add("sys_s", job.sys_s);
        add("maxrss", job.maxrss);
        if (job.out_bytes)
            add("out_bytes", *job.out_bytes);
        if (job.err_bytes)
            add("err_bytes", *job.err_bytes);
        out_ << numbers << "}}";
    }

    void text(const std::string& bytes)
    {
        std::string quoted;
        append_json_text(quoted, to_utf8(bytes));
        out_ << quoted;
    }

    converted_text& out_;
    int pid_ = 0;
    bool first_ = true;
    std::set<int> pids_;
    std::set<unsigned> slots_;
};

}  // namespace

std::unique_ptr<report_converter> make_trace_converter(converted_text& out)
{
    return std::make_unique<trace_converter>(out);
}

}  // namespace cli
