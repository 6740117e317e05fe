#include "cli/report_writer.hpp"
#include "cli/amounts.hpp"
#include "cli/command_text.hpp"
#include "cli/done_jobs.hpp"
#include "cli/output_file.hpp"
#include "cli/program_error.hpp"
#include "cli/record_listeners.hpp"
#include "cli/report_reader.hpp"
#include "cli/run_summary.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <fcntl.h>
#include <unistd.h>

using namespace std::string_literals;

namespace cli {
namespace {

using mode = output_file::mode;

class report_files : public testing::Test {
protected:
    report_files()
    {
        auto name =
            (std::filesystem::temp_directory_path() / "brood-report-XXXXXX")
                .string();
        folder_ = ::mkdtemp(name.data());
    }
    ~report_files() override { std::filesystem::remove_all(folder_); }

    std::string path(const std::string& name) const
    {
        return folder_ + "/" + name;
    }
    std::string content(const std::string& name) const
    {
        std::ifstream file(path(name), std::ios::binary);
        std::ostringstream all;
        all << file.rdbuf();
        return all.str();
    }
    void put(const std::string& name, const std::string& text) const
    {
        std::ofstream(path(name), std::ios::binary) << text;
    }

    std::string folder_;
};

job_record job(std::uint64_t seq, job_status status,
               std::vector<std::string> argv = {"true"})
{
    job_record one;
    one.seq = seq;
    one.status = status;
    one.argv = std::move(argv);
    if (status == job_status::ok || status == job_status::exit)
        one.code = status == job_status::ok ? 0 : 1;
    return one;
}

std::string error_of(const std::string& path)
{
    try {
        report_writer(path, mode::truncate).run_started({});
    } catch (const program_error& e) {
        return e.what();
    }
    return "no error";
}

TEST_F(report_files, each_record_is_in_the_file_when_it_has_been_told)
{
    report_writer writer(path("r"), mode::truncate);
    std::string want;
    writer.run_started({});
    want += to_json_line(run_record{}) + "\n";
    EXPECT_EQ(content("r"), want);
    writer.job_ended(job(1, job_status::ok));
    want += to_json_line(job(1, job_status::ok)) + "\n";
    EXPECT_EQ(content("r"), want);
    writer.run_ended({});
    want += to_json_line(end_record{}) + "\n";
    EXPECT_EQ(content("r"), want);
}

TEST_F(report_files, what_cannot_be_written_is_one_clear_line)
{
    struct {
        std::string path;
        std::string says;
    } table[] = {
        {"/dev/full", "cannot write the report to '/dev/full': No space left "
                      "on device"},
        {path("no/such"), "No such file or directory"},
        {folder_,
         "cannot write the report to '" + folder_ + "': Is a directory"},
        {"fd:x", "that is no number; write fd:3, for example"},
        {"fd:", "that is no number"},
        {"fd:-1", "that is no number"},
        {"fd:987654", "cannot write the report to descriptor 987654: it is "
                      "not open; the shell opens it with 987654>FILE"},
    };
    for (const auto& [path, says] : table)
        EXPECT_NE(error_of(path).find(says), std::string::npos)
            << path << " says: " << error_of(path);
}

TEST_F(report_files, a_descriptor_of_the_caller_is_written_to)
{
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    report_writer("fd:" + std::to_string(ends[1]), mode::truncate)
        .run_ended({});
    char text[1024];
    auto got = ::read(ends[0], text, sizeof text);
    auto want = to_json_line(end_record{}) + "\n";
    EXPECT_EQ(std::string(text, got < 0 ? 0 : static_cast<size_t>(got)), want);
    // It is still the caller's, and no job inherits it.
    EXPECT_EQ(::fcntl(ends[1], F_GETFD), FD_CLOEXEC);
    EXPECT_NE(error_of("fd:" + std::to_string(ends[0]))
                  .find("it is open for reading"),
              std::string::npos);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_F(report_files, appending_leaves_half_a_line_a_line_of_its_own)
{
    put("r", "{\"v\":1,\"ev");
    report_writer(path("r"), mode::append).run_ended({});
    EXPECT_EQ(content("r"),
              "{\"v\":1,\"ev\n" + to_json_line(end_record{}) + "\n");
}

TEST(joblog, has_the_columns_of_gnu_parallel)
{
    auto one = job(3, job_status::ok, {"printf", "%s", "c d"});
    one.start = 1795449762.1464;
    one.wall_s = 0.011;
    one.out_bytes = 3;
    EXPECT_EQ(to_joblog_line(one), "3\t:\t1795449762.146\t     0.011\t0\t3\t0"
                                   "\t0\tprintf %s 'c d'\n");
}

TEST(joblog, has_a_number_where_nobody_counted_the_output)
{
    auto one = job(3, job_status::ok);
    one.out_bytes.reset();
    EXPECT_NE(to_joblog_line(one).find("\t0\t0\t0\t0\t"), std::string::npos)
        << to_joblog_line(one);
}

TEST(joblog, says_how_each_job_ended)
{
    struct {
        job_status status;
        std::optional<int> code;
        std::optional<int> signal;
        const char* columns;
    } table[] = {
        {job_status::exit, 7, {}, "\t7\t0\t"},
        {job_status::signal, {}, 9, "\t0\t9\t"},
        {job_status::timeout, {}, 15, "\t-1\t15\t"},
        {job_status::idle, 0, {}, "\t-1\t0\t"},
        {job_status::output, {}, 9, "\t-1\t9\t"},
        {job_status::spawn, {}, {}, "\t127\t0\t"},
        {job_status::spawn, 126, {}, "\t126\t0\t"},
    };
    for (auto [status, code, signal, columns] : table) {
        auto one = job(1, status);
        one.code = code;
        one.signal = signal;
        EXPECT_NE(to_joblog_line(one).find(columns), std::string::npos)
            << to_joblog_line(one);
    }
}

TEST(joblog, holds_only_what_is_done)
{
    EXPECT_EQ(to_joblog_line(job(1, job_status::canceled)), "");
    EXPECT_EQ(to_joblog_line(job(1, job_status::skipped)), "");
    auto attempt = job(1, job_status::exit);
    attempt.final = false;
    EXPECT_EQ(to_joblog_line(attempt), "");
}

TEST_F(report_files, the_job_log_gets_its_header_once)
{
    auto header = std::string(joblog_header) + "\n";
    auto line = to_joblog_line(job(1, job_status::ok));
    joblog_writer(path("l"), mode::append).job_ended(job(1, job_status::ok));
    EXPECT_EQ(content("l"), header + line);
    joblog_writer(path("l"), mode::append).job_ended(job(1, job_status::ok));
    EXPECT_EQ(content("l"), header + line + line);
    joblog_writer(path("l"), mode::truncate);
    EXPECT_EQ(content("l"), header);
}

class done : public report_files,
             public testing::WithParamInterface<const char*> {
protected:
    // As a report and as a job log.
    void write(const std::vector<job_record>& jobs) const
    {
        auto as_report = GetParam() == "report"s;
        std::shared_ptr<run_listener> writer;
        if (as_report)
            writer = std::make_shared<report_writer>(path("f"), mode::append);
        else
            writer = std::make_shared<joblog_writer>(path("f"), mode::append);
        for (const auto& one : jobs)
            writer->job_ended(one);
    }
};

using answer = done_jobs::answer;

TEST_P(done, are_the_jobs_that_ran_to_their_end)
{
    auto attempt = job(5, job_status::exit);
    attempt.final = false;
    write({job(1, job_status::ok), job(2, job_status::exit),
           job(3, job_status::canceled), job(4, job_status::skipped), attempt,
           job(6, job_status::timeout), job(7, job_status::spawn)});
    struct {
        std::uint64_t seq;
        answer all;
        answer succeeded;
    } table[] = {
        {1, answer::yes, answer::yes}, {2, answer::yes, answer::no},
        {3, answer::no, answer::no},   {4, answer::no, answer::no},
        {5, answer::no, answer::no},   {6, answer::yes, answer::no},
        {7, answer::yes, answer::no},  {8, answer::no, answer::no},
    };
    auto all = done_jobs::read(path("f"), done_jobs::what::all);
    auto succeeded = done_jobs::read(path("f"), done_jobs::what::succeeded);
    for (auto [seq, in_all, in_succeeded] : table) {
        EXPECT_EQ(all.find(seq, {"true"}, false), in_all) << seq;
        EXPECT_EQ(succeeded.find(seq, {"true"}, false), in_succeeded) << seq;
    }
}

TEST_P(done, the_last_word_on_a_job_counts)
{
    write({job(1, job_status::exit), job(2, job_status::ok)});
    write({job(1, job_status::ok), job(2, job_status::exit)});
    auto read = done_jobs::read(path("f"), done_jobs::what::succeeded);
    EXPECT_EQ(read.find(1, {"true"}, false), answer::yes);
    EXPECT_EQ(read.find(2, {"true"}, false), answer::no);
}

TEST_P(done, another_command_is_told_apart)
{
    auto shell = job(2, job_status::ok, {"/bin/sh", "-c", "a | b\n'c"});
    shell.shell = true;
    write({job(1, job_status::ok, {"echo", "a b", "\xff", "it's"}), shell});
    auto read = done_jobs::read(path("f"), done_jobs::what::all);
    EXPECT_EQ(read.find(1, {"echo", "a b", "\xff", "it's"}, false),
              answer::yes);
    EXPECT_EQ(read.find(1, {"echo", "a", "b", "\xff", "it's"}, false),
              answer::other_command);
    EXPECT_EQ(read.find(2, {"/bin/sh", "-c", "a | b\n'c"}, true), answer::yes);
    EXPECT_EQ(read.find(2, {"/bin/sh", "-c", "a | b"}, true),
              answer::other_command);
}

TEST_P(done, a_line_that_was_cut_is_not_done)
{
    write({job(1, job_status::ok), job(2, job_status::ok, {"echo", "long"})});
    auto text = content("f");
    text.resize(text.size() - 4);
    put("f", text);
    auto read = done_jobs::read(path("f"), done_jobs::what::all);
    EXPECT_EQ(read.find(1, {"true"}, false), answer::yes);
    EXPECT_EQ(read.find(2, {"echo", "long"}, false), answer::no);
}

INSTANTIATE_TEST_SUITE_P(from, done, testing::Values("report", "joblog"),
                         [](const auto& which) {
                             return std::string(which.param);
                         });

TEST_F(report_files, a_log_of_gnu_parallel_is_understood)
{
    put("l", std::string(joblog_header) +
                 "\n1\t:\t1795449762.124\t     0.010\t0\t1\t0\t0\tgzip a\\ b"
                 "\n2\tserver\t1.0\t 0.010\t0\t1\t0\t0\techo 'x\ty'\n");
    auto read = done_jobs::read(path("l"), done_jobs::what::succeeded);
    EXPECT_EQ(read.find(1, {"gzip", "a b"}, false), answer::yes);
    EXPECT_EQ(read.find(2, {"echo", "x\ty"}, false), answer::yes);
}

TEST_F(report_files, resuming_from_nothing_and_from_something_else)
{
    EXPECT_EQ(done_jobs::read(path("none"), done_jobs::what::all).size(), 0u);
    put("empty", "");
    EXPECT_EQ(done_jobs::read(path("empty"), done_jobs::what::all).size(), 0u);
    put("other", "hello\n");
    try {
        done_jobs::read(path("other"), done_jobs::what::all);
        ADD_FAILURE() << "taken";
    } catch (const program_error& e) {
        EXPECT_EQ(e.what(), "cannot resume from '" + path("other") +
                                "': it is neither a report nor a job log");
    }
    EXPECT_THROW(done_jobs::read(folder_, done_jobs::what::all), program_error);
}

TEST_F(report_files, a_damaged_line_costs_itself_alone)
{
    auto line = to_json_line(job(1, job_status::ok));
    put("r", to_json_line(run_record{}) + "\n\n" + line + "\nbroken\n" +
                 "{\"v\":1,\"ev\":\"new\"}\n" + line + "\n" +
                 line.substr(0, 40));
    report_reader reader(path("r"));
    int records = 0;
    while (reader.next())
        ++records;
    EXPECT_EQ(records, 3);
    EXPECT_TRUE(reader.cut());
    EXPECT_FALSE(reader.ended());
    EXPECT_EQ(reader.unreadable(), 1u);
    ASSERT_EQ(reader.problems().size(), 1u);
    EXPECT_EQ(reader.problems()[0], "line 4 is passed over: no JSON, or a "
                                    "line that was cut");
}

TEST(run_summary, says_what_there_is_to_say)
{
    end_record end;
    end.wall_s = 41.2;
    end.user_s = 600;
    end.sys_s = 0.25;
    end.ok = 1;
    EXPECT_EQ(summary_text(end, 0, 0),
              "brood: 1 job: 1 ok\nbrood: 41.2 s elapsed, 10 min 00 s user, "
              "250 ms system\n");
    end.failed = 2;
    end.timed_out = 3;
    end.canceled = 4;
    end.skipped = 5;
    end.retried = 6;
    end.halted = "3 jobs failed";
    EXPECT_EQ(summary_text(end, 1'234'000'000, 8),
              "brood: 15 jobs: 1 ok, 2 failed, 3 timed out, 4 canceled, 5 "
              "skipped; 6 attempts repeated\nbrood: 41.2 s elapsed, 10 min 00 "
              "s user, 250 ms system; largest process 1.2 GB (job 8)\n"
              "brood: ended early: 3 jobs failed\n");
}

TEST(amounts, are_short)
{
    struct {
        double seconds;
        const char* text;
        const char* clock;
    } durations[] = {
        {0, "0 s", "00:00"},          {0.0012, "1.2 ms", "00:00"},
        {0.085, "85 ms", "00:00"},    {0.9996, "1.0 s", "00:00"},
        {3.21, "3.2 s", "00:03"},     {99.96, "1 min 40 s", "01:39"},
        {247, "4 min 07 s", "04:07"}, {7501, "2 h 05 min", "2:05:01"},
        {-1, "0 s", "00:00"},
    };
    for (auto [seconds, text, clock] : durations) {
        EXPECT_EQ(duration_text(seconds), text);
        EXPECT_EQ(clock_text(seconds), clock);
    }
    struct {
        std::uint64_t bytes;
        const char* text;
        const char* brief;
    } sizes[] = {
        {0, "0 B", "0B"},
        {999, "999 B", "999B"},
        {1000, "1.0 kB", "1000B"},
        {88 << 20, "92 MB", "88M"},
        {1'288'490'188, "1.3 GB", "1.2G"},
        {18446744073709551615u, "18 EB", "16E"},
    };
    for (auto [bytes, text, brief] : sizes) {
        EXPECT_EQ(size_text(bytes), text);
        EXPECT_EQ(short_size_text(bytes), brief);
    }
}

TEST(command_text, is_what_a_person_would_type)
{
    EXPECT_EQ(command_text({"echo", "a b"}, false), "echo 'a b'");
    EXPECT_EQ(command_text({"/bin/sh", "-c", "a | b"}, true), "a | b");
    EXPECT_EQ(to_utf8("a\xff\xc3\xa9\xe2\x82"),
              "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace cli
