#include "cli/job_record.hpp"
#include "cli/json_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>

using namespace std::string_literals;

namespace cli {
namespace {

using json = nlohmann::json;

job_record full_job()
{
    job_record job;
    job.seq = 17;
    job.slot = 3;
    job.name = "zip";
    job.argv = {"gzip", "a b", "\xff\xfe", ""};
    job.shell = true;
    job.values = {"a b", "caf\xc3\xa9"};
    job.cwd = "/x";
    job.attempt = 2;
    job.final = false;
    job.start = 1763870000.123456;
    job.queued_s = 0.4;
    job.wall_s = 1.23;
    job.user_s = 1.1;
    job.sys_s = 0.05;
    job.maxrss = 41943040;
    job.maxrss_kind = "cgroup";
    job.minflt = 1;
    job.majflt = 2;
    job.inblock = 3;
    job.oublock = 4;
    job.nvcsw = 5;
    job.nivcsw = 6;
    job.status = job_status::timeout;
    job.signal = 9;
    job.core = true;
    job.error = "why";
    job.kill_path = {{"TERM", 30}, {"KILL", 35.25}};
    job.out_bytes = 123;
    job.err_bytes = 18446744073709551615u;
    job.truncated = true;
    job.complete = false;
    job.pty = true;
    job.err_tail = "no\0pe\x1b[0m\n\x80"s;
    job.leftover = {{991, {"node", "server.js"}, "killed"}};
    return job;
}

std::string line_of(const record& what)
{
    return to_json_line(what);
}

TEST(job_record, is_written_as_documented)
{
    job_record job;
    job.seq = 1;
    job.slot = 2;
    job.argv = {"true"};
    job.cwd = "/";
    job.start = 1763870000.5;
    job.code = 0;
    EXPECT_EQ(
        line_of(job),
        R"({"v":1,"ev":"job","seq":1,"slot":2,"name":null,"argv":["true"],)"
        R"("shell":false,"values":[],"cwd":"/","attempt":1,"final":true,)"
        R"("start":1763870000.5,"queued_s":0,"wall_s":0,"user_s":0,)"
        R"("sys_s":0,"maxrss":0,"maxrss_kind":"process","minflt":0,)"
        R"("majflt":0,"inblock":null,"oublock":null,"nvcsw":0,"nivcsw":0,)"
        R"("status":"ok","code":0,"signal":null,"core":false,)"
        R"("kill_path":[],"out_bytes":null,"err_bytes":null,"truncated":false,)"
        R"("complete":true,"pty":false,"leftover":[]})");
    EXPECT_EQ(line_of(run_record{"0.1.0", "h", "/", {"brood"}, 2.5, 4, {}, 7}),
              R"({"v":1,"ev":"run","version":"0.1.0","host":"h","cwd":"/",)"
              R"("argv":["brood"],"start":2.5,"jobs":4,"total":null,"pid":7,)"
              R"("limits":{"timeout_s":null,"idle_timeout_s":null,)"
              R"("deadline_s":null,"attempts":1}})");
    EXPECT_EQ(line_of(end_record{2, 1, 1, 2, 3, 4, 5, 6, 0.25, 0, 123, "why"}),
              R"({"v":1,"ev":"end","end":2,"wall_s":1,"ok":1,"failed":2,)"
              R"("timed_out":3,"canceled":4,"skipped":5,"retried":6,)"
              R"("user_s":0.25,"sys_s":0,"exit_code":123,"halted":"why"})");
}

TEST(job_record, a_line_holds_no_raw_control_character)
{
    for (char c : line_of(full_job())) {
        EXPECT_GE(static_cast<unsigned char>(c), 0x20);
        EXPECT_NE(c, 0x7f);
    }
    EXPECT_TRUE(is_utf8(line_of(full_job())));
}

TEST(job_record, comes_back_whole)
{
    auto line = line_of(full_job());
    auto again = parse_record(line);
    ASSERT_TRUE(again && std::holds_alternative<job_record>(*again));
    EXPECT_EQ(line_of(*again), line);
    // The two sides could agree on leaving something out.
    auto document = json::parse(line);
    EXPECT_EQ(document["kill_path"], json({"TERM@30.0", "KILL@35.25"}));
    EXPECT_EQ(document["argv"][2], json({{"b64", "//4="}}));
    EXPECT_EQ(document["values"][1], "caf\u00e9");
    EXPECT_EQ(document["err_bytes"], 18446744073709551615u);
    EXPECT_EQ(document["start"], 1763870000.123456);
    EXPECT_EQ(document["code"], nullptr);
    EXPECT_EQ(document["leftover"][0]["pid"], 991);
    const auto& job = std::get<job_record>(*again);
    EXPECT_EQ(job.argv[2], "\xff\xfe");
    EXPECT_EQ(job.err_tail, full_job().err_tail);
    EXPECT_FALSE(job.code);
    EXPECT_EQ(job.signal, 9);
}

TEST(job_record, the_first_and_the_last_line_come_back_whole)
{
    std::array lines{
        line_of(run_record{"1",
                           "h\xff",
                           "/",
                           {"a", "\xff"},
                           1.5,
                           2,
                           9,
                           3,
                           {1.5, 2.0, 3.0, 4}}),
        line_of(run_record{}),
        line_of(end_record{2, 1, 1, 2, 3, 4, 5, 6, 0.25, 0.5, 123, "why"}),
        line_of(end_record{}),
    };
    for (const auto& line : lines) {
        auto again = parse_record(line);
        ASSERT_TRUE(again) << line;
        EXPECT_EQ(line_of(*again), line);
    }
}

TEST(job_record, every_status_has_a_name_of_its_own)
{
    for (int i = 0; i <= static_cast<int>(job_status::skipped); ++i) {
        auto status = static_cast<job_status>(i);
        EXPECT_NE(to_string(status), "?");
        EXPECT_EQ(job_status_of(to_string(status)), status);
    }
    EXPECT_EQ(job_status_of(""), std::nullopt);
    EXPECT_EQ(job_status_of("OK"), std::nullopt);
}

TEST(job_record, what_a_later_version_adds_is_passed_over)
{
    EXPECT_FALSE(parse_record(R"({"v":1,"ev":"phase","seq":"x"})"));
    EXPECT_FALSE(parse_record(R"({"v":1})"));
    auto job = parse_record(R"( {"new":{"a":[1]},"ev":"job","v":1,"seq":4e0,)"
                            R"("status":"frozen","maxrss":null} )");
    ASSERT_TRUE(job);
    EXPECT_EQ(std::get<job_record>(*job).seq, 4u);
    EXPECT_EQ(std::get<job_record>(*job).maxrss, 0);
    // At least not a success.
    EXPECT_EQ(std::get<job_record>(*job).status, job_status::exit);
}

TEST(job_record, says_what_is_wrong_with_a_line)
{
    struct {
        const char* line;
        const char* why;
    } table[] = {
        {"", "no JSON, or a line that was cut"},
        {R"({"v":1,"ev":"job","seq":1,"sta)", "no JSON, or a line that was"},
        {"{\"v\":1,\"ev\":\"\xff\"}", "no JSON, or a line that was cut"},
        {"[1]", "no JSON object"},
        {R"({"ev":"job","seq":1,"status":"ok"})", "it has no \"v\""},
        {R"({"v":2,"ev":"job"})", "version 2 of the format"},
        {R"({"v":1,"ev":"job","status":"ok"})", "a job without \"seq\""},
        {R"({"v":1,"ev":"job","seq":1})", "a job without \"status\""},
        {R"({"v":1,"ev":7})", "\"ev\" is not a text"},
        {R"({"v":1,"ev":"job","seq":-1,"status":"ok"})", "\"seq\" is not an"},
        {R"({"v":1,"ev":"job","seq":1.5,"status":"ok"})", "\"seq\" is not an"},
        {R"({"v":1,"ev":"job","seq":1,"status":"ok","slot":4294967296})",
         "\"slot\" is not an integer in range"},
        {R"({"v":1,"ev":"job","seq":1,"status":"ok","code":1e300})",
         "\"code\" is not an integer in range"},
        {R"({"v":1,"ev":"job","seq":1,"status":"ok","argv":"x"})",
         "\"argv\" is not a list"},
        {R"({"v":1,"ev":"job","seq":1,"status":"ok","argv":[1]})",
         "\"argv\" is not a text"},
        {R"({"v":1,"ev":"job","seq":1,"status":"ok","cwd":{"b64":"a"}})",
         "\"cwd\" is not a text"},
        {R"({"v":1,"ev":"job","seq":1,"status":"ok","core":0})",
         "\"core\" is not true or false"},
        {R"({"v":1,"ev":"job","seq":1,"status":"ok","wall_s":"1"})",
         "\"wall_s\" is not a number"},
        {R"({"v":1,"ev":"job","seq":1,"status":"ok","kill_path":["TERM"]})",
         "SIGNAL@SECONDS"},
        {R"({"v":1,"ev":"job","seq":1,"status":"ok","kill_path":["T@1x"]})",
         "SIGNAL@SECONDS"},
        {R"({"v":1,"ev":"job","seq":1,"status":"ok","leftover":[1]})",
         "\"leftover\" is not a list of objects"},
    };
    for (auto [line, why] : table) {
        try {
            parse_record(line);
            ADD_FAILURE() << "taken: " << line;
        } catch (const std::invalid_argument& e) {
            EXPECT_NE(std::string(e.what()).find(why), std::string::npos)
                << line << "\nsays: " << e.what();
        }
    }
}

TEST(job_record, every_cut_of_a_line_is_seen)
{
    auto line = line_of(full_job());
    for (std::size_t length = 0; length < line.size(); ++length)
        EXPECT_THROW(parse_record(line.substr(0, length)),
                     std::invalid_argument)
            << length;
}

TEST(json_text, knows_utf8)
{
    struct {
        std::string bytes;
        bool valid;
    } table[] = {
        {"", true},
        {"plain", true},
        {"\0"s, true},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf", true},
        {"\xff", false},
        {"\x80", false},
        {"\xc3", false},
        {"\xc3(", false},
        {"\xc0\x80", false},          // a NUL in two bytes
        {"\xe0\x80\x80", false},      // the same in three
        {"\xed\xa0\x80", false},      // half of a surrogate pair
        {"\xf4\x90\x80\x80", false},  // beyond the last code point
        {"\xe2\x82", false},
    };
    for (const auto& [bytes, valid] : table)
        EXPECT_EQ(is_utf8(bytes), valid) << to_base64(bytes);
}

TEST(json_text, base64_goes_both_ways)
{
    struct {
        std::string bytes;
        const char* text;
    } table[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"\xff\xfe", "//4="},
        {"\0\0\0"s, "AAAA"},
    };
    for (const auto& [bytes, text] : table) {
        EXPECT_EQ(to_base64(bytes), text);
        EXPECT_EQ(from_base64(text), bytes);
    }
    for (auto wrong : {"a", "Zg=", "Zg=a", "Z===", "Zm9v\n", "Zm 9"})
        EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
}

TEST(json_text, numbers_are_short_and_exact_to_the_millionth)
{
    struct {
        double value;
        const char* text;
    } table[] = {
        {0, "0"},         {-0.0, "0"},
        {1, "1"},         {0.1, "0.1"},
        {30.05, "30.05"}, {1e-6, "0.000001"},
        {4e-7, "0"},      {0.0000015, "0.000002"},
        {-1.25, "-1.25"}, {1763870000.123456, "1763870000.123456"},
        {1e20, "1e+20"},  {1.0 / 0.0, "0"},
        {0.0 / 0.0, "0"},
    };
    for (auto [value, text] : table) {
        std::string out;
        append_json_number(out, value);
        EXPECT_EQ(out, text);
    }
}

TEST(json_text, text_is_escaped)
{
    std::string out;
    append_json_text(out, "a\"b\\c\n\r\t\x01\x1f\x7f</\xc3\xa9");
    EXPECT_EQ(out, "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\\u007f</\xc3\xa9\"");
    out.clear();
    append_json_bytes(out, "\xc3");
    EXPECT_EQ(out, R"({"b64":"ww=="})");
}

}  // namespace
}  // namespace cli
