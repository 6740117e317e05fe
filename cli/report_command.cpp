#include "cli/report_command.hpp"

#include "cli/amounts.hpp"
#include "cli/output_file.hpp"
#include "cli/program_error.hpp"
#include "cli/report_converter.hpp"
#include "cli/report_reader.hpp"

#include <array>
#include <cstdio>
#include <memory>
#include <variant>

#include <sys/stat.h>

namespace cli {

namespace {

constexpr int failure_of_brood = 125;

using maker = std::unique_ptr<report_converter> (*)(converted_text&);

struct format_entry {
    report_format format;
    std::string_view name;
    maker make;
};

constexpr std::array<format_entry, 6> formats{{
    {report_format::summary, "summary", make_summary_converter},
    {report_format::junit, "junit", make_junit_converter},
    {report_format::trace, "trace", make_trace_converter},
    {report_format::csv, "csv", make_csv_converter},
    {report_format::tsv, "tsv", make_tsv_converter},
    {report_format::html, "html", make_html_converter},
}};

maker maker_of(report_format format)
{
    for (const auto& entry : formats)
        if (entry.format == format)
            return entry.make;
    return make_summary_converter;
}

void say(const std::string& text)
{
    std::fprintf(stderr, "brood: %s\n", text.c_str());
}

// To open the output would empty the report before it is read.
void refuse_same_file(const report_reader& reader,
                      const report_arguments& asked)
{
    struct ::stat from{}, to{};
    if (asked.output.empty() || ::stat(asked.output.c_str(), &to) != 0 ||
        ::fstat(reader.descriptor(), &from) != 0 || !S_ISREG(to.st_mode))
        return;
    if (from.st_dev == to.st_dev && from.st_ino == to.st_ino)
        throw program_error("'" + asked.output +
                            "' is the report itself; give -o another file");
}

void convert(const record& one, report_converter& to)
{
    if (auto job = std::get_if<job_record>(&one))
        to.job(*job);
    else if (auto start = std::get_if<run_record>(&one))
        to.run(*start);
    else
        to.end(std::get<end_record>(one));
}

// What somebody who looks at the result has to know, and cannot see in it.
void warn(const report_reader& reader, const std::string& name)
{
    for (const auto& problem : reader.problems())
        say(name + ": " + problem);
    if (auto rest = reader.unreadable() - reader.problems().size(); rest != 0)
        say(name + ": " + count_text(rest, "more line") + " passed over");
    if (reader.cut())
        say(name + ": the last line is cut short and passed over");
    if (!reader.ended())
        say(name + ": there is no end record: the run was killed, or still "
                   "goes on; this is what it had written");
}

void run(const report_arguments& asked)
{
    report_reader reader(asked.file);
    auto name = asked.file == "-" ? "standard input" : asked.file;
    refuse_same_file(reader, asked);
    auto found = reader.next();
    if (!found && reader.unreadable() != 0)
        throw program_error(name + ": no line of it is a record of brood's; "
                                   "make one with --report");
    output_file file(asked.output.empty() ? "-" : asked.output, "the result",
                     output_file::mode::truncate);
    converted_text text(file);
    auto converter = maker_of(asked.to)(text);
    for (; found; found = reader.next())
        convert(*found, *converter);
    converter->finish(!reader.ended());
    text.flush();
    warn(reader, name);
}

}  // namespace

std::optional<report_format> report_format_of(std::string_view name) noexcept
{
    for (const auto& entry : formats)
        if (entry.name == name)
            return entry.format;
    return std::nullopt;
}

int report_command(const report_arguments& asked)
{
    try {
        run(asked);
        return 0;
    } catch (const program_error& e) {
        say(e.what());
        return failure_of_brood;
    }
}

}  // namespace cli
