#include "cli/job_text.hpp"

#include "cli/results_folder.hpp"

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(post.hpp)

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace cli {

namespace {

constexpr std::size_t kept_of_last = 256;
constexpr std::size_t kept_of_errors = 2048;
// So much is marked before it is written. Short lines become many times as
// long, and all of a read at once would take that much memory.
constexpr std::size_t tagged_piece = 64 * 1024;

void keep_tail(std::string& tail, std::string_view bytes, std::size_t most)
{
    if (bytes.size() >= most) {
        tail = bytes.substr(bytes.size() - most);
        return;
    }
    tail.append(bytes);
    if (tail.size() > 2 * most)
        tail.erase(0, tail.size() - most);
}

void write_file(int file, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto done = write(file, bytes.data(), bytes.size());
        if (done < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(),
                                    "--results cannot be written");
        if (done > 0)
            bytes.remove_prefix(static_cast<std::size_t>(done));
    }
}

bool by_lines(const options& asked)
{
    return asked.output.how == output_options::mode::line_buffer;
}

}  // namespace

job_text::job_text(printer& by, const job& of)
    : printer_(by), seq_(of.seq),
      kept_{spool(by.asked().output.buffer), spool(by.asked().output.buffer)}
{
    if (by.asked().output.tag)
        tag_ = of.tag + "\t";
    if (!by.asked().output.results.empty())
        results_ = open_results_files(by.asked().output.results, of);
}

job_text::~job_text()
{
    close_results();
}

void job_text::close_results() noexcept
{
    for (int& file : results_) {
        if (file >= 0)
            ::close(file);
        file = -1;
    }
}

// What it takes up while it waits, in bytes. A file takes up a descriptor, of
// which there are few.
std::uint64_t job_text::burden() const noexcept
{
    constexpr std::uint64_t itself = 1024;
    std::uint64_t all = itself;
    for (const auto& each : kept_)
        all += each.in_memory() +
               (each.spilled() ? printer_.asked().output.buffer / 4 : 0);
    return all;
}

bool job_text::take(unsigned stream, std::string_view bytes)
{
    if (stream == 1)
        keep_tail(error_tail_, bytes, kept_of_errors);
    keep_tail(last_, bytes, kept_of_last);
    if (results_[stream] >= 0)
        write_file(results_[stream], bytes);
    if (!direct_ && kept_[stream].would_spill(bytes.size()) &&
        printer_.may_go_direct(*this)) {
        show_spooled(0);
        show_spooled(1);
        direct_ = true;
    }
    if (!direct_) {
        kept_[stream].append(bytes);
        return true;
    }
    if (by_lines(printer_.asked()))
        show_lines(stream, bytes);
    else
        show(stream, bytes);
    return printer_.port(stream).has_room();
}

// All whole lines; the rest waits for its end.
void job_text::show_lines(unsigned stream, std::string_view bytes)
{
    auto& partial = partial_[stream];
    const auto end = bytes.rfind('\n');
    if (end == std::string_view::npos) {
        partial.append(bytes);
        // A line without an end must not fill the memory.
        if (partial.size() > printer_.asked().output.buffer) {
            show(stream, partial);
            partial.clear();
        }
        return;
    }
    if (!partial.empty()) {
        // In one piece, so that it stays a line also among other programs.
        const auto first = bytes.find('\n');
        partial.append(bytes.substr(0, first + 1));
        show(stream, partial);
        partial.clear();
        bytes.remove_prefix(first + 1);
        if (first == end) {
            partial = bytes;
            return;
        }
    }
    const auto whole = bytes.rfind('\n') + 1;
    show(stream, bytes.substr(0, whole));
    partial = bytes.substr(whole);
}

void job_text::show(unsigned stream, std::string_view bytes)
{
    auto& port = printer_.port(stream);
    if (tag_.empty()) {
        port.write(bytes);
        return;
    }
    auto& tagged = printer_.scratch_;
    tagged.clear();
    while (!bytes.empty()) {
        if (!in_line_[stream])
            tagged.append(tag_);
        const void* const found = std::memchr(bytes.data(), '\n', bytes.size());
        in_line_[stream] = found == nullptr;
        const auto length =
            found == nullptr
                ? bytes.size()
                : static_cast<std::size_t>(static_cast<const char*>(found) -
                                           bytes.data()) +
                      1;
        tagged.append(bytes.substr(0, length));
        bytes.remove_prefix(length);
        // Between lines only, so that other programs cannot come in between.
        if (tagged.size() >= tagged_piece && found != nullptr) {
            port.write(tagged);
            tagged.clear();
        }
    }
    port.write(tagged);
}

void job_text::show_spooled(unsigned stream)
{
    for (auto part = kept_[stream].next(); !part.empty();
         part = kept_[stream].next())
        if (by_lines(printer_.asked()))
            show_lines(stream, part);
        else
            show(stream, part);
    kept_[stream].clear();
}

void job_text::show_rest()
{
    for (const unsigned stream : {0u, 1u}) {
        if (!partial_[stream].empty())
            show(stream, partial_[stream]);
        partial_[stream].clear();
    }
}

// As much as the ports take. True: that was all.
bool job_text::flush()
{
    for (const unsigned stream : {0u, 1u}) {
        for (;;) {
            if (!printer_.port(stream).has_room()) {
                printer_.port(stream).when_room(
                    [to = &printer_] { to->pump(); });
                return false;
            }
            const auto part = kept_[stream].next();
            if (part.empty())
                break;
            if (by_lines(printer_.asked()))
                show_lines(stream, part);
            else
                show(stream, part);
        }
        kept_[stream].clear();
    }
    return true;
}

printer::printer(brood::asio::io_context& io, const options& asked)
    : io_(io), asked_(asked), out_(io, STDOUT_FILENO), err_(io, STDERR_FILENO)
{
    for (auto* const each : {&out_, &err_})
        each->on_idle([this] {
            if (idle() && idle_)
                idle_();
        });
}

void printer::expect(std::uint64_t seq)
{
    if (asked_.output.keep_order)
        order_.push_back(seq);
}

std::shared_ptr<job_text> printer::open(const job& of)
{
    auto text = std::make_shared<job_text>(*this, of);
    const bool grouped = asked_.output.how == output_options::mode::group;
    if (!grouped && !asked_.output.fail_only) {
        if (!asked_.output.keep_order)
            text->direct_ = true;
        else if (order_.front() == of.seq && !current_)
            current_ = text, text->direct_ = true;
        else
            waiting_.emplace(of.seq, text);
    }
    return text;
}

void printer::close(const std::shared_ptr<job_text>& text, bool shown,
                    bool last)
{
    text->over_ = true;
    // It may wait long for its turn, and descriptors are few.
    text->close_results();
    if (!shown && !text->direct_) {
        text->kept_[0].clear();
        text->kept_[1].clear();
    }
    const bool empty = text->kept_[0].empty() && text->kept_[1].empty();
    if (!asked_.output.keep_order) {
        if (text->direct_)
            text->show_rest();
        else if (!empty)
            keep_waiting(++closed_, text);
        if (current_ == text)
            current_ = nullptr;
    } else if (!last) {
        // Its turn is not over before the last attempt's.
        text->show_rest();
        waiting_.erase(text->seq_);
        if (current_ == text)
            current_ = nullptr;
    } else if (current_ == text) {
        text->show_rest();
        current_ = nullptr;
        next_turn();
    } else {
        keep_waiting(text->seq_, text);
    }
    pump();
}

void printer::keep_waiting(std::uint64_t turn,
                           const std::shared_ptr<job_text>& text)
{
    waiting_.emplace(turn, text);
    text->burden_ = text->burden();
    burden_ += text->burden_;
}

bool printer::has_room_for(std::uint64_t seq) const
{
    constexpr std::uint64_t least = 1u << 20;
    const auto most = std::max(16 * asked_.output.buffer, least);
    return burden_ < most || (asked_.output.keep_order && !order_.empty() &&
                              order_.front() == seq);
}

void printer::skip(std::uint64_t seq)
{
    if (!asked_.output.keep_order)
        return;
    waiting_.emplace(seq, nullptr);
    pump();
}

void printer::next_turn()
{
    if (asked_.output.keep_order)
        order_.pop_front();
}

bool printer::may_go_direct(const job_text& text) const
{
    if (asked_.output.fail_only || asked_.retry.attempts > 1 || current_ ||
        !waiting_.empty())
        return false;
    if (asked_.output.keep_order)
        return order_.front() == text.seq_;
    return alone_ && alone_();
}

std::shared_ptr<job_text> printer::choose()
{
    std::shared_ptr<job_text> text;
    while (!text && !waiting_.empty()) {
        const auto first = waiting_.begin();
        if (asked_.output.keep_order && first->first != order_.front())
            break;
        text = std::move(first->second);
        waiting_.erase(first);
        if (text)
            burden_ -= text->burden_;
        else
            next_turn();
    }
    return text;
}

void printer::pump()
{
    if (pumping_)
        return;
    pumping_ = true;
    for (;;) {
        if (!current_)
            current_ = choose();
        if (!current_ || !flush_current())
            break;
        if (!current_->over_) {
            // Its turn has come while it runs: from now on by itself.
            current_->direct_ = true;
            break;
        }
        current_->show_rest();
        current_ = nullptr;
        next_turn();
    }
    pumping_ = false;
    if (idle() && idle_)
        idle_();
}

// What cannot be read back is lost, and said to be; the next ones have their
// turn all the same.
bool printer::flush_current()
{
    try {
        return current_->flush();
    } catch (...) {
        for (auto& each : current_->kept_)
            each.clear();
        pumping_ = false;
        brood::asio::post(io_, [this] { pump(); });
        throw;
    }
}

bool printer::idle() const
{
    return !current_ && waiting_.empty() && out_.idle() && err_.idle();
}

}  // namespace cli
