#include "cli/job_record.hpp"

#include "cli/json_text.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace cli {

namespace {

constexpr std::array<std::pair<job_status, std::string_view>, 9> status_names{{
    {job_status::ok, "ok"},
    {job_status::exit, "exit"},
    {job_status::signal, "signal"},
    {job_status::timeout, "timeout"},
    {job_status::idle, "idle"},
    {job_status::output, "output"},
    {job_status::canceled, "canceled"},
    {job_status::spawn, "spawn"},
    {job_status::skipped, "skipped"},
}};

// One object: ,"key":value after value. The keys are names of ours, which need
// no escaping.
class object_writer {
public:
    object_writer(std::string& out, std::string_view event) : out_(out)
    {
        out_ += R"({"v":1,"ev":")";
        out_ += event;
        out_ += '"';
    }

    void text(std::string_view key, std::string_view bytes)
    {
        start(key);
        append_json_bytes(out_, bytes);
    }

    void text_or_null(std::string_view key, std::string_view bytes)
    {
        start(key);
        if (bytes.empty())
            out_ += "null";
        else
            append_json_bytes(out_, bytes);
    }

    void text_if_any(std::string_view key, std::string_view bytes)
    {
        if (!bytes.empty())
            text(key, bytes);
    }

    void texts(std::string_view key, const std::vector<std::string>& all)
    {
        start(key);
        append_texts(all);
    }

    void flag(std::string_view key, bool value)
    {
        start(key);
        out_ += value ? "true" : "false";
    }

    template <class Number>
    void number(std::string_view key, Number value)
    {
        start(key);
        append(value);
    }

    template <class Number>
    void number(std::string_view key, const std::optional<Number>& value)
    {
        start(key);
        if (value)
            append(*value);
        else
            out_ += "null";
    }

    void kill_path(const std::vector<sent_signal>& all)
    {
        start("kill_path");
        out_ += '[';
        for (const auto& one : all) {
            if (&one != &all.front())
                out_ += ',';
            append_json_bytes(out_, one.name + "@" + tenths(one.at_s));
        }
        out_ += ']';
    }

    void limits(const run_limits& all)
    {
        start("limits");
        // An object without the comma before its first key.
        auto open = out_.size();
        number("timeout_s", all.timeout_s);
        out_[open] = '{';
        number("idle_timeout_s", all.idle_timeout_s);
        number("deadline_s", all.deadline_s);
        number("attempts", all.attempts);
        out_ += '}';
    }

    void leftover(const std::vector<leftover_process>& all)
    {
        start("leftover");
        out_ += '[';
        for (const auto& one : all) {
            if (&one != &all.front())
                out_ += ',';
            out_ += R"({"pid":)";
            append(one.pid);
            out_ += R"(,"argv":)";
            append_texts(one.argv);
            out_ += R"(,"action":)";
            append_json_bytes(out_, one.action);
            out_ += '}';
        }
        out_ += ']';
    }

    void close() { out_ += '}'; }

private:
    void start(std::string_view key)
    {
        out_ += ",\"";
        out_ += key;
        out_ += "\":";
    }

    void append(double value) { append_json_number(out_, value); }
    void append(int value) { append(std::int64_t{value}); }
    void append(unsigned value) { append(std::uint64_t{value}); }
    void append(std::int64_t value) { append_json_number(out_, value); }
    void append(std::uint64_t value) { append_json_number(out_, value); }

    void append_texts(const std::vector<std::string>& all)
    {
        out_ += '[';
        for (const auto& one : all) {
            if (&one != &all.front())
                out_ += ',';
            append_json_bytes(out_, one);
        }
        out_ += ']';
    }

    // 30 is 30.0: seconds, not a signal's number.
    static std::string tenths(double seconds)
    {
        std::string text;
        append_json_number(text, seconds);
        if (text.find_first_of(".e") == std::string::npos)
            text += ".0";
        return text;
    }

    std::string& out_;
};

void write(std::string& out, const job_record& job)
{
    object_writer to(out, "job");
    to.number("seq", job.seq);
    to.number("slot", job.slot);
    to.text_or_null("name", job.name);
    to.texts("argv", job.argv);
    to.flag("shell", job.shell);
    to.texts("values", job.values);
    to.text("cwd", job.cwd);
    to.number("attempt", job.attempt);
    to.flag("final", job.final);
    to.number("start", job.start);
    to.number("queued_s", job.queued_s);
    to.number("wall_s", job.wall_s);
    to.number("user_s", job.user_s);
    to.number("sys_s", job.sys_s);
    to.number("maxrss", job.maxrss);
    to.text("maxrss_kind", job.maxrss_kind);
    to.number("minflt", job.minflt);
    to.number("majflt", job.majflt);
    to.number("inblock", job.inblock);
    to.number("oublock", job.oublock);
    to.number("nvcsw", job.nvcsw);
    to.number("nivcsw", job.nivcsw);
    to.text("status", to_string(job.status));
    to.number("code", job.code);
    to.number("signal", job.signal);
    to.flag("core", job.core);
    to.text_if_any("error", job.error);
    to.kill_path(job.kill_path);
    to.number("out_bytes", job.out_bytes);
    to.number("err_bytes", job.err_bytes);
    to.flag("truncated", job.truncated);
    to.flag("complete", job.complete);
    to.flag("pty", job.pty);
    to.text_if_any("err_tail", job.err_tail);
    to.leftover(job.leftover);
    to.close();
}

void write(std::string& out, const run_record& run)
{
    object_writer to(out, "run");
    to.text("version", run.version);
    to.text("host", run.host);
    to.text("cwd", run.cwd);
    to.texts("argv", run.argv);
    to.number("start", run.start);
    to.number("jobs", run.jobs);
    to.number("total", run.total);
    to.number("pid", run.pid);
    to.limits(run.limits);
    to.close();
}

void write(std::string& out, const end_record& end)
{
    object_writer to(out, "end");
    to.number("end", end.end);
    to.number("wall_s", end.wall_s);
    to.number("ok", end.ok);
    to.number("failed", end.failed);
    to.number("timed_out", end.timed_out);
    to.number("canceled", end.canceled);
    to.number("skipped", end.skipped);
    to.number("retried", end.retried);
    to.number("user_s", end.user_s);
    to.number("sys_s", end.sys_s);
    to.number("exit_code", end.exit_code);
    to.text_or_null("halted", end.halted);
    to.close();
}

}  // namespace

std::string_view to_string(job_status status) noexcept
{
    for (auto [value, name] : status_names)
        if (value == status)
            return name;
    return "?";
}

std::optional<job_status> job_status_of(std::string_view name) noexcept
{
    for (auto [value, known] : status_names)
        if (known == name)
            return value;
    return std::nullopt;
}

std::string to_json_line(const record& what)
{
    std::string line;
    // A record without long arguments; what is longer grows once or twice.
    line.reserve(768);
    std::visit([&](const auto& one) { write(line, one); }, what);
    return line;
}

}  // namespace cli
