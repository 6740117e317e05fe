// output_file: where lines go, written whole or reported.

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace cli {

class output_file {
public:
    enum class mode { truncate, append };

    // `path` is a path, "-" for stdout, or "fd:N" for a descriptor that the
    // caller has opened. `what` is what messages call it: "the report".
    // Throws program_error.
    output_file(const std::string& path, const std::string& what, mode how);
    ~output_file();
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;

    // All of it, by one write(2) where the system takes it at once. Throws
    // program_error, once: what comes later is lost with the rest.
    void write(std::string_view bytes);

    // From now on what is for one of our own streams goes this way, which
    // reports errors itself.
    void use(std::function<void(unsigned, std::string_view)> output)
    {
        if (fd_ == 1 || fd_ == 2)
            output_ = std::move(output);
    }

    // Nothing was in it when it was opened.
    bool empty() const noexcept { return empty_; }
    int descriptor() const noexcept { return fd_; }

private:
    void open(const std::string& path, mode how);
    void take(const std::string& number);
    void end_last_line(const std::string& path);

    int fd_ = -1;
    bool owned_ = false;
    bool empty_ = true;
    bool failed_ = false;
    std::function<void(unsigned, std::string_view)> output_;
    std::string doing_;  // "write the report to 'x'"
};

}  // namespace cli
