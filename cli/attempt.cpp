#include "cli/attempt.hpp"

#include <brood/asio.hpp>

#include BROOD_ASIO_HEADER(post.hpp)

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace cli {

namespace {

// As much as one stream may read before the others have their turn.
constexpr std::size_t turn = 1u << 20;
// A pipe that was full so often gets more room: copying it is then what costs.
constexpr unsigned many_full_reads = 8;
constexpr std::size_t usual_pipe = 64 * 1024;
constexpr int large_pipe = 1 << 20;

std::string name_of(int signal)
{
    const char* const known = sigabbrev_np(signal);
    return known ? known : std::to_string(signal);
}

}  // namespace

attempt::attempt(attempt_host& host, std::shared_ptr<const job> what,
                 unsigned slot, unsigned number, std::uint64_t id,
                 clock::time_point read_at)
    : host_(host), what_(std::move(what)), id_(id), read_at_(read_at),
      streams_{stream(host.io()), stream(host.io())}
{
    record_.seq = what_->seq;
    record_.slot = slot;
    record_.name = what_->name;
    record_.argv = what_->argv;
    record_.shell = what_->shell;
    record_.values = what_->values;
    record_.attempt = number;
    record_.pty = host.asked().output.pty;
}

attempt::~attempt() = default;

void attempt::stream::close()
{
    brood::error_code ignored;
    if (watch.is_open())
        watch.close(ignored);
    else if (fd >= 0)
        ::close(fd);
    fd = -1;
    close_job_side();
    open = held_up = false;
}

void attempt::stream::close_job_side()
{
    if (job_side >= 0)
        ::close(job_side);
    job_side = -1;
}

// Only of a job that runs for a while: most end so soon that their output is
// read in one go at their end, without the loop.
void attempt::listen()
{
    listening_ = true;
    for (const unsigned each : {0u, 1u})
        if (streams_[each].open && !streams_[each].held_up)
            wait(each);
}

void attempt::started(const job_start& told, bool has_ended)
{
    pid_ = told.pid;
    set_start(told);
    if (has_ended)
        return;
    start_timers();
    listen();
}

void attempt::set_start(const job_start& told)
{
    began_ = told.at;
    record_.slot = told.slot;
    const std::chrono::duration<double> queued = told.at - read_at_;
    record_.queued_s = queued.count();
    const auto since = std::chrono::system_clock::now().time_since_epoch() -
                       (clock::now() - told.at);
    record_.start = std::chrono::duration<double>(since).count();
}

bool attempt::refused(const refused_reply& told, bool may_wait)
{
    for (auto& each : streams_)
        each.close();
    const bool scarce = told.error == EMFILE || told.error == ENFILE ||
                        told.error == EAGAIN || told.error == ENOMEM;
    if (scarce && may_wait && cause_ == job_status::ok)
        return false;
    set_start(told.start);
    record_.status =
        cause_ == job_status::ok ? job_status::spawn : job_status::canceled;
    record_.error = told.what;
    if (!told.at_exec)
        record_.code = 125;
    else
        record_.code =
            told.error == ENOENT || told.error == ENOTDIR ? 127 : 126;
    exited_ = gone_ = true;
    check();
    return true;
}

void attempt::exited(const exited_reply& told)
{
    exited_ = true;
    gone_ = told.gone;
    status_ = told.status;
    const auto seconds = [](auto time) {
        return std::chrono::duration<double>(time).count();
    };
    const auto number = [](std::uint64_t value) {
        return static_cast<std::int64_t>(value);
    };
    record_.wall_s = seconds(std::chrono::nanoseconds(told.wall_ns));
    record_.user_s = seconds(told.usage.user_time);
    record_.sys_s = seconds(told.usage.system_time);
    record_.maxrss = number(told.usage.max_resident_bytes);
    record_.minflt = number(told.usage.minor_faults);
    record_.majflt = number(told.usage.major_faults);
    record_.inblock = number(told.usage.blocks_read);
    record_.oublock = number(told.usage.blocks_written);
    record_.nvcsw = number(told.usage.voluntary_switches);
    record_.nivcsw = number(told.usage.involuntary_switches);
    timeout_.reset();
    idle_.reset();
    streams_[0].close_job_side();
    // What the job itself wrote is in the pipes by now, mostly with their end
    // behind it: then no timer is needed.
    for (const unsigned each : {0u, 1u})
        if (streams_[each].open && !streams_[each].held_up)
            read(each);
    if (streams_[0].open || streams_[1].open) {
        start_drain();
        listen();
    }
    check();
}

void attempt::signaled(const signaled_reply& told)
{
    record_.kill_path.push_back(
        {name_of(told.signal), static_cast<double>(told.at_ns) / 1e9});
}

void attempt::gone(std::vector<leftover_process> leftover)
{
    gone_ = true;
    record_.leftover = std::move(leftover);
    for (const unsigned each : {0u, 1u})
        if (streams_[each].open && !streams_[each].held_up)
            read(each);
    check();
}

void attempt::lost()
{
    if (is_over())
        return;
    if (pid_ == 0) {
        // It may have been waiting.
        record_.status = job_status::canceled;
    } else if (!exited_) {
        cause_ = job_status::canceled;
        record_.kill_path.push_back(
            {"KILL",
             std::chrono::duration<double>(clock::now() - began_).count()});
        status_ = brood::exit_status::signaled(SIGKILL, false);
        record_.wall_s = record_.kill_path.back().at_s;
    }
    exited_ = gone_ = drained_ = true;
    timeout_.reset();
    idle_.reset();
    streams_[0].close_job_side();
    for (const unsigned each : {0u, 1u})
        if (streams_[each].open && !streams_[each].held_up)
            read_what_is_there(each);
    check();
}

void attempt::stop(job_status why, bool now)
{
    if (gone_)
        return;
    if (cause_ == job_status::ok && !exited_)
        cause_ = why;
    host_.ask_guard(stop_request{id_, now}, {});
}

bool attempt::is_over() const noexcept
{
    return exited_ && gone_ && !streams_[0].open && !streams_[1].open;
}

void attempt::check()
{
    if (exited_ && gone_ && drained_)
        for (const unsigned each : {0u, 1u})
            if (streams_[each].open && !streams_[each].held_up)
                read_what_is_there(each);
    if (!is_over() || told_)
        return;
    told_ = true;
    drain_.reset();
    settle_status();
    // Later, not here: this is inside its own functions.
    brood::asio::post(host_.io(), [self = shared_from_this()] {
        if (self->over_)
            self->over_(*self);
    });
}

void attempt::settle_status()
{
    if (text_) {
        record_.out_bytes = streams_[0].bytes;
        if (!record_.pty)
            record_.err_bytes = streams_[1].bytes;
    }
    if (record_.status == job_status::spawn ||
        record_.status == job_status::canceled)
        return;
    using kind = brood::exit_status::kind;
    if (status_.how() == kind::exited)
        record_.code = status_.code();
    if (status_.how() == kind::signaled) {
        record_.signal = status_.signal();
        record_.core = status_.core_dumped();
    }
    // Who was to be stopped, and had ended before the first signal, has ended
    // by himself.
    if (cause_ == job_status::output ||
        (cause_ != job_status::ok && !record_.kill_path.empty()))
        record_.status = cause_;
    else if (record_.signal)
        record_.status = job_status::signal;
    else
        record_.status = record_.code == 0 ? job_status::ok : job_status::exit;
    if (record_.status != job_status::ok && text_)
        record_.err_tail = text_->error_tail();
}

// --- time

void attempt::start_timers()
{
    const auto& times = host_.asked().time;
    if (times.timeout) {
        timeout_at_ = began_ + *times.timeout;
        arm_timeout();
    }
    if (times.idle_timeout) {
        last_output_ = clock::now();
        arm_idle();
    }
}

void attempt::arm_timeout()
{
    timeout_.emplace(host_.io(), timeout_at_);
    timeout_->async_wait([self = weak_from_this()](brood::error_code failed) {
        if (const auto alive = self.lock(); alive && !failed)
            alive->stop(job_status::timeout, false);
    });
}

void attempt::arm_idle()
{
    const auto until = last_output_ + *host_.asked().time.idle_timeout;
    idle_.emplace(host_.io(), until);
    idle_->async_wait([self = weak_from_this()](brood::error_code failed) {
        const auto alive = self.lock();
        if (!alive || failed || !alive->idle_)
            return;
        // Held up by us it cannot write.
        if (alive->streams_[0].held_up || alive->streams_[1].held_up)
            alive->last_output_ = clock::now();
        const auto& most = *alive->host_.asked().time.idle_timeout;
        if (clock::now() - alive->last_output_ < most)
            alive->arm_idle();
        else
            alive->stop(job_status::idle, false);
    });
}

void attempt::extend(duration by)
{
    const auto more = std::chrono::duration_cast<clock::duration>(by);
    if (timeout_ && cause_ == job_status::ok) {
        timeout_at_ += more;
        arm_timeout();
    }
    last_output_ += more;
    if (idle_ && cause_ == job_status::ok)
        arm_idle();
}

void attempt::start_drain()
{
    if (drain_ || drained_)
        return;
    drain_.emplace(host_.io());
    drain_->expires_after(std::chrono::duration_cast<clock::duration>(
        host_.asked().cleaning.drain));
    drain_->async_wait([self = weak_from_this()](brood::error_code failed) {
        if (const auto alive = self.lock(); alive && !failed)
            alive->drain_over();
    });
}

// Once nobody of the job is left, the ends of the pipes are near; so this
// counts only with the guard's word, which comes in bounded time.
void attempt::drain_over()
{
    drained_ = true;
    check();
}

// --- reading

void attempt::wait(unsigned number)
{
    auto& of = streams_[number];
    if (of.waiting || !listening_)
        return;
    if (!of.watch.is_open())
        of.watch.assign(of.fd);
    of.waiting = true;
    of.watch.async_wait(
        brood::asio::posix::descriptor_base::wait_read,
        [self = shared_from_this(), number](brood::error_code failed) {
            auto& from = self->streams_[number];
            from.waiting = false;
            if (!failed && from.open && !from.held_up)
                self->read(number);
        });
}

void attempt::read(unsigned number)
{
    auto& from = streams_[number];
    auto& buffer = host_.buffer();
    for (std::size_t have = 0; have < turn;) {
        const auto got = ::read(from.fd, buffer.data(), buffer.size());
        if (got == 0 || (got < 0 && errno == EIO)) {
            end_of(number);
            return;
        }
        if (got < 0) {
            if (errno == EINTR)
                continue;
            break;
        }
        const auto size = static_cast<std::size_t>(got);
        have += size;
        if (!from.large && size >= usual_pipe &&
            ++from.full_reads == many_full_reads) {
            from.large = true;
            // A wish: the user may have no more.
            fcntl(from.fd, F_SETPIPE_SZ, large_pipe);
        }
        if (!take(number, std::string_view(buffer.data(), size))) {
            hold_up(number);
            return;
        }
    }
    wait(number);
}

// All that is in the pipe now, though its writers are still there; then no
// more of it.
void attempt::read_what_is_there(unsigned number)
{
    auto& from = streams_[number];
    auto& buffer = host_.buffer();
    // Who holds it may go on writing: no more than a pipe holds, however often
    // our own output has no room meanwhile.
    while (from.late < static_cast<std::size_t>(large_pipe)) {
        const auto got = ::read(from.fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            record_.complete = false;
        if (got <= 0)
            break;
        from.late += static_cast<std::size_t>(got);
        const bool room =
            take(number, std::string_view(buffer.data(),
                                          static_cast<std::size_t>(got)));
        if (from.late >= static_cast<std::size_t>(large_pipe)) {
            record_.complete = false;
        } else if (!room) {
            hold_up(number);
            return;
        }
    }
    from.close();
}

void attempt::hold_up(unsigned number)
{
    streams_[number].held_up = true;
    host_.output().port(number).when_room([self = shared_from_this(), number] {
        self->streams_[number].held_up = false;
        if (!self->streams_[number].open)
            return;
        if (self->drained_)
            self->check();
        else
            self->read(number);
    });
}

void attempt::end_of(unsigned number)
{
    streams_[number].close();
    check();
}

// False: our own output has no room for more.
bool attempt::take(unsigned number, std::string_view bytes)
{
    auto& from = streams_[number];
    const auto before = streams_[0].bytes + streams_[1].bytes;
    from.bytes += bytes.size();
    if (idle_)
        last_output_ = clock::now();
    const auto& output = host_.asked().output;
    if (output.max_output && before + bytes.size() > *output.max_output) {
        record_.truncated = true;
        bytes = bytes.substr(
            0, before < *output.max_output ? *output.max_output - before : 0);
        if (output.kill_on_overflow && cause_ == job_status::ok)
            stop(job_status::output, false);
    }
    if (bytes.empty() || broken_ || !text_)
        return true;
    try {
        return text_->take(number, bytes);
    } catch (const std::exception& failure) {
        broken_ = true;
        host_.fail(failure.what());
        return true;
    }
}

}  // namespace cli
