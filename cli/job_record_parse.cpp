// The reading half of job_record.hpp. It trusts nothing: a report may have
// been cut, edited, or written by a later version.

#include "cli/job_record.hpp"

#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>
#include <concepts>
#include <limits>
#include <stdexcept>
#include <utility>

namespace cli {

namespace {

using json = nlohmann::json;

[[noreturn]] void fail(const std::string& what)
{
    throw std::invalid_argument(what);
}

[[noreturn]] void fail_at(std::string_view key, std::string_view wanted)
{
    fail("\"" + std::string(key) + "\" is not " + std::string(wanted));
}

// Text, or {"b64":...}.
std::string bytes_of(const json& value, std::string_view key)
{
    if (value.is_string())
        return value.get<std::string>();
    if (value.is_object()) {
        auto b64 = value.find("b64");
        if (b64 != value.end() && b64->is_string())
            if (auto bytes = from_base64(b64->get_ref<const std::string&>()))
                return *std::move(bytes);
    }
    fail_at(key, "a text");
}

template <std::integral Integer>
Integer integer_of(const json& value, std::string_view key)
{
    using limits = std::numeric_limits<Integer>;
    if (value.is_number_unsigned()) {
        auto number = value.get<std::uint64_t>();
        if (std::in_range<Integer>(number))
            return static_cast<Integer>(number);
    } else if (value.is_number_integer()) {
        auto number = value.get<std::int64_t>();
        if (std::in_range<Integer>(number))
            return static_cast<Integer>(number);
    } else if (value.is_number_float()) {
        // Other tools write a large integer as 4e9.
        auto number = value.get<double>();
        if (std::trunc(number) == number && std::abs(number) < 0x1p53 &&
            number >= static_cast<double>(limits::min()) &&
            number <= static_cast<double>(limits::max()))
            return static_cast<Integer>(number);
    }
    fail_at(key, "an integer in range");
}

// The known names of one object; each stays as it is when it is absent or
// null, which is how a later version may leave it out.
class object_reader {
public:
    explicit object_reader(const json& from) : from_(from) {}

    void read(std::string_view key, std::string& to) const
    {
        if (auto value = find(key))
            to = bytes_of(*value, key);
    }

    void read(std::string_view key, std::vector<std::string>& to) const
    {
        auto value = find(key);
        if (!value)
            return;
        if (!value->is_array())
            fail_at(key, "a list");
        to.clear();
        for (const auto& one : *value)
            to.push_back(bytes_of(one, key));
    }

    void read(std::string_view key, bool& to) const
    {
        auto value = find(key);
        if (!value)
            return;
        if (!value->is_boolean())
            fail_at(key, "true or false");
        to = value->get<bool>();
    }

    void read(std::string_view key, double& to) const
    {
        auto value = find(key);
        if (!value)
            return;
        if (!value->is_number())
            fail_at(key, "a number");
        to = value->get<double>();
    }

    void read(std::string_view key, std::optional<double>& to) const
    {
        double value = 0;
        read(key, value);
        if (find(key))
            to = value;
    }

    template <std::integral Integer>
    void read(std::string_view key, Integer& to) const
    {
        if (auto value = find(key))
            to = integer_of<Integer>(*value, key);
    }

    template <std::integral Integer>
    void read(std::string_view key, std::optional<Integer>& to) const
    {
        if (auto value = find(key))
            to = integer_of<Integer>(*value, key);
    }

    const json* find(std::string_view key) const
    {
        auto found = from_.find(key);
        if (found == from_.end() || found->is_null())
            return nullptr;
        return &*found;
    }

private:
    const json& from_;
};

sent_signal sent_signal_of(const std::string& text)
{
    auto at = text.rfind('@');
    sent_signal sent;
    if (at != std::string::npos) {
        sent.name = text.substr(0, at);
        auto begin = text.data() + at + 1;
        auto end = text.data() + text.size();
        auto [stop, ec] = std::from_chars(begin, end, sent.at_s);
        if (ec == std::errc() && stop == end)
            return sent;
    }
    fail_at("kill_path", "a list of \"SIGNAL@SECONDS\"");
}

leftover_process leftover_of(const json& from)
{
    if (!from.is_object())
        fail_at("leftover", "a list of objects");
    object_reader object(from);
    leftover_process left;
    object.read("pid", left.pid);
    object.read("argv", left.argv);
    object.read("action", left.action);
    return left;
}

// What happened, and by what: in two functions, as one would be too long.
void read_end_of(const object_reader& from, job_record& job)
{
    std::string status;
    from.read("status", status);
    // A status of a later version is a failure of a kind not known here.
    job.status = job_status_of(status).value_or(job_status::exit);
    if (status.empty())
        fail("a job without \"status\"");
    from.read("code", job.code);
    from.read("signal", job.signal);
    from.read("core", job.core);
    from.read("error", job.error);
    std::vector<std::string> path;
    from.read("kill_path", path);
    for (const auto& one : path)
        job.kill_path.push_back(sent_signal_of(one));
    from.read("out_bytes", job.out_bytes);
    from.read("err_bytes", job.err_bytes);
    from.read("truncated", job.truncated);
    from.read("complete", job.complete);
    from.read("pty", job.pty);
    from.read("err_tail", job.err_tail);
    if (auto all = from.find("leftover")) {
        if (!all->is_array())
            fail_at("leftover", "a list");
        for (const auto& one : *all)
            job.leftover.push_back(leftover_of(one));
    }
}

job_record read_job(const object_reader& from)
{
    job_record job;
    if (!from.find("seq"))
        fail("a job without \"seq\"");
    from.read("seq", job.seq);
    from.read("slot", job.slot);
    from.read("name", job.name);
    from.read("argv", job.argv);
    from.read("shell", job.shell);
    from.read("values", job.values);
    from.read("cwd", job.cwd);
    from.read("attempt", job.attempt);
    from.read("final", job.final);
    from.read("start", job.start);
    from.read("queued_s", job.queued_s);
    from.read("wall_s", job.wall_s);
    from.read("user_s", job.user_s);
    from.read("sys_s", job.sys_s);
    from.read("maxrss", job.maxrss);
    from.read("maxrss_kind", job.maxrss_kind);
    from.read("minflt", job.minflt);
    from.read("majflt", job.majflt);
    from.read("inblock", job.inblock);
    from.read("oublock", job.oublock);
    from.read("nvcsw", job.nvcsw);
    from.read("nivcsw", job.nivcsw);
    read_end_of(from, job);
    return job;
}

run_record read_run(const object_reader& from)
{
    run_record run;
    from.read("version", run.version);
    from.read("host", run.host);
    from.read("cwd", run.cwd);
    from.read("argv", run.argv);
    from.read("start", run.start);
    from.read("jobs", run.jobs);
    from.read("total", run.total);
    from.read("pid", run.pid);
    if (auto limits = from.find("limits")) {
        if (!limits->is_object())
            fail_at("limits", "an object");
        object_reader each(*limits);
        each.read("timeout_s", run.limits.timeout_s);
        each.read("idle_timeout_s", run.limits.idle_timeout_s);
        each.read("deadline_s", run.limits.deadline_s);
        each.read("attempts", run.limits.attempts);
    }
    return run;
}

end_record read_end(const object_reader& from)
{
    end_record end;
    from.read("end", end.end);
    from.read("wall_s", end.wall_s);
    from.read("ok", end.ok);
    from.read("failed", end.failed);
    from.read("timed_out", end.timed_out);
    from.read("canceled", end.canceled);
    from.read("skipped", end.skipped);
    from.read("retried", end.retried);
    from.read("user_s", end.user_s);
    from.read("sys_s", end.sys_s);
    from.read("exit_code", end.exit_code);
    from.read("halted", end.halted);
    return end;
}

}  // namespace

std::optional<record> parse_record(std::string_view line)
{
    auto document = json::parse(line, nullptr, false);
    if (document.is_discarded())
        fail("no JSON, or a line that was cut");
    if (!document.is_object())
        fail("no JSON object");
    object_reader from(document);
    int version = 0;
    from.read("v", version);
    if (version < 1)
        fail("no record of brood: it has no \"v\"");
    if (version > 1)
        fail("version " + std::to_string(version) +
             " of the format; this program reads version 1");
    std::string event;
    from.read("ev", event);
    if (event == "job")
        return read_job(from);
    if (event == "run")
        return read_run(from);
    if (event == "end")
        return read_end(from);
    return std::nullopt;
}

}  // namespace cli
