// --to junit: a test case for each job, as CI servers read it.
//
// A job that was retried is one case; its earlier attempts stand in it, the
// way Maven's Surefire writes them. The totals stand before the cases, so the
// cases wait in a temporary file until the report has been read.

#include "cli/report_converter.hpp"

#include "cli/command_text.hpp"
#include "cli/json_text.hpp"
#include "cli/plain_text.hpp"
#include "cli/program_error.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <map>
#include <memory>

namespace cli {

namespace {

// What XML 1.0 has no way to say is left out by plain_text(), but for two.
void append_xml(std::string& out, std::string_view bytes)
{
    auto text = plain_text(bytes);
    for (std::size_t at = 0; at < text.size(); ++at) {
        auto rest = std::string_view(text).substr(at);
        if (rest.starts_with("\xef\xbf\xbe") ||
            rest.starts_with("\xef\xbf\xbf")) {
            out += "\xef\xbf\xbd";
            at += 2;
            continue;
        }
        switch (text[at]) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        // In an attribute these would be read as spaces.
        case '\n': out += "&#10;"; break;
        case '\t': out += "&#9;"; break;
        default: out += text[at];
        }
    }
}

void append_attribute(std::string& out, std::string_view name,
                      std::string_view value)
{
    out += ' ';
    out += name;
    out += "=\"";
    append_xml(out, value);
    out += '"';
}

void append_seconds(std::string& out, std::string_view name, double value)
{
    std::string digits;
    append_json_number(digits, value);
    append_attribute(out, name, digits);
}

std::string timestamp(double since_1970)
{
    auto seconds = static_cast<std::time_t>(since_1970);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text.data();
}

// What was written, to be read again once.
class spool {
public:
    spool() : file_(std::tmpfile(), &std::fclose)
    {
        if (!file_)
            throw system_failure("make a temporary file", errno);
    }

    struct part {
        long at = 0;
        std::size_t length = 0;
    };

    part write(const std::string& text)
    {
        part written{at_, text.size()};
        at_ += static_cast<long>(text.size());
        if (std::fwrite(text.data(), 1, text.size(), file_.get()) !=
            text.size())
            throw system_failure("write to a temporary file", errno);
        return written;
    }

    // Overwrites what turned out to be wrong with blanks.
    void blank(part what)
    {
        std::string blanks(what.length, ' ');
        blanks.back() = '\n';
        if (std::fseek(file_.get(), what.at, SEEK_SET) != 0 ||
            std::fwrite(blanks.data(), 1, blanks.size(), file_.get()) !=
                blanks.size() ||
            std::fseek(file_.get(), at_, SEEK_SET) != 0)
            throw system_failure("write to a temporary file", errno);
    }

    void copy_to(converted_text& out)
    {
        if (std::fflush(file_.get()) != 0)
            throw system_failure("write to a temporary file", errno);
        std::rewind(file_.get());
        std::array<char, 1 << 16> bytes;
        while (auto got =
                   std::fread(bytes.data(), 1, bytes.size(), file_.get()))
            out << std::string_view(bytes.data(), got);
        if (std::ferror(file_.get()) != 0)
            throw system_failure("read a temporary file", errno);
    }

private:
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
    long at_ = 0;
};

class junit_converter : public report_converter {
public:
    explicit junit_converter(converted_text& out) : out_(out) {}

    void run(const run_record& run) override
    {
        // Of runs that went on in one file, the first names the suite.
        if (start_ == 0) {
            start_ = run.start;
            host_ = run.host;
        }
    }

    void job(const job_record& job) override
    {
        if (start_ == 0)
            start_ = job.start;
        time_ += job.wall_s;
        if (!job.final) {
            attempts_[job.seq].push_back(outcome_text(job));
            return;
        }
        take_back(job.seq);
        std::string text;
        append_case(text, job);
        attempts_.erase(job.seq);
        auto part = cases_.write(text);
        ++tests_;
        if (auto counter = counter_of(job.status)) {
            ++*counter;
            failed_[job.seq] = {part, counter};
        }
    }

    void finish(bool cut_off) override;

private:
    struct failed_case {
        spool::part part;
        std::uint64_t* counter = nullptr;
    };

    std::uint64_t* counter_of(job_status status);
    void take_back(std::uint64_t seq);
    void append_case(std::string& text, const job_record& job);
    void append_outcome(std::string& text, const job_record& job);

    converted_text& out_;
    spool cases_;
    std::map<std::uint64_t, std::vector<std::string>> attempts_;
    std::map<std::uint64_t, failed_case> failed_;
    double start_ = 0;
    double time_ = 0;
    std::string host_;
    std::uint64_t tests_ = 0;
    std::uint64_t failures_ = 0;
    std::uint64_t errors_ = 0;
    std::uint64_t skipped_ = 0;
};

// Null: it is counted among the tests alone.
std::uint64_t* junit_converter::counter_of(job_status status)
{
    switch (status) {
    case job_status::ok: return nullptr;
    case job_status::canceled:
    case job_status::skipped: return &skipped_;
    case job_status::spawn: return &errors_;
    default: return &failures_;
    }
}

// A resumed run has tried again what an earlier one in this file failed at.
void junit_converter::take_back(std::uint64_t seq)
{
    auto earlier = failed_.find(seq);
    if (earlier == failed_.end())
        return;
    cases_.blank(earlier->second.part);
    --*earlier->second.counter;
    --tests_;
    failed_.erase(earlier);
}

void junit_converter::append_case(std::string& text, const job_record& job)
{
    text += "    <testcase";
    auto command = command_text(job);
    append_attribute(text, "name",
                     std::to_string(job.seq) + ": " +
                         (job.name.empty() ? command : job.name));
    append_attribute(text, "classname", "brood");
    append_seconds(text, "time", job.wall_s);
    text += ">\n";
    append_outcome(text, job);
    for (const auto& earlier : attempts_[job.seq]) {
        // A pass after all, or one more of its failures.
        auto element =
            job.status == job_status::ok ? "flakyFailure" : "rerunFailure";
        text += "      <";
        text += element;
        append_attribute(text, "message", earlier);
        append_attribute(text, "type", "attempt");
        text += "/>\n";
    }
    if (!job.name.empty()) {
        text += "      <system-out>";
        append_xml(text, command);
        text += "</system-out>\n";
    }
    if (!job.err_tail.empty()) {
        text += "      <system-err>";
        append_xml(text, job.err_tail);
        text += "</system-err>\n";
    }
    text += "    </testcase>\n";
}

void junit_converter::append_outcome(std::string& text, const job_record& job)
{
    auto counter = counter_of(job.status);
    if (counter == nullptr)
        return;
    std::string element = counter == &skipped_  ? "skipped"
                          : counter == &errors_ ? "error"
                                                : "failure";
    text += "      <" + element;
    append_attribute(text, "message", outcome_text(job));
    // <skipped> has no type.
    if (element != "skipped")
        append_attribute(text, "type", to_string(job.status));
    text += "/>\n";
}

void junit_converter::finish(bool cut_off)
{
    std::string counts;
    append_attribute(counts, "tests", std::to_string(tests_));
    append_attribute(counts, "failures", std::to_string(failures_));
    append_attribute(counts, "errors", std::to_string(errors_));
    append_attribute(counts, "skipped", std::to_string(skipped_));
    append_seconds(counts, "time", time_);
    std::string head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    head += "<testsuites" + counts + ">\n  <testsuite";
    append_attribute(head, "name", "brood");
    head += counts;
    append_attribute(head, "timestamp", timestamp(start_));
    if (!host_.empty())
        append_attribute(head, "hostname", host_);
    head += ">\n";
    if (cut_off)
        head += "    <properties><property name=\"brood.complete\" "
                "value=\"false\"/></properties>\n";
    out_ << head;
    cases_.copy_to(out_);
    out_ << "  </testsuite>\n</testsuites>\n";
}

}  // namespace

std::unique_ptr<report_converter> make_junit_converter(converted_text& out)
{
    return std::make_unique<junit_converter>(out);
}

}  // namespace cli
