// line_reader: the lines of a file, one at a time, of a file of any size.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cli {

class line_reader {
public:
    // "-": stdin. `what` is what messages call it: "the report". Throws
    // program_error.
    line_reader(const std::string& path, const std::string& what);
    ~line_reader();
    line_reader(const line_reader&) = delete;
    line_reader& operator=(const line_reader&) = delete;

    // The next line, without its end; valid until the next call. False: no
    // more. Throws program_error for what cannot be read, and for a line
    // longer than any that brood writes.
    bool next(std::string_view& line);

    std::uint64_t number() const noexcept { return number_; }  // from 1
    // The line read last had no line feed behind it.
    bool unended() const noexcept { return unended_; }
    int descriptor() const noexcept { return fd_; }

private:
    bool fill();

    int fd_ = -1;
    bool owned_ = false;
    bool unended_ = false;
    std::uint64_t number_ = 0;
    std::size_t at_ = 0;  // where the next line starts in buffer_
    std::string buffer_;
    std::string doing_;  // "read the report 'x'"
};

}  // namespace cli
