#include "cli/results_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace cli {

namespace {

// The longest name that the usual file systems take.
constexpr std::size_t longest_name = 255;

// As GNU parallel does it; and what would lead elsewhere is made a name, too.
std::string file_name_of(std::string_view value)
{
    if (value == "." || value == "..")
        return "\\" + std::string(value);
    std::string name;
    for (const char each : value) {
        switch (each) {
        case '\\': name += "\\\\"; break;
        case '\t': name += "\\t"; break;
        case '\0': name += "\\0"; break;
        case '/': name += "\\_"; break;
        default: name += each;
        }
    }
    return name.substr(0, longest_name);
}

int create(const std::string& path)
{
    const int file =
        open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0)
        throw std::system_error(errno, std::generic_category(),
                                "--results: " + path);
    return file;
}

}  // namespace

std::string results_path(const std::string& root, const job& of)
{
    auto path = root;
    if (path.empty() || path.back() != '/')
        path += '/';
    std::size_t number = 0;
    for (const auto& value : of.values)
        path += std::to_string(++number) + "/" + file_name_of(value) + "/";
    if (number == 0)
        path +=
            (of.name.empty() ? std::to_string(of.seq) : file_name_of(of.name)) +
            "/";
    return path;
}

std::array<int, 2> open_results_files(const std::string& root, const job& of)
{
    const auto path = results_path(root, of);
    std::error_code failed;
    std::filesystem::create_directories(path, failed);
    if (failed)
        throw std::system_error(failed, "--results: " + path);
    const int seq = create(path + "seq");
    const auto text = std::to_string(of.seq);
    const bool written = write(seq, text.data(), text.size()) ==
                         static_cast<ssize_t>(text.size());
    close(seq);
    if (!written)
        throw std::system_error(errno, std::generic_category(),
                                "--results: " + path + "seq");
    std::array<int, 2> files{-1, -1};
    files[0] = create(path + "stdout");
    try {
        files[1] = create(path + "stderr");
    } catch (...) {
        close(files[0]);
        throw;
    }
    return files;
}

}  // namespace cli
