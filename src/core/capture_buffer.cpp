// capture_buffer.cpp: see capture_buffer.hpp.
#include "core/capture_buffer.hpp"

#include <algorithm>

namespace brood::core {

namespace {

std::size_t head_share(std::size_t limit, keep policy) noexcept
{
    switch (policy) {
    case keep::head: return limit;
    case keep::tail: return 0;
    case keep::head_and_tail: break;
    }
    return limit - limit / 2;
}

}  // namespace

capture_buffer::capture_buffer(std::size_t limit, keep policy) noexcept
    : head_limit_(head_share(limit, policy)), tail_limit_(limit - head_limit_)
{
}

void capture_buffer::append(std::string_view bytes)
{
    total_ += bytes.size();
    const auto first = bytes.substr(0, head_limit_ - head_.size());
    head_.append(first);
    bytes.remove_prefix(first.size());
    if (tail_limit_ == 0 || bytes.empty())
        return;
    if (bytes.size() >= tail_limit_) {
        tail_.assign(bytes.substr(bytes.size() - tail_limit_));
        return;
    }
    // Cut only when it has doubled, so that each byte is moved once on
    // average.
    if (tail_.size() + bytes.size() > 2 * tail_limit_)
        tail_.erase(0, tail_.size() + bytes.size() - tail_limit_);
    tail_.append(bytes);
}

void capture_buffer::append_from(read_buffer& from)
{
    const auto all = from.view();
    if (head_.empty() && all.size() <= head_limit_) {
        total_ += all.size() - in_place_;
        in_place_ = all.size();
        return;
    }
    if (in_place_ == 0) {
        append(all);
        return from.consume(all.size());
    }
    // This read has made the head whole.
    const std::string rest(all.substr(head_limit_));
    total_ += head_limit_ - in_place_;
    in_place_ = 0;
    head_ = from.take_all();
    head_.resize(head_limit_);
    append(rest);
}

std::uint64_t capture_buffer::left_out() const noexcept
{
    return total_ - in_place_ - head_.size() -
           std::min(tail_.size(), tail_limit_);
}

std::string capture_buffer::take(read_buffer& from)
{
    if (in_place_ != 0)
        head_ = from.take_all();
    in_place_ = 0;
    return take();
}

std::string capture_buffer::take()
{
    const auto missing = left_out();
    if (tail_.size() > tail_limit_)
        tail_.erase(0, tail_.size() - tail_limit_);
    if (head_.empty())
        return std::move(tail_);
    if (missing != 0 && tail_limit_ != 0)
        head_ += "\n[" + std::to_string(missing) + " bytes left out]\n";
    head_ += tail_;
    return std::move(head_);
}

}  // namespace brood::core
