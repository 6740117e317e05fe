#include "cli/done_jobs.hpp"

#include "cli/command_text.hpp"
#include "cli/line_reader.hpp"
#include "cli/program_error.hpp"
#include "cli/report_reader.hpp"

#include <brood/shlex.hpp>

#include <algorithm>
#include <charconv>
#include <functional>
#include <stdexcept>
#include <string_view>

#include <sys/stat.h>

namespace cli {

namespace {

// Of a command line in whichever quotes: a log of GNU parallel's quotes in its
// own way.
std::size_t hash_of(std::string command)
{
    try {
        command = brood::shlex::join(brood::shlex::split(command));
    } catch (const std::invalid_argument&) {
        // A shell's line that is more than words stands for itself.
    }
    return std::hash<std::string>()(command);
}

bool is_done(const job_record& job, done_jobs::what counts)
{
    if (counts == done_jobs::what::succeeded)
        return job.status == job_status::ok;
    return job.status != job_status::canceled &&
           job.status != job_status::skipped;
}

struct joblog_line {
    std::uint64_t seq = 0;
    bool ok = false;
    std::string command;
};

// None: no line of a job log, or one that was cut.
std::optional<joblog_line> parse_joblog(std::string_view line)
{
    std::vector<std::string_view> columns;
    for (int i = 0; i < 8; ++i) {
        auto tab = line.find('\t');
        if (tab == std::string_view::npos)
            return std::nullopt;
        columns.push_back(line.substr(0, tab));
        line.remove_prefix(tab + 1);
    }
    joblog_line found;
    auto seq = columns[0];
    auto end = seq.data() + seq.size();
    auto [stop, ec] = std::from_chars(seq.data(), end, found.seq);
    if (ec != std::errc() || stop != end)
        return std::nullopt;
    found.ok = columns[6] == "0" && columns[7] == "0";
    found.command = line;
    std::replace(found.command.begin(), found.command.end(), '\0', '\n');
    return found;
}

}  // namespace

done_jobs done_jobs::read(const std::string& path, what counts)
{
    done_jobs done;
    struct ::stat status{};
    if (::stat(path.c_str(), &status) != 0 && errno == ENOENT)
        return done;
    std::string first;
    {
        line_reader lines(path, "what to resume from");
        std::string_view line;
        if (!lines.next(line))
            return done;
        first = line;
    }
    if (first.starts_with("Seq\t"))
        done.read_joblog(path, counts);
    else if (first.starts_with("{"))
        done.read_report(path, counts);
    else
        throw program_error("cannot resume from '" + path +
                            "': it is neither a report nor a job log");
    return done;
}

void done_jobs::read_report(const std::string& path, what counts)
{
    report_reader reader(path);
    while (auto found = reader.next()) {
        auto job = std::get_if<job_record>(&*found);
        if (!job || !job->final)
            continue;
        if (is_done(*job, counts))
            commands_[job->seq] = hash_of(command_text(*job));
        else
            commands_.erase(job->seq);
    }
}

void done_jobs::read_joblog(const std::string& path, what counts)
{
    line_reader lines(path, "the job log");
    std::string_view line;
    while (lines.next(line)) {
        auto job = parse_joblog(line);
        // A line that was cut may have lost a part of its command.
        if (!job || lines.unended())
            continue;
        if (counts == what::all || job->ok)
            commands_[job->seq] = hash_of(std::move(job->command));
        else
            commands_.erase(job->seq);
    }
}

done_jobs::answer done_jobs::find(std::uint64_t seq,
                                  const std::vector<std::string>& argv,
                                  bool shell) const
{
    auto found = commands_.find(seq);
    if (found == commands_.end())
        return answer::no;
    if (found->second == hash_of(command_text(argv, shell)))
        return answer::yes;
    return answer::other_command;
}

}  // namespace cli
