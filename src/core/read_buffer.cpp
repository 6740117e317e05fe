// read_buffer.cpp: see read_buffer.hpp.
#include "core/read_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace brood::core {

namespace {

// As much as a pipe of the default size holds is read at once; more only
// helps with larger pipes.
constexpr std::size_t largest_chunk = 256 * 1024;

}  // namespace

std::span<char> read_buffer::prepare()
{
    if (empty()) {
        begin_ = end_ = 0;
        // One long line must not keep its memory for ever.
        if (storage_.size() > 2 * largest_chunk) {
            storage_.resize(largest_chunk);
            storage_.shrink_to_fit();
        }
    }
    if (storage_.size() - end_ < chunk_)
        make_room(chunk_);
    return {storage_.data() + end_,
            std::min(storage_.size() - end_, largest_chunk)};
}

void read_buffer::make_room(std::size_t bytes)
{
    // Moving down costs less than it gains only while little is left.
    if (begin_ >= size()) {
        std::memmove(storage_.data(), storage_.data() + begin_, size());
        end_ -= begin_;
        begin_ = 0;
    }
    if (storage_.size() - end_ < bytes)
        storage_.resize(std::max(end_ + bytes, storage_.size() * 2));
}

void read_buffer::commit(std::size_t bytes) noexcept
{
    end_ += bytes;
    if (bytes >= chunk_)
        chunk_ = std::min(chunk_ * 2, largest_chunk);
}

void read_buffer::consume(std::size_t bytes) noexcept
{
    begin_ += bytes;
    searched_ -= std::min(searched_, bytes);
    newline_searched_ -= std::min(newline_searched_, bytes);
}

std::string read_buffer::take(std::size_t bytes)
{
    if (bytes == size() && bytes > storage_.size() / 2)
        return take_all();
    std::string taken(view().substr(0, bytes));
    consume(taken.size());
    return taken;
}

std::string read_buffer::take_all()
{
    // A short result must not carry a large room along.
    if (size() < storage_.size() / 4) {
        std::string taken(view());
        consume(taken.size());
        return taken;
    }
    storage_.resize(end_);
    storage_.erase(0, begin_);
    begin_ = end_ = searched_ = newline_searched_ = 0;
    return std::exchange(storage_, std::string());
}

std::optional<read_buffer::match> read_buffer::find_newline() noexcept
{
    const auto data = view();
    const auto at = data.find('\n', newline_searched_);
    if (at == data.npos) {
        newline_searched_ = data.size();
        return std::nullopt;
    }
    newline_searched_ = at;
    return match{at, at + 1};
}

std::optional<read_buffer::match>
read_buffer::find(const std::vector<std::string>& separators)
{
    if (separators != searched_for_) {
        searched_for_ = separators;
        searched_ = 0;
    }
    const auto data = view();
    std::optional<match> best;
    for (const auto& separator : separators) {
        // It may have begun in what was searched before.
        const auto overlap = separator.size() - 1;
        const auto from = searched_ - std::min(searched_, overlap);
        const auto at = data.find(separator, from);
        if (at == data.npos)
            continue;
        const match found{at, at + separator.size()};
        if (!best || found.end < best->end ||
            (found.end == best->end && found.start > best->start))
            best = found;
    }
    if (!best)
        searched_ = data.size();
    return best;
}

}  // namespace brood::core
