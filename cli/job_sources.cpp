#include "cli/job_sources.hpp"

#include "cli/byte_input.hpp"
#include "cli/input_rows.hpp"
#include "cli/record_splitter.hpp"
#include "cli/replacement.hpp"
#include "cli/usage_error.hpp"

#include <brood/shlex.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <tuple>
#include <utility>

namespace cli {

namespace {

job shell_job(std::string line)
{
    job made;
    made.shell = true;
    made.display = line;
    made.argv = {"/bin/sh", "-c", std::move(line)};
    return made;
}

job direct_job(std::vector<std::string> argv)
{
    job made;
    made.display = brood::shlex::join(argv);
    made.argv = std::move(argv);
    return made;
}

// One job for each row of values.
class each_source : public job_source {
public:
    explicit each_source(const options& asked)
        : command_words_(asked.command), shell_(asked.shell),
          replace_(asked.input.replace), tag_text_(asked.output.tag),
          rows_(asked.input)
    {
        // To refuse it before anything is started; the names of a header are
        // not known yet.
        if (shell_)
            const command_template checked(command_words_, shell_, replace_,
                                           {});
    }

    brood::awaitable<std::optional<job>> next(unsigned slot) override
    {
        std::optional<record_values> row = co_await rows_.next();
        if (!row)
            co_return std::nullopt;
        if (!command_)
            read_templates();
        const filling with{*row, ++seq_, slot};
        std::vector<std::string> argv = command_->fill(with);
        job made = shell_ ? shell_job(std::move(argv.back()))
                          : direct_job(std::move(argv));
        made.seq = seq_;
        if (tag_)
            made.tag = tag_->fill(with);
        made.values = std::move(*row);
        co_return made;
    }

    std::optional<std::uint64_t> total() const override
    {
        return rows_.total();
    }

private:
    // Not before the first row: only then the header's names are known.
    void read_templates()
    {
        command_.emplace(command_words_, shell_, replace_, rows_.names());
        if (tag_text_)
            tag_.emplace(*tag_text_, replace_, rows_.names());
    }

    std::vector<std::string> command_words_;
    bool shell_;
    std::string replace_;
    std::optional<std::string> tag_text_;
    input_rows rows_;
    std::optional<command_template> command_;
    std::optional<word_template> tag_;
    std::uint64_t seq_ = 0;
};

// "web: ./serve": the name, and what is behind it; else an empty name.
std::pair<std::string_view, std::string_view> split_name(std::string_view line)
{
    constexpr std::string_view letters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const std::size_t colon = line.find_first_not_of(letters);
    if (colon == 0 || colon == std::string_view::npos || line[colon] != ':')
        return {{}, line};
    const std::size_t command = line.find_first_not_of(" \t", colon + 1);
    // "a::b" and "http://" are words of a command.
    if (command == std::string_view::npos || command == colon + 1)
        return {{}, line};
    return {line.substr(0, colon), line.substr(command)};
}

// Comments, and empty lines.
bool is_passed_over(std::string_view line)
{
    const std::size_t start = line.find_first_not_of(" \t\r");
    return start == std::string_view::npos || line[start] == '#';
}

// More names than commands are a mistake, and better told before the first is
// run. What is no file can be read only once, so nothing is said of it.
void check_names(const options& asked)
{
    const auto& path = asked.commands_file;
    std::error_code ignored;
    if (asked.names.empty() || !std::filesystem::is_regular_file(path, ignored))
        return;
    std::ifstream file(path);
    std::size_t commands = 0;
    for (std::string line; std::getline(file, line);)
        commands += is_passed_over(line) ? 0 : 1;
    if (asked.names.size() > commands)
        throw usage_error("--names: " + std::to_string(asked.names.size()) +
                          " names for " + std::to_string(commands) +
                          " commands in " + path);
}

// One job for each line of a file, or for each word of the command line.
class all_source : public job_source {
public:
    explicit all_source(const options& asked)
        : lines_(asked.command), names_(asked.names),
          tag_text_(asked.output.tag), splitter_(input_options())
    {
        check_names(asked);
        if (!asked.commands_file.empty())
            file_.emplace(asked.commands_file);
        else if (lines_.empty())
            file_.emplace("-");
    }

    brood::awaitable<std::optional<job>> next(unsigned slot) override
    {
        std::optional<std::string> line = co_await next_line();
        if (!line) {
            ended_ = true;
            co_return std::nullopt;
        }
        std::string_view name;
        std::string_view command = *line;
        if (file_)
            std::tie(name, command) = split_name(*line);
        job made = shell_job(std::string(command));
        made.seq = ++seq_;
        made.name = name;
        if (seq_ <= names_.size())
            made.name = names_[seq_ - 1];
        if (tag_text_) {
            const std::vector<std::string> values{
                made.name.empty() ? made.display : made.name};
            const word_template tag(*tag_text_, "{}", {});
            made.tag = tag.fill({values, made.seq, slot});
        }
        co_return made;
    }

    std::optional<std::uint64_t> total() const override
    {
        if (ended_)
            return seq_;
        if (file_)
            return {};
        return lines_.size();
    }

private:
    brood::awaitable<std::optional<std::string>> next_line()
    {
        std::optional<std::string> line;
        if (!file_) {
            if (seq_ < lines_.size())
                line = lines_[seq_];
            co_return line;
        }
        while (true) {
            std::optional<record_values> record = splitter_.next();
            if (record) {
                const std::string& text = record->front();
                if (is_passed_over(text))
                    continue;
                line = text;
                co_return line;
            }
            if (finished_)
                co_return line;
            const bool more = co_await file_->read_into(splitter_.bytes());
            if (!more) {
                finished_ = true;
                splitter_.finish();
            }
        }
    }

    std::vector<std::string> lines_;
    std::vector<std::string> names_;
    std::optional<std::string> tag_text_;
    std::optional<byte_input> file_;
    record_splitter splitter_;
    bool finished_ = false;
    bool ended_ = false;
    std::uint64_t seq_ = 0;
};

class one_source : public job_source {
public:
    explicit one_source(const options& asked)
    {
        if (asked.shell) {
            std::string line;
            for (const std::string& word : asked.command)
                line += (line.empty() ? "" : " ") + word;
            job_ = shell_job(std::move(line));
        } else {
            job_ = direct_job(asked.command);
        }
        job_->seq = 1;
    }

    brood::awaitable<std::optional<job>> next(unsigned) override
    {
        co_return std::exchange(job_, std::nullopt);
    }

    std::optional<std::uint64_t> total() const override { return 1; }

private:
    std::optional<job> job_;
};

}  // namespace

std::unique_ptr<job_source> make_job_source(const options& asked)
{
    switch (asked.as) {
    case options::form::all: return std::make_unique<all_source>(asked);
    case options::form::one: return std::make_unique<one_source>(asked);
    case options::form::each:
    case options::form::xargs:
    case options::form::report: break;
    }
    return std::make_unique<each_source>(asked);
}

}  // namespace cli
