// read_buffer.hpp: bytes read and not yet asked for, and the search in them.
//
// Pure. Every byte is searched once for each separator of a set, however often
// the search is taken up again; nothing is moved or copied without need.
#pragma once

#include <brood/detail/line_window.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brood::core {

// Tells the system that nobody reads a large piece of memory any more.
using forget_function = void (*)(char* memory, std::size_t size) noexcept;

class read_buffer {
public:
    // `forget` may be null.
    explicit read_buffer(forget_function forget = nullptr) noexcept
        : forget_(forget)
    {
    }
    // The window shows into the storage.
    read_buffer(read_buffer&&) noexcept = default;
    read_buffer& operator=(read_buffer&&) = delete;

    // Where a separator was found: the bytes before it, and up to its end.
    struct match {
        std::size_t start;
        std::size_t end;
    };

    std::string_view view() const noexcept
    {
        return {at_.data + at_.begin, size()};
    }
    std::size_t size() const noexcept { return at_.end - at_.begin; }
    bool empty() const noexcept { return at_.begin == at_.end; }

    // The same bytes, for those who take line after line of them. A line
    // counts as consumed.
    detail::line_window& lines() noexcept { return at_; }
    const detail::line_window& lines() const noexcept { return at_; }

    // Room for the next read; grows while reads keep filling it.
    std::span<char> prepare();
    // The first `bytes` of that room now hold data.
    void commit(std::size_t bytes) noexcept;

    // Every read gets room for a whole message.
    void expect_messages() noexcept;

    // The next `bytes` are done with. A view of them stays valid until the
    // next prepare() or take.
    void consume(std::size_t bytes) noexcept { at_.begin += bytes; }
    std::string take(std::size_t bytes);
    std::string take_all();

    // The earliest-ending match of any separator; of two that end together,
    // the shorter one. None: not there yet.
    std::optional<match> find(const std::vector<std::string>& separators);
    std::optional<match> find_newline() noexcept
    {
        const auto at = at_.find_newline() - at_.begin;
        if (at == size())
            return std::nullopt;
        return match{at, at + 1};
    }

private:
    void make_room(std::size_t bytes);
    void grow(std::size_t least);
    void give_memory_back();

    void move_to(std::string other);
    // What was at begin is now at the beginning of storage_.
    void moved_down() noexcept;

    // What at_ shows is data, the rest of storage_ is room, never written by
    // us. Kept as a string so that read-to-the-end hands it out without a
    // copy.
    std::string storage_;
    detail::line_window at_;
    std::size_t touched_ = 0;  // behind it storage_ costs no memory
    forget_function forget_;
    std::size_t chunk_ = 4096;  // what a short dialogue needs
    // For each separator: between begin and this place none begins.
    std::vector<std::string> searched_for_;
    std::vector<std::size_t> searched_;
};

}  // namespace brood::core
