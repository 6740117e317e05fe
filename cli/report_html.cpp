// --to html: one page that needs nothing else, with the jobs in it as JSON.
//
// The page's own script draws everything; here the data is only put into it.
// What a job printed or was called comes from anywhere: none of it may end the
// script element that it stands in.

#include "cli/report_converter.hpp"

#include "cli/command_text.hpp"
#include "cli/json_text.hpp"
#include "cli/plain_text.hpp"
#include "cli/report_page.hpp"

namespace cli {

namespace {

// JSON inside of <script>: no "</script>", "<!--" or "]]>" can arise, and no
// line separator that JavaScript knows and JSON does not.
void append_safe(std::string& out, std::string_view json)
{
    for (std::size_t at = 0; at < json.size(); ++at) {
        auto rest = json.substr(at);
        if (json[at] == '<') {
            out += "\\u003c";
        } else if (json[at] == '>') {
            out += "\\u003e";
        } else if (json[at] == '&') {
            out += "\\u0026";
        } else if (rest.starts_with("\xe2\x80\xa8") ||
                   rest.starts_with("\xe2\x80\xa9")) {
            out += json[at + 2] == '\xa8' ? "\\u2028" : "\\u2029";
            at += 2;
        } else {
            out += json[at];
        }
    }
}

void append_text(std::string& out, std::string_view bytes)
{
    std::string quoted;
    append_json_text(quoted, to_utf8(bytes));
    append_safe(out, quoted);
}

std::string leftover_text(const job_record& job)
{
    std::string text;
    for (const auto& left : job.leftover)
        text += (text.empty() ? "" : "\n") + std::to_string(left.pid) + " " +
                command_text(left.argv, false) + " (" + left.action + ")";
    return text;
}

class html_converter : public report_converter {
public:
    explicit html_converter(converted_text& out) : out_(out)
    {
        copy_page_until("@data@");
        out_ << "{\"columns\":[\"seq\",\"slot\",\"name\",\"command\","
                "\"attempt\",\"final\",\"start\",\"queued\",\"wall\","
                "\"user\",\"sys\",\"maxrss\",\"maxrssKind\",\"outBytes\","
                "\"errBytes\",\"status\",\"outcome\",\"tail\",\"notes\","
                "\"leftover\",\"cwd\"],\"jobs\":[";
    }

    void run(const run_record& run) override;
    void job(const job_record& job) override;
    void end(const end_record& end) override;

    void finish(bool cut_off) override
    {
        out_ << "\n],\"runs\":[" << runs_ << "],\"ends\":[" << ends_
             << "],\"cutOff\":" << (cut_off ? "true" : "false") << "}";
        copy_page_until("");
    }

private:
    void copy_page_until(std::string_view mark);

    converted_text& out_;
    std::string_view page_ = report_page_html;
    bool first_ = true;
    std::string cwd_;
    std::string runs_;
    std::string ends_;
};

// Copies the page up to `mark`, with the style and the script in their places.
void html_converter::copy_page_until(std::string_view mark)
{
    while (!page_.empty()) {
        auto at = page_.find('@');
        out_ << page_.substr(0, at);
        if (at == std::string_view::npos) {
            page_ = {};
            return;
        }
        page_.remove_prefix(at);
        if (!mark.empty() && page_.starts_with(mark)) {
            page_.remove_prefix(mark.size());
            return;
        }
        if (page_.starts_with("@style@")) {
            out_ << report_page_style;
            page_.remove_prefix(7);
        } else if (page_.starts_with("@script@")) {
            out_ << report_page_script;
            page_.remove_prefix(8);
        } else {
            out_ << "@";
            page_.remove_prefix(1);
        }
    }
}

void html_converter::run(const run_record& run)
{
    cwd_ = run.cwd;
    std::string text = runs_.empty() ? "" : ",";
    text += "{\"version\":";
    append_text(text, run.version);
    text += ",\"host\":";
    append_text(text, run.host);
    text += ",\"cwd\":";
    append_text(text, run.cwd);
    text += ",\"command\":";
    append_text(text, command_text(run.argv, false));
    text += ",\"start\":";
    append_json_number(text, run.start);
    text += ",\"jobs\":" + std::to_string(run.jobs) + ",\"total\":";
    text += run.total ? std::to_string(*run.total) : "null";
    runs_ += text + "}";
}

void html_converter::end(const end_record& end)
{
    std::string text = ends_.empty() ? "" : ",";
    text += "{\"end\":";
    append_json_number(text, end.end);
    text += ",\"wall\":";
    append_json_number(text, end.wall_s);
    text += ",\"exitCode\":" + std::to_string(end.exit_code) + ",\"halted\":";
    append_text(text, end.halted);
    ends_ += text + "}";
}

void html_converter::job(const job_record& job)
{
    std::string text = first_ ? "\n[" : ",\n[";
    first_ = false;
    auto number = [&](auto value) {
        append_json_number(text, value);
        text += ',';
    };
    auto bytes = [&](std::string_view value) {
        append_text(text, value);
        text += ',';
    };
    auto number_if_known = [&](const auto& value) {
        if (value)
            append_json_number(text, *value);
        else
            text += "null";
        text += ',';
    };
    number(job.seq);
    number(std::uint64_t{job.slot});
    bytes(job.name);
    bytes(command_text(job));
    number(std::uint64_t{job.attempt});
    text += job.final ? "1," : "0,";
    number(job.start);
    number(job.queued_s);
    number(job.wall_s);
    number(job.user_s);
    number(job.sys_s);
    number(job.maxrss);
    bytes(job.maxrss_kind);
    number_if_known(job.out_bytes);
    number_if_known(job.err_bytes);
    bytes(to_string(job.status));
    bytes(job.status == job_status::ok ? "" : outcome_text(job));
    bytes(plain_text(job.err_tail));
    std::string notes;
    if (job.truncated)
        notes += "output truncated\n";
    if (!job.complete)
        notes += "a leftover process held the output open\n";
    if (job.pty)
        notes += "on a terminal of its own: stderr is part of stdout\n";
    bytes(notes);
    bytes(leftover_text(job));
    // Nearly always the run's own.
    append_text(text, job.cwd == cwd_ ? "" : job.cwd);
    out_ << text << "]";
}

}  // namespace

std::unique_ptr<report_converter> make_html_converter(converted_text& out)
{
    return std::make_unique<html_converter>(out);
}

}  // namespace cli
