#include "cli/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace cli {

namespace {

constexpr std::size_t chunk_size = 256 * 1024;

[[noreturn]] void fail(const char* what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

int open_unnamed_file()
{
    // No setenv here runs beside this: one thread.
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    const char* const wanted = std::getenv("TMPDIR");
    const std::string folder = wanted && *wanted ? wanted : "/tmp";
    const int file = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0)
        return file;
    // Some file systems have no O_TMPFILE.
    auto name = folder + "/brood-XXXXXX";
    const int made = mkostemp(name.data(), O_CLOEXEC);
    if (made < 0)
        fail("no temporary file for a job's output");
    unlink(name.c_str());
    return made;
}

}  // namespace

spool::~spool()
{
    clear();
}

void spool::clear() noexcept
{
    if (file_ >= 0)
        close(file_);
    file_ = -1;
    memory_ = {};
    chunk_ = {};
    size_ = read_ = 0;
}

void spool::append(std::string_view bytes)
{
    if (!would_spill(bytes.size()) && file_ < 0) {
        memory_.append(bytes);
        size_ += bytes.size();
        return;
    }
    if (file_ < 0)
        file_ = open_unnamed_file();
    size_ += bytes.size();
    while (!bytes.empty()) {
        const auto done = write(file_, bytes.data(), bytes.size());
        if (done < 0 && errno != EINTR)
            fail("a job's output cannot be kept in a temporary file");
        if (done > 0)
            bytes.remove_prefix(static_cast<std::size_t>(done));
    }
}

std::string_view spool::next()
{
    if (read_ < memory_.size()) {
        const auto part = std::string_view(memory_).substr(read_);
        read_ = memory_.size();
        return part;
    }
    if (file_ < 0 || read_ == size_)
        return {};
    chunk_.resize(chunk_size);
    const auto got = pread(file_, chunk_.data(), chunk_.size(),
                           static_cast<off_t>(read_ - memory_.size()));
    if (got < 0)
        fail("a job's output cannot be read back");
    read_ += static_cast<std::uint64_t>(got);
    return std::string_view(chunk_).substr(0, static_cast<std::size_t>(got));
}

}  // namespace cli
