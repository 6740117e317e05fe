#include "cli/display.hpp"

#include "cli/amounts.hpp"
#include "cli/command_text.hpp"
#include "cli/plain_text.hpp"
#include "cli/report_converter.hpp"
#include "cli/running_jobs.hpp"
#include "cli/screen_block.hpp"
#include "cli/terminal_text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace cli {

namespace {

using time_point = std::chrono::steady_clock::time_point;

constexpr auto repaint_pause = std::chrono::milliseconds(100);
constexpr auto plain_pause = std::chrono::seconds(10);

struct terminal_size {
    std::size_t columns = 80;
    std::size_t rows = 24;
};

terminal_size size_of(int fd)
{
    ::winsize size{};
    terminal_size found;
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) {
        found.columns = size.ws_col;
        found.rows = std::max<std::size_t>(size.ws_row, 1);
    }
    return found;
}

void write_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        auto written = ::write(fd, text.data(), text.size());
        if (written > 0)
            text.remove_prefix(static_cast<std::size_t>(written));
        else if (written == 0 || errno != EINTR)
            return;
    }
}

std::string ended_line(const job_record& job)
{
    constexpr std::size_t enough = 300;
    auto command = plain_line(command_text(job));
    if (command.size() > enough)
        command = to_utf8(command.substr(0, enough)) + " ...";
    auto line = "brood: job " + std::to_string(job.seq);
    if (!job.name.empty())
        line += " (" + plain_line(job.name) + ")";
    line += ": " + outcome_text(job);
    if (job.status == job_status::ok)
        line += " in " + duration_text(job.wall_s);
    if (!job.final)
        line += ", will be tried again";
    return line + ": " + command + "\n";
}

bool is_failure(const job_record& job)
{
    return job.status != job_status::ok && job.status != job_status::canceled &&
           job.status != job_status::skipped;
}

class live_display : public run_listener {
public:
    explicit live_display(display_setup setup)
        : setup_(std::move(setup)), block_(setup_.fd)
    {
        measure();
    }
    ~live_display() override { block_.erase(); }

    void use_output(const run_output& output) override
    {
        if (setup_.fd == STDERR_FILENO)
            output_ = output;
    }
    void run_started(const run_record& run) override
    {
        auto now = setup_.now();
        jobs_.begin(run, now);
        last_plain_ = now;
        // A run that is over at once shows nothing but its output.
        last_paint_ = now;
    }
    void total_known(std::uint64_t total) override { jobs_.total_known(total); }
    void job_started(const running_job& job) override { jobs_.started(job); }
    void job_output(const output_news& news) override { jobs_.printed(news); }
    void job_ended(const job_record& job) override;
    void waiting(wait_reason why) override { jobs_.waiting(why); }
    void stopping(std::string_view why) override { jobs_.stopping(why); }
    void run_ended(const end_record&) override
    {
        over_ = true;
        output_ = nullptr;
        block_.erase();
    }

    void before_output() override
    {
        block_.erase();
        writing_ = true;
    }
    void after_output() override
    {
        writing_ = false;
        block_.touched();
        auto now = setup_.now();
        if (now - last_paint_ >= repaint_pause)
            repaint(now);
    }

    bool shows_failures() const override
    {
        return setup_.kind != display_kind::none;
    }
    bool wants_ticks() const override
    {
        return setup_.kind != display_kind::none;
    }
    void tick(time_point now) override;
    void terminal_changed() override;
    void listing_wanted() override;

private:
    void measure()
    {
        size_ = size_of(setup_.fd);
        block_.resized(size_.columns);
    }
    void repaint(time_point now);
    void say(const std::string& text);
    std::string shown(const std::string& text) const
    {
        return setup_.utf8 ? text : as_ascii(text);
    }

    display_setup setup_;
    running_jobs jobs_;
    screen_block block_;
    terminal_size size_;
    time_point last_paint_{};
    time_point last_plain_{};
    bool writing_ = false;
    bool over_ = false;
    run_output output_;  // none: the descriptor itself
};

void live_display::job_ended(const job_record& job)
{
    jobs_.ended(job);
    if (setup_.kind == display_kind::none)
        return;
    if (is_failure(job) || setup_.verbosity > 0)
        say(ended_line(job));
}

void live_display::tick(time_point now)
{
    if (setup_.kind == display_kind::none || over_)
        return;
    if (setup_.kind == display_kind::full) {
        if (now - last_paint_ >= repaint_pause)
            repaint(now);
        return;
    }
    if (now - last_plain_ < plain_pause)
        return;
    last_plain_ = now;
    jobs_.look(now);
    std::size_t used = 0;
    say("brood:" + jobs_.status_line(now, 1000, "", "", used) + "\n");
}

void live_display::repaint(time_point now)
{
    if (setup_.kind != display_kind::full || writing_ || over_)
        return;
    // A block that fills the screen could not be gone back over.
    if (size_.rows < 3)
        return;
    last_paint_ = now;
    jobs_.look(now);
    // The last column stays free: a terminal may wrap when it is written.
    auto columns = std::max<std::size_t>(size_.columns, 2) - 1;
    auto rows = std::max<std::size_t>(size_.rows / 3, 1);
    screen_block::line status;
    status.text =
        jobs_.status_line(now, columns, setup_.color ? "\x1b[1;31m" : "",
                          setup_.color ? "\x1b[0m" : "", status.columns);
    if (!setup_.utf8)
        status.text = as_ascii(status.text);
    std::vector<screen_block::line> lines{std::move(status)};
    for (const auto& text : jobs_.job_lines(now, columns, rows - 1))
        lines.push_back({shown(text), columns_of(text)});
    block_.paint(lines);
}

void live_display::terminal_changed()
{
    if (setup_.kind != display_kind::full)
        return;
    auto had = size_;
    measure();
    auto now = setup_.now();
    if (had.columns == size_.columns && had.rows == size_.rows) {
        // The program was stopped, and the shell has written: unless this is
        // only told again.
        if (now - last_paint_ < repaint_pause)
            return;
        block_.forget();
        block_.touched();
    }
    repaint(now);
}

void live_display::listing_wanted()
{
    auto now = setup_.now();
    jobs_.look(now);
    say(jobs_.listing(now));
}

// Lines that stay, in the place of the block, which follows below.
void live_display::say(const std::string& text)
{
    if (output_) {
        // Which has the block erased, and painted again.
        output_(1, shown(text));
        return;
    }
    bool was_painted = block_.painted();
    block_.erase();
    write_all(setup_.fd, shown(text));
    // Of many failures at once, only some are worth a new block at once.
    auto now = setup_.now();
    if (was_painted && now - last_paint_ >= repaint_pause)
        repaint(now);
}

bool is_set(const char* variable)
{
    auto value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

bool says_utf8()
{
    for (auto variable : {"LC_ALL", "LC_CTYPE", "LANG"})
        if (is_set(variable)) {
            std::string_view value = std::getenv(variable);
            for (auto name : {"UTF-8", "utf-8", "UTF8", "utf8"})
                if (value.find(name) != std::string_view::npos)
                    return true;
            return false;
        }
    return false;
}

bool can_move_the_cursor(int fd)
{
    auto kind = std::getenv("TERM");
    return ::isatty(fd) == 1 && kind != nullptr && *kind != '\0' &&
           std::string_view(kind) != "dumb";
}

}  // namespace

display_setup display_setup_of(const options& asked)
{
    using progress = display_options::progress_use;
    using color = output_options::color_use;
    display_setup setup;
    setup.verbosity = asked.display.verbosity;
    bool terminal = can_move_the_cursor(setup.fd);
    bool wanted = asked.display.progress != progress::none &&
                  asked.display.verbosity >= 0;
    // These give the terminal to their job, or are as silent as their model.
    bool quiet =
        asked.as == options::form::one || asked.as == options::form::xargs;
    if (asked.display.progress == progress::automatic && quiet &&
        asked.display.verbosity == 0)
        wanted = false;
    // Jobs that write to the terminal themselves would write into the block.
    bool own_terminal = terminal &&
                        asked.output.how != output_options::mode::ungroup &&
                        asked.as != options::form::one;
    if (!wanted)
        setup.kind = display_kind::none;
    else if (own_terminal && asked.display.progress != progress::plain)
        setup.kind = display_kind::full;
    else
        setup.kind = display_kind::plain;
    setup.color = asked.output.color == color::always ||
                  (asked.output.color == color::automatic && terminal &&
                   !is_set("NO_COLOR"));
    setup.utf8 = says_utf8();
    return setup;
}

std::shared_ptr<run_listener> make_display(display_setup setup)
{
    return std::make_shared<live_display>(std::move(setup));
}

std::shared_ptr<run_listener> make_display(const options& asked)
{
    return make_display(display_setup_of(asked));
}

}  // namespace cli
