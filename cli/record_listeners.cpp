#include "cli/record_listeners.hpp"

#include "cli/done_jobs.hpp"
#include "cli/report_writer.hpp"
#include "cli/run_summary.hpp"

#include <brood/shlex.hpp>

#include <cstdio>
#include <utility>

namespace cli {

namespace {

class remaining_jobs : public job_source {
public:
    remaining_jobs(std::unique_ptr<job_source> jobs, done_jobs done,
                   std::string file)
        : jobs_(std::move(jobs)), done_(std::move(done)), file_(std::move(file))
    {
    }

    brood::awaitable<std::optional<job>> next(unsigned slot) override
    {
        for (;;) {
            auto found = co_await jobs_->next(slot);
            if (!found || !is_done(*found))
                co_return found;
        }
    }

    // Of those that are left, as far as can be told.
    std::optional<std::uint64_t> total() const override
    {
        auto all = jobs_->total();
        if (!all)
            return all;
        auto left = *all - std::min<std::uint64_t>(*all, done_.size());
        return left + run_again_;
    }

private:
    bool is_done(const job& one)
    {
        auto answer = done_.find(one.seq, one.argv, one.shell);
        if (answer != done_jobs::answer::other_command)
            return answer == done_jobs::answer::yes;
        // Once is enough: one line put in at the top of the input changes
        // all that follow.
        if (run_again_++ == 0)
            std::fprintf(stderr,
                         "brood: job %llu is not the command that '%s' has "
                         "for it; it runs, as do all others that changed\n",
                         static_cast<unsigned long long>(one.seq),
                         file_.c_str());
        return false;
    }

    std::unique_ptr<job_source> jobs_;
    done_jobs done_;
    std::string file_;
    std::uint64_t run_again_ = 0;
};

bool resumes(const record_options& asked)
{
    return asked.resume || asked.resume_failed;
}

}  // namespace

std::vector<std::shared_ptr<run_listener>>
record_listeners(const record_options& asked)
{
    auto how = resumes(asked) ? output_file::mode::append
                              : output_file::mode::truncate;
    std::vector<std::shared_ptr<run_listener>> all;
    if (!asked.report.empty())
        all.push_back(std::make_shared<report_writer>(asked.report, how));
    if (!asked.joblog.empty())
        all.push_back(std::make_shared<joblog_writer>(asked.joblog, how));
    if (asked.summary)
        all.push_back(std::make_shared<run_summary>());
    return all;
}

std::unique_ptr<job_source> without_done_jobs(std::unique_ptr<job_source> jobs,
                                              const record_options& asked)
{
    if (!resumes(asked) || asked.resume_from.empty())
        return jobs;
    auto done = done_jobs::read(asked.resume_from,
                                asked.resume_failed ? done_jobs::what::succeeded
                                                    : done_jobs::what::all);
    return std::make_unique<remaining_jobs>(std::move(jobs), std::move(done),
                                            asked.resume_from);
}

}  // namespace cli
