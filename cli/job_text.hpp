// job_text: what one attempt of a job writes, on its way to our own output.
//
// Lines of two jobs never mix. Grouped, a job's text waits here until the job
// is over (or nobody else could be held up by it); by lines, each goes as
// soon as it is whole; in the order of the input, both wait for their turn.

#pragma once

#include "cli/job.hpp"
#include "cli/options.hpp"
#include "cli/output_port.hpp"
#include "cli/spool.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace cli {

class printer;

class job_text {
public:
    job_text(printer& by, const job& of);
    job_text(const job_text&) = delete;
    job_text& operator=(const job_text&) = delete;
    ~job_text();

    // `stream`: 0 for the standard output, 1 for the error. False: enough is
    // waiting; read no more until the printer's port has room.
    bool take(unsigned stream, std::string_view bytes);

    // The last bytes of either stream, and of the standard error.
    std::string_view last_bytes() const noexcept { return last_; }
    const std::string& error_tail() const noexcept { return error_tail_; }

    std::uint64_t seq() const noexcept { return seq_; }

private:
    friend class printer;

    void show(unsigned stream, std::string_view bytes);
    void show_lines(unsigned stream, std::string_view bytes);
    void show_rest();
    void show_spooled(unsigned stream);
    bool flush();
    void close_results() noexcept;
    std::uint64_t burden() const noexcept;

    printer& printer_;
    std::uint64_t seq_;
    std::string tag_;  // with its tab; empty: none
    std::array<spool, 2> kept_;
    std::array<std::string, 2> partial_;  // a line that is not whole
    std::array<bool, 2> in_line_{};       // the tag has been shown
    std::array<int, 2> results_{-1, -1};
    bool direct_ = false;  // goes to the port at once
    bool over_ = false;
    std::uint64_t burden_ = 0;  // while it waits, over
    std::string last_;
    std::string error_tail_;
};

class printer {
public:
    printer(brood::asio::io_context& io, const options& asked);

    output_port& port(unsigned stream) noexcept
    {
        return stream == 0 ? out_ : err_;
    }

    // The job has been read, and so has its place in the order.
    void expect(std::uint64_t seq);
    std::shared_ptr<job_text> open(const job& of);
    // The attempt is over, and its text is shown, or dropped. `last`: no
    // attempt follows.
    void close(const std::shared_ptr<job_text>& text, bool shown, bool last);

    // Whether a job that runs now may have our output to itself: nobody else
    // runs, or will before it has ended.
    void set_alone(std::function<bool()> alone) { alone_ = std::move(alone); }

    // The job is over, and never wrote anything: its turn is an empty one.
    void skip(std::uint64_t seq);

    // False: so much of what has ended waits to be written that this job is
    // to wait, too. Never for the one that all others wait for.
    bool has_room_for(std::uint64_t seq) const;

    // All that was closed has been written.
    bool idle() const;
    void when_idle(std::function<void()> then) { idle_ = std::move(then); }

    const options& asked() const noexcept { return asked_; }

private:
    friend class job_text;

    bool may_go_direct(const job_text& text) const;
    void pump();
    bool flush_current();
    void keep_waiting(std::uint64_t turn,
                      const std::shared_ptr<job_text>& text);
    std::shared_ptr<job_text> choose();
    void next_turn();

    brood::asio::io_context& io_;
    const options& asked_;
    output_port out_;
    output_port err_;
    std::string scratch_;
    std::deque<std::uint64_t> order_;
    // Over, and not written; or open, where lines keep the order. By their
    // turn: the seq in the order of the input, else a number that grows. None
    // for a turn that is empty.
    std::map<std::uint64_t, std::shared_ptr<job_text>> waiting_;
    std::uint64_t closed_ = 0;
    std::uint64_t burden_ = 0;  // of all that are over and wait
    std::shared_ptr<job_text> current_;
    bool pumping_ = false;
    std::function<bool()> alone_;
    std::function<void()> idle_;
};

}  // namespace cli
