// --to csv (RFC 4180) and --to tsv: a row for each attempt of each job.

#include "cli/report_converter.hpp"

#include "cli/command_text.hpp"
#include "cli/json_text.hpp"

namespace cli {

namespace {

constexpr std::string_view columns[] = {
    "seq",      "slot",   "name",        "command",   "shell",     "cwd",
    "attempt",  "final",  "start",       "queued_s",  "wall_s",    "user_s",
    "sys_s",    "maxrss", "maxrss_kind", "minflt",    "majflt",    "inblock",
    "oublock",  "nvcsw",  "nivcsw",      "status",    "code",      "signal",
    "core",     "error",  "kill_path",   "out_bytes", "err_bytes", "truncated",
    "complete", "pty",    "err_tail",    "leftover"};

// The rules of one format for a field and the end of a row.
struct table_rules {
    std::string_view separator;
    std::string_view row_end;
    std::string (*field)(std::string text);
};

// RFC 4180, 2.5 to 2.7.
std::string csv_field(std::string text)
{
    if (text.find_first_of("\",\r\n") == std::string::npos)
        return text;
    std::string quoted = "\"";
    for (char c : text) {
        if (c == '"')
            quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

// text/tab-separated-values has no quotes: what would break a row is escaped
// with a backslash, as databases do.
std::string tsv_field(std::string text)
{
    std::string escaped;
    for (char c : text) {
        if (c == '\t')
            escaped += "\\t";
        else if (c == '\n')
            escaped += "\\n";
        else if (c == '\r')
            escaped += "\\r";
        else if (c == '\\')
            escaped += "\\\\";
        else
            escaped += c;
    }
    return escaped;
}

constexpr table_rules csv{",", "\r\n", csv_field};
constexpr table_rules tsv{"\t", "\n", tsv_field};

class table_converter : public report_converter {
public:
    table_converter(converted_text& out, const table_rules& rules)
        : out_(out), rules_(rules)
    {
        for (auto column : columns)
            text(column);
        end_row();
    }

    void job(const job_record& one) override;
    void finish(bool) override {}

private:
    void text(std::string_view value)
    {
        if (!first_)
            out_ << rules_.separator;
        first_ = false;
        out_ << rules_.field(to_utf8(value));
    }
    void flag(bool value) { text(value ? "true" : "false"); }
    void number(double value)
    {
        std::string digits;
        append_json_number(digits, value);
        text(digits);
    }
    template <std::integral Integer>
    void number(Integer value)
    {
        text(std::to_string(value));
    }
    template <std::integral Integer>
    void number(const std::optional<Integer>& value)
    {
        text(value ? std::to_string(*value) : "");
    }
    void end_row()
    {
        out_ << rules_.row_end;
        first_ = true;
    }
    void times(const job_record& one);
    void usage(const job_record& one);

    converted_text& out_;
    const table_rules& rules_;
    bool first_ = true;
};

std::string kill_path_text(const job_record& one)
{
    std::string text;
    for (const auto& sent : one.kill_path) {
        if (!text.empty())
            text += ' ';
        text += sent.name + "@";
        append_json_number(text, sent.at_s);
    }
    return text;
}

// "991 node server.js (killed); 992 ..."
std::string leftover_text(const job_record& one)
{
    std::string text;
    for (const auto& left : one.leftover) {
        if (!text.empty())
            text += "; ";
        text += std::to_string(left.pid) + " " +
                command_text(left.argv, false) + " (" + left.action + ")";
    }
    return text;
}

void table_converter::times(const job_record& one)
{
    number(one.start);
    number(one.queued_s);
    number(one.wall_s);
    number(one.user_s);
    number(one.sys_s);
}

void table_converter::usage(const job_record& one)
{
    number(one.maxrss);
    text(one.maxrss_kind);
    number(one.minflt);
    number(one.majflt);
    number(one.inblock);
    number(one.oublock);
    number(one.nvcsw);
    number(one.nivcsw);
}

void table_converter::job(const job_record& one)
{
    number(one.seq);
    number(one.slot);
    text(one.name);
    text(command_text(one));
    flag(one.shell);
    text(one.cwd);
    number(one.attempt);
    flag(one.final);
    times(one);
    usage(one);
    text(to_string(one.status));
    number(one.code);
    number(one.signal);
    flag(one.core);
    text(one.error);
    text(kill_path_text(one));
    number(one.out_bytes);
    number(one.err_bytes);
    flag(one.truncated);
    flag(one.complete);
    flag(one.pty);
    text(one.err_tail);
    text(leftover_text(one));
    end_row();
}

}  // namespace

std::unique_ptr<report_converter> make_csv_converter(converted_text& out)
{
    return std::make_unique<table_converter>(out, csv);
}

std::unique_ptr<report_converter> make_tsv_converter(converted_text& out)
{
    return std::make_unique<table_converter>(out, tsv);
}

}  // namespace cli
