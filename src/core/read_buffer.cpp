// read_buffer.cpp: see read_buffer.hpp.
#include "core/read_buffer.hpp"

#include "core/unset_string.hpp"

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

// From here on memory is the system's again as soon as it is free.
constexpr std::size_t large = 2 * usual_room;
// From here on even addresses are worth something.
constexpr std::size_t huge = std::size_t{256} * 1024 * 1024;

}  // namespace

std::span<char> read_buffer::prepare()
{
    if (empty())
        moved_down();
    // One long line must not keep its memory for ever, also where what comes
    // behind it never runs dry.
    if (storage_.size() > large && size() < touched_ / 8)
        give_memory_back();
    if (storage_.size() - at_.end < chunk_)
        make_room(chunk_);
    return {storage_.data() + at_.end,
            std::min(storage_.size() - at_.end, largest_chunk)};
}

void read_buffer::moved_down() noexcept
{
    const auto place_of = [this](std::size_t place) {
        return std::max(place, at_.begin) - at_.begin;
    };
    at_.searched = place_of(at_.searched);
    for (auto& searched : searched_)
        searched = place_of(searched);
    at_.data = storage_.data();
    at_.end = size();
    at_.begin = 0;
}

void read_buffer::give_memory_back()
{
    move_to(unset_string(std::max(size(), usual_room)));
}

void read_buffer::make_room(std::size_t bytes)
{
    // Moving down costs less than it gains only while little is left.
    if (at_.begin >= size()) {
        std::memmove(storage_.data(), storage_.data() + at_.begin, size());
        moved_down();
    }
    if (storage_.size() - at_.end < bytes)
        grow(size() + bytes);
}

void read_buffer::grow(std::size_t least)
{
    // Each growth touches all the pages anew, which costs more than to read
    // into them: where much has come in, much more is expected. What is not
    // used of it is no memory, only addresses. A little more than a multiple,
    // for what has a round size is followed by a read that finds its end.
    const auto has = storage_.size();
    const auto doubled = std::max(least, 2 * has);
    const bool much_more = has >= large && has < huge;
    const auto wanted =
        much_more ? std::max(least, 16 * has + largest_chunk) : doubled;
    for (const auto size : {wanted, doubled}) {
        try {
            return move_to(unset_string(size));
        } catch (const std::bad_alloc&) {
            continue;
        }
    }
    move_to(unset_string(least));
}

// Takes `other` for the storage. In pieces, each of which goes back to the
// system once it is copied: else there would be twice the data for a while.
void read_buffer::move_to(std::string other)
{
    constexpr std::size_t piece = std::size_t{1} << 20;
    for (std::size_t at = 0; at < size(); at += piece) {
        auto* const from = storage_.data() + at_.begin + at;
        const auto bytes = std::min(size() - at, piece);
        std::memcpy(other.data() + at, from, bytes);
        if (forget_ && size() > large)
            forget_(from, bytes);
    }
    storage_ = std::move(other);
    moved_down();
    touched_ = size();
}

void read_buffer::expect_messages() noexcept
{
    chunk_ = largest_chunk;
}

void read_buffer::commit(std::size_t bytes) noexcept
{
    at_.end += bytes;
    touched_ = std::max(touched_, at_.end);
    if (bytes >= chunk_)
        chunk_ = std::min(chunk_ * 2, largest_chunk);
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
    // A short result must not carry a large room along; room that was never
    // touched weighs nothing.
    if (size() < std::min(storage_.size(), std::max(touched_, large)) / 4) {
        std::string taken(view());
        consume(taken.size());
        return taken;
    }
    storage_.resize(at_.end);
    storage_.erase(0, at_.begin);
    auto taken = std::exchange(storage_, std::string());
    consume(size());
    moved_down();
    touched_ = 0;
    return taken;
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
        const auto from = std::max(searched_[i], at_.begin) - at_.begin;
        const auto at = data.find(separator, from);
        if (at == data.npos) {
            // Its beginning may already be there.
            const auto tail = std::min(separator.size() - 1, data.size());
            searched_[i] = at_.begin + std::max(from, data.size() - tail);
            continue;
        }
        searched_[i] = at_.begin + at;
        const match found{at, at + separator.size()};
        if (!best || found.end < best->end ||
            (found.end == best->end && found.start > best->start))
            best = found;
    }
    return best;
}

}  // namespace brood::core
