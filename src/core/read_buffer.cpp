// read_buffer.cpp: see read_buffer.hpp.
#include "core/read_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace brood::core {

namespace {

// As much as a pipe of the default size holds is read at once; more only
// helps with larger pipes.
constexpr std::size_t largest_chunk = 256 * 1024;

// Two such reads: one of them to be searched while the next comes in behind.
constexpr std::size_t usual_room = 2 * largest_chunk;

}  // namespace

std::span<char> read_buffer::prepare()
{
    if (empty())
        begin_ = end_ = 0;
    // One long line must not keep its memory for ever, also where what comes
    // behind it never runs dry.
    if (storage_.capacity() > 2 * usual_room &&
        size() < storage_.capacity() / 8)
        give_memory_back();
    if (storage_.size() - end_ < chunk_)
        make_room(chunk_);
    return {storage_.data() + end_,
            std::min(storage_.size() - end_, largest_chunk)};
}

void read_buffer::give_memory_back()
{
    std::string smaller;
    smaller.reserve(std::max(size(), usual_room));
    smaller.append(view());
    begin_ = 0;
    end_ = smaller.size();
    storage_ = std::move(smaller);
}

void read_buffer::make_room(std::size_t bytes)
{
    // Moving down costs less than it gains only while little is left.
    if (begin_ >= size()) {
        std::memmove(storage_.data(), storage_.data() + begin_, size());
        end_ -= begin_;
        begin_ = 0;
    }
    if (storage_.size() - end_ >= bytes)
        return;
    if (end_ + bytes > storage_.capacity())
        grow(end_ + bytes);
    // Only what the next read may fill is set to zero: memory that nobody
    // has touched costs nothing.
    storage_.resize(end_ + bytes);
}

void read_buffer::grow(std::size_t least)
{
    // Each growth touches all the pages anew, which costs more than to read
    // into them: where much has come in, much more is expected.
    const auto much = storage_.capacity() >= 2 * usual_room;
    try {
        storage_.reserve(std::max(least, storage_.capacity() * (much ? 4 : 2)));
    } catch (const std::bad_alloc&) {
        storage_.reserve(least);
    }
}

void read_buffer::expect_messages() noexcept
{
    chunk_ = largest_chunk;
}

void read_buffer::commit(std::size_t bytes) noexcept
{
    end_ += bytes;
    if (bytes >= chunk_)
        chunk_ = std::min(chunk_ * 2, largest_chunk);
}

std::string read_buffer::take(std::size_t bytes)
{
    if (bytes == size() && bytes > storage_.capacity() / 2)
        return take_all();
    std::string taken(view().substr(0, bytes));
    consume(taken.size());
    return taken;
}

std::string read_buffer::take_all()
{
    // A short result must not carry a large room along.
    if (size() < storage_.capacity() / 4) {
        std::string taken(view());
        consume(taken.size());
        return taken;
    }
    storage_.resize(end_);
    storage_.erase(0, begin_);
    begin_ = end_ = newline_searched_ = 0;
    searched_.assign(searched_.size(), 0);
    return std::exchange(storage_, std::string());
}

std::optional<read_buffer::match>
read_buffer::find(const std::vector<std::string>& separators)
{
    if (separators != searched_for_) {
        searched_for_ = separators;
        searched_.assign(separators.size(), 0);
    }
    const auto data = view();
    std::optional<match> best;
    for (std::size_t i = 0; i != separators.size(); ++i) {
        const auto& separator = separators[i];
        const auto at = data.find(separator, searched_[i]);
        if (at == data.npos) {
            // Its beginning may already be there.
            const auto tail = std::min(separator.size() - 1, data.size());
            searched_[i] = std::max(searched_[i], data.size() - tail);
            continue;
        }
        searched_[i] = at;
        const match found{at, at + separator.size()};
        if (!best || found.end < best->end ||
            (found.end == best->end && found.start > best->start))
            best = found;
    }
    return best;
}

}  // namespace brood::core
