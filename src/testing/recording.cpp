// recording.cpp: see recording.hpp.
#include "testing/recording.hpp"

#include "core/command_data.hpp"
#include "testing/base64.hpp"

#include <brood/testing/recording_launcher.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <fstream>
#include <system_error>
#include <utility>

namespace brood::testing {

namespace {

using json = nlohmann::ordered_json;

constexpr int version = 1;

std::string input_of(const command& what)
{
    const auto& input = what.data().run.input;
    return input ? *input : std::string();
}

std::string printed(const command& what)
{
    return to_string(what, show_environment::values);
}

// --- writing ----------------------------------------------------------------

// JSON holds text only: what is no UTF-8 is held in base64.
json of_bytes(const std::string& bytes)
{
    json text = bytes;
    try {
        text.dump();
        return text;
    } catch (const json::exception&) {
        return json{{"base64", to_base64(bytes)}};
    }
}

json of_status(const exit_status& status)
{
    switch (status.how()) {
    case exit_status::kind::exited: return {{"exited", status.code()}};
    case exit_status::kind::signaled:
        return {{"signaled", status.signal()},
                {"core_dumped", status.core_dumped()}};
    case exit_status::kind::unknown: break;
    }
    return {{"unknown", true}};
}

json of_usage(const resource_usage& usage)
{
    return {{"user_us", usage.user_time.count()},
            {"system_us", usage.system_time.count()},
            {"max_resident_bytes", usage.max_resident_bytes},
            {"minor_faults", usage.minor_faults},
            {"major_faults", usage.major_faults},
            {"blocks_read", usage.blocks_read},
            {"blocks_written", usage.blocks_written},
            {"voluntary_switches", usage.voluntary_switches},
            {"involuntary_switches", usage.involuntary_switches}};
}

json of_result(const completed_process& ended)
{
    json made;
    made["status"] = of_status(ended.status);
    made["out"] = of_bytes(ended.out);
    made["err"] = of_bytes(ended.err);
    made["stopped"] = static_cast<int>(ended.stopped);
    made["timed_out"] = ended.timed_out;
    made["truncated"] = ended.truncated;
    made["left_behind"] = ended.left_behind;
    made["complete"] = ended.complete;
    made["out_left_out"] = ended.out_left_out;
    made["err_left_out"] = ended.err_left_out;
    made["elapsed_ns"] = ended.elapsed.count();
    made["usage"] = of_usage(ended.usage);
    return made;
}

// What was given to the constructor: what() adds the code in words.
std::string message_of(const spawn_error& error)
{
    std::string message = error.what();
    const auto added = ": " + error.code().message();
    if (message.ends_with(added))
        message.resize(message.size() - added.size());
    return message;
}

json of_failure(const spawn_error& error)
{
    return {{"step", std::string(to_string(error.step()))},
            {"code", error.code().value()},
            {"path", of_bytes(error.path())},
            {"message", of_bytes(message_of(error))},
            {"interpreter", of_bytes(error.interpreter())}};
}

json of_run(const recorded_run& run)
{
    json made;
    for (const auto& each : run.asked.commands)
        made["commands"].push_back(of_bytes(each));
    made["input"] = of_bytes(run.asked.input);
    if (run.failure) {
        made["failed_to_start"] = of_failure(*run.failure);
        return made;
    }
    for (const auto& each : run.results)
        made["results"].push_back(of_result(each));
    return made;
}

// --- reading ----------------------------------------------------------------

std::string to_bytes(const json& from)
{
    if (from.is_string())
        return from.get<std::string>();
    auto bytes = from_base64(from.at("base64").get<std::string>());
    if (!bytes)
        throw recording_error("a text in base64 is none");
    return *std::move(bytes);
}

exit_status to_status(const json& from)
{
    if (from.contains("exited"))
        return exit_status::exited(from.at("exited").get<int>());
    if (from.contains("signaled"))
        return exit_status::signaled(from.at("signaled").get<int>(),
                                     from.at("core_dumped").get<bool>());
    return exit_status();
}

stop_reason to_reason(int number)
{
    if (number < 0 || number > static_cast<int>(stop_reason::cancelled))
        throw recording_error("no stop_reason has the number " +
                              std::to_string(number));
    return static_cast<stop_reason>(number);
}

resource_usage to_usage(const json& from)
{
    resource_usage usage;
    const auto number = [&from](const char* name) {
        return from.at(name).get<std::uint64_t>();
    };
    usage.user_time = std::chrono::microseconds(number("user_us"));
    usage.system_time = std::chrono::microseconds(number("system_us"));
    usage.max_resident_bytes = number("max_resident_bytes");
    usage.minor_faults = number("minor_faults");
    usage.major_faults = number("major_faults");
    usage.blocks_read = number("blocks_read");
    usage.blocks_written = number("blocks_written");
    usage.voluntary_switches = number("voluntary_switches");
    usage.involuntary_switches = number("involuntary_switches");
    return usage;
}

// Its args are those of the command that asks for it.
completed_process to_result(const json& from)
{
    completed_process ended(exec(std::vector<std::string>()));
    ended.status = to_status(from.at("status"));
    ended.returncode = ended.status.returncode();
    ended.out = to_bytes(from.at("out"));
    ended.err = to_bytes(from.at("err"));
    ended.stopped = to_reason(from.at("stopped").get<int>());
    ended.timed_out = from.at("timed_out").get<bool>();
    ended.truncated = from.at("truncated").get<bool>();
    ended.left_behind = from.at("left_behind").get<bool>();
    ended.complete = from.at("complete").get<bool>();
    ended.out_left_out = from.at("out_left_out").get<std::uint64_t>();
    ended.err_left_out = from.at("err_left_out").get<std::uint64_t>();
    ended.elapsed =
        std::chrono::nanoseconds(from.at("elapsed_ns").get<std::int64_t>());
    ended.usage = to_usage(from.at("usage"));
    return ended;
}

spawn_step to_step(const std::string& name)
{
    for (int number = 0; number <= static_cast<int>(spawn_step::exec); ++number)
        if (to_string(static_cast<spawn_step>(number)) == name)
            return static_cast<spawn_step>(number);
    throw recording_error("no spawn_step is called " + name);
}

spawn_error to_failure(const json& from)
{
    return {error_code(from.at("code").get<int>(), system_category()),
            to_step(from.at("step").get<std::string>()),
            to_bytes(from.at("path")), to_bytes(from.at("message")),
            to_bytes(from.at("interpreter"))};
}

recorded_run to_run(const json& from)
{
    std::vector<std::string> commands;
    for (const auto& each : from.at("commands"))
        commands.push_back(to_bytes(each));
    recorded_run run(request(std::move(commands), to_bytes(from.at("input"))));
    if (from.contains("failed_to_start")) {
        run.failure.emplace(to_failure(from.at("failed_to_start")));
        return run;
    }
    for (const auto& each : from.at("results"))
        run.results.push_back(to_result(each));
    if (run.results.size() != run.asked.commands.size())
        throw recording_error("a run has not one result of each command");
    return run;
}

[[noreturn]] void fail(const std::string& doing,
                       const std::filesystem::path& file,
                       const std::string& why)
{
    throw recording_error("brood: cannot " + doing + " the recording " +
                          file.string() + ": " + why);
}

}  // namespace

recording_error::~recording_error() = default;

request::request(const command& what)
    : commands{printed(what)}, input(input_of(what))
{
}

request::request(const pipeline& what) : input(input_of(what.whole()))
{
    for (const auto& each : what.stages())
        commands.push_back(printed(each));
}

request::request(std::vector<std::string> lines, std::string bytes)
    : commands(std::move(lines)), input(std::move(bytes))
{
}

std::string request::in_words() const
{
    std::string words = "\n  ";
    for (std::size_t i = 0; i != commands.size(); ++i)
        words += (i == 0 ? "" : " | ") + commands[i];
    return words;
}

recording recording::load(const std::filesystem::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    if (!stream)
        fail("read", file, "there is no such file, or it cannot be opened");
    recording made;
    try {
        const auto all = json::parse(stream);
        const auto found = all.at("brood_recording").get<int>();
        if (found != version)
            fail("read", file,
                 "it is of version " + std::to_string(found) +
                     ", this brood knows " + std::to_string(version));
        for (const auto& each : all.at("runs"))
            made.runs.emplace(made.begun++, to_run(each));
    } catch (const json::exception& error) {
        fail("read", file, error.what());
    }
    return made;
}

void recording::save(const std::filesystem::path& file) const
{
    json all;
    all["brood_recording"] = version;
    all["runs"] = json::array();
    for (const auto& [number, run] : runs)
        all["runs"].push_back(of_run(run));
    // Beside it and then in its place: the file is whole at any time.
    auto fresh = file;
    fresh += ".new";
    std::ofstream stream(fresh, std::ios::binary | std::ios::trunc);
    stream << all.dump(1) << '\n';
    stream.close();
    if (!stream)
        fail("write", file, "writing " + fresh.string() + " failed");
    std::error_code error;
    std::filesystem::rename(fresh, file, error);
    if (error)
        fail("write", file, error.message());
}

}  // namespace brood::testing
