#include "cli/report_options.hpp"

#include "cli/usage_error.hpp"

#include <CLI/CLI.hpp>

#include <string_view>

namespace cli {

namespace {

constexpr auto required = option_text::taking::required;
constexpr std::string_view group = "Options";

constexpr option_text texts[] = {
    {"--to", "FORMAT", required, group,
     "What to make: summary (the default), junit, trace, csv, tsv (GNU "
     "parallel's job log) or html (one page, with everything in it).",
     "summary, junit, trace, csv, tsv or html",
     "summary junit trace csv tsv html"},
    {"-o,--output", "FILE", required, group,
     "Write to FILE in place of standard output.",
     "a file, such as -o results.xml", "file"},
    {"-h,--help", "", required, group, "Print this help.", "", ""},
};

}  // namespace

std::span<const option_text> report_option_texts() noexcept
{
    return texts;
}

std::optional<report_arguments>
parse_report(const std::vector<std::string>& words)
{
    report_arguments asked;
    std::string format = "summary";
    bool help = false;
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    app.add_option(std::string(texts[0].names), format);
    app.add_option(std::string(texts[1].names), asked.output);
    app.add_flag(std::string(texts[2].names), help);
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::ParseError& error) {
        throw usage_error(std::string("report: ") + error.what() +
                          "; see brood report --help");
    }
    if (help)
        return {};

    std::vector<std::string> files;
    bool only_files = false;
    for (const std::string& word : app.remaining()) {
        if (word == "--" && !only_files) {
            only_files = true;
        } else if (!only_files && word.size() > 1 && word[0] == '-') {
            std::vector<std::string_view> known;
            for (const option_text& text : texts)
                for (const std::string_view name : names_of(text))
                    known.push_back(name);
            const auto near = nearest(word, known);
            throw usage_error("unknown option " + word + " of brood report; " +
                              (near ? "did you mean " + std::string(*near) + "?"
                                    : "see brood report --help"));
        } else {
            files.push_back(word);
        }
    }
    if (files.empty())
        throw usage_error("report: no file was given; for example: "
                          "brood report run.ndjson --to junit");
    if (files.size() > 1)
        throw usage_error("report: one file at a time, and here are '" +
                          files[0] + "' and '" + files[1] + "'");
    asked.file = files[0];
    const auto to = report_format_of(format);
    if (!to)
        throw usage_error("--to: '" + format + "' is not what it takes; give " +
                          std::string(texts[0].accepts));
    asked.to = *to;
    return asked;
}

}  // namespace cli
