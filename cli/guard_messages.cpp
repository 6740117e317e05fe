#include "cli/guard_messages.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <type_traits>

namespace cli {

namespace {

// Larger ones go through a memory file. Well below the least that a socket
// takes at once (net.core.wmem_default, 208 KiB).
constexpr std::size_t largest_packet = 32 * 1024;
constexpr std::size_t most_descriptors = 4;

class packer {
public:
    template <class Number>
        requires std::is_arithmetic_v<Number> || std::is_enum_v<Number>
    packer& operator<<(Number value)
    {
        char raw[sizeof value];
        std::memcpy(raw, &value, sizeof value);
        bytes.append(raw, sizeof raw);
        return *this;
    }
    packer& operator<<(std::string_view text)
    {
        *this << static_cast<std::uint32_t>(text.size());
        bytes.append(text);
        return *this;
    }
    packer& operator<<(const std::vector<std::string>& list)
    {
        *this << static_cast<std::uint32_t>(list.size());
        for (const auto& each : list)
            *this << std::string_view(each);
        return *this;
    }
    packer& operator<<(const std::vector<leftover_process>& list)
    {
        *this << static_cast<std::uint32_t>(list.size());
        for (const auto& each : list)
            *this << each.pid << each.argv << std::string_view(each.action);
        return *this;
    }

    std::string bytes;
};

class unpacker {
public:
    explicit unpacker(std::string_view bytes) : rest_(bytes) {}

    template <class Number>
        requires std::is_arithmetic_v<Number> || std::is_enum_v<Number>
    unpacker& operator>>(Number& value)
    {
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return *this;
    }
    unpacker& operator>>(std::string& text)
    {
        std::uint32_t size = 0;
        *this >> size;
        text = take(size);
        return *this;
    }
    unpacker& operator>>(std::vector<std::string>& list)
    {
        list.resize(count());
        for (auto& each : list)
            *this >> each;
        return *this;
    }
    unpacker& operator>>(std::vector<leftover_process>& list)
    {
        list.resize(count());
        for (auto& each : list)
            *this >> each.pid >> each.argv >> each.action;
        return *this;
    }
    bool at_end() const noexcept { return rest_.empty(); }
    std::size_t count()
    {
        std::uint32_t number = 0;
        *this >> number;
        // Each takes four bytes at the least, so nothing huge is allocated.
        if (number > rest_.size() / 4)
            fail();
        return number;
    }

private:
    [[noreturn]] static void fail()
    {
        throw std::runtime_error("a packet between engine and guard is short");
    }
    std::string_view take(std::size_t size)
    {
        if (size > rest_.size())
            fail();
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    std::string_view rest_;
};

void put(packer& to, const start_request& what)
{
    to << what.id << what.slot << what.argv << what.in << what.out << what.err
       << static_cast<std::uint32_t>(what.env.size());
    for (const auto& [name, value] : what.env)
        to << std::string_view(name) << std::string_view(value);
}

void get(unpacker& from, start_request& what)
{
    from >> what.id >> what.slot >> what.argv >> what.in >> what.out >>
        what.err;
    what.env.resize(from.count());
    for (auto& [name, value] : what.env)
        from >> name >> value;
}

void put(packer& to, const stop_request& what)
{
    to << what.id << what.now;
}
void get(unpacker& from, stop_request& what)
{
    from >> what.id >> what.now;
}

void put(packer& to, const signal_request& what)
{
    to << what.id << what.signal;
}
void get(unpacker& from, signal_request& what)
{
    from >> what.id >> what.signal;
}

void put(packer&, const recall_request&) {}
void get(unpacker&, recall_request&) {}

void put(packer&, const finish_request&) {}
void get(unpacker&, finish_request&) {}

packer& operator<<(packer& to, const job_start& what)
{
    return to << what.pid << what.slot << what.at.time_since_epoch().count();
}
unpacker& operator>>(unpacker& from, job_start& what)
{
    auto at = what.at.time_since_epoch().count();
    from >> what.pid >> what.slot >> at;
    what.at = decltype(what.at)(decltype(what.at)::duration(at));
    return from;
}

void put(packer& to, const started_reply& what)
{
    to << what.id << what.start;
}
void get(unpacker& from, started_reply& what)
{
    from >> what.id >> what.start;
}

void put(packer& to, const refused_reply& what)
{
    to << what.id << what.start << what.error << what.at_exec
       << std::string_view(what.what);
}
void get(unpacker& from, refused_reply& what)
{
    from >> what.id >> what.start >> what.error >> what.at_exec >> what.what;
}

void put(packer& to, const exited_reply& what)
{
    static_assert(std::is_trivially_copyable_v<brood::resource_usage>);
    const auto& used = what.usage;
    to << what.id << what.start << what.status.how() << what.status.code()
       << what.status.signal() << what.status.core_dumped()
       << used.user_time.count() << used.system_time.count()
       << used.max_resident_bytes << used.minor_faults << used.major_faults
       << used.blocks_read << used.blocks_written << used.voluntary_switches
       << used.involuntary_switches << what.wall_ns << what.gone;
}
void get(unpacker& from, exited_reply& what)
{
    auto how = brood::exit_status::kind::unknown;
    int code = 0;
    int signal = 0;
    bool core = false;
    std::chrono::microseconds::rep user{};
    std::chrono::microseconds::rep system{};
    auto& used = what.usage;
    from >> what.id >> what.start >> how >> code >> signal >> core >> user >>
        system >> used.max_resident_bytes >> used.minor_faults >>
        used.major_faults >> used.blocks_read >> used.blocks_written >>
        used.voluntary_switches >> used.involuntary_switches >> what.wall_ns >>
        what.gone;
    used.user_time = std::chrono::microseconds(user);
    used.system_time = std::chrono::microseconds(system);
    if (how == brood::exit_status::kind::exited)
        what.status = brood::exit_status::exited(code);
    else if (how == brood::exit_status::kind::signaled)
        what.status = brood::exit_status::signaled(signal, core);
}

void put(packer& to, const signaled_reply& what)
{
    to << what.id << what.signal << what.at_ns;
}
void get(unpacker& from, signaled_reply& what)
{
    from >> what.id >> what.signal >> what.at_ns;
}

void put(packer& to, const recalled_reply& what)
{
    to << what.id;
}
void get(unpacker& from, recalled_reply& what)
{
    from >> what.id;
}

void put(packer& to, const gone_reply& what)
{
    to << what.id << what.leftover;
}
void get(unpacker& from, gone_reply& what)
{
    from >> what.id >> what.leftover;
}

void put(packer& to, const finished_reply& what)
{
    to << what.leftover;
}
void get(unpacker& from, finished_reply& what)
{
    from >> what.leftover;
}

template <class Variant>
std::string pack_any(const Variant& what)
{
    packer to;
    to << static_cast<std::uint8_t>(what.index());
    std::visit([&to](const auto& each) { put(to, each); }, what);
    return std::move(to.bytes);
}

template <class Variant, std::size_t Index = 0>
Variant unpack_any(std::size_t index, unpacker& from)
{
    if constexpr (Index < std::variant_size_v<Variant>) {
        if (index == Index) {
            std::variant_alternative_t<Index, Variant> what;
            get(from, what);
            return what;
        }
        return unpack_any<Variant, Index + 1>(index, from);
    } else {
        throw std::runtime_error("a packet of an unknown kind");
    }
}

template <class Variant>
Variant unpack_one(unpacker& from)
{
    std::uint8_t index = 0;
    from >> index;
    return unpack_any<Variant>(index, from);
}

// The first byte of a packet: is it all there, or in a memory file, the last
// of the descriptors?
constexpr char is_whole = 'w';
constexpr char is_in_file = 'f';
// So much of it stands beside the file: what a packet is, and of which job.
constexpr std::size_t beginning = 1 + sizeof(std::uint64_t);

int memory_file(std::string_view bytes)
{
    const int file = memfd_create("brood", MFD_CLOEXEC);
    if (file < 0)
        return -1;
    while (!bytes.empty()) {
        const auto done = write(file, bytes.data(), bytes.size());
        if (done <= 0) {
            close(file);
            return -1;
        }
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return file;
}

bool read_memory_file(int file, std::string& bytes)
{
    struct stat about{};
    if (fstat(file, &about) != 0)
        return false;
    bytes.resize(static_cast<std::size_t>(about.st_size));
    std::size_t have = 0;
    while (have < bytes.size()) {
        const auto got = pread(file, bytes.data() + have, bytes.size() - have,
                               static_cast<off_t>(have));
        if (got <= 0)
            return false;
        have += static_cast<std::size_t>(got);
    }
    return true;
}

int send_raw(int socket, char kind, std::string_view bytes,
             const int* descriptors, std::size_t count, int flags)
{
    std::array<iovec, 2> parts{};
    parts[0] = {&kind, 1};
    // sendmsg only reads; iovec has one type for both ways.
    parts[1] = {const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * most_descriptors)];
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = 2;
    if (count != 0) {
        std::memset(control, 0, sizeof control);
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        std::memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
    }
    for (;;) {
        if (sendmsg(socket, &message, flags | MSG_NOSIGNAL) >= 0)
            return 0;
        if (errno != EINTR)
            return errno;
    }
}

void take_descriptors(msghdr& message, received_descriptors& into)
{
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        std::array<int, most_descriptors> found{};
        std::memcpy(found.data(), CMSG_DATA(header), count * sizeof(int));
        into.add(found.data(), count);
    }
}

}  // namespace

std::string pack(const guard_request& what)
{
    return pack_any(what);
}
std::string pack(const guard_reply& what)
{
    return pack_any(what);
}

guard_request unpack_request(std::string_view bytes)
{
    unpacker from(bytes);
    return unpack_one<guard_request>(from);
}

std::uint64_t id_of_cut_request(std::string_view bytes)
{
    unpacker from(bytes);
    std::uint8_t index = 0;
    std::uint64_t id = 0;
    from >> index >> id;
    return id;
}

std::vector<guard_reply> unpack_replies(std::string_view bytes)
{
    std::vector<guard_reply> all;
    for (unpacker from(bytes); !from.at_end();)
        all.push_back(unpack_one<guard_reply>(from));
    return all;
}

received_descriptors::~received_descriptors()
{
    for (const int each : all_)
        close(each);
}

void received_descriptors::add(const int* first, std::size_t count)
{
    all_.insert(all_.end(), first, first + count);
}

void received_descriptors::close_last()
{
    close(all_.back());
    all_.pop_back();
}

int send_packet(int socket, std::string_view bytes,
                const std::vector<int>& descriptors, int flags)
{
    if (bytes.size() <= largest_packet)
        return send_raw(socket, is_whole, bytes, descriptors.data(),
                        descriptors.size(), flags);
    const int file = memory_file(bytes);
    if (file < 0)
        return errno;
    auto all = descriptors;
    all.push_back(file);
    const int failed = send_raw(socket, is_in_file, bytes.substr(0, beginning),
                                all.data(), all.size(), flags);
    close(file);
    return failed;
}

received_packet receive_packet(int socket, int flags)
{
    received_packet got;
    thread_local std::array<char, largest_packet + 1> buffer;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * most_descriptors)];
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t size = 0;
    do {
        size = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size <= 0) {
        got.would_block = size < 0 && (errno == EAGAIN);
        got.ended = !got.would_block;
        return got;
    }
    take_descriptors(message, got.descriptors);
    got.cut = (message.msg_flags & MSG_CTRUNC) != 0;
    got.bytes.assign(buffer.data() + 1, static_cast<std::size_t>(size) - 1);
    if (buffer[0] == is_whole)
        return got;
    const auto& came = got.descriptors.all();
    if (got.cut || came.empty()) {
        got.cut = true;
        return got;
    }
    if (!read_memory_file(came.back(), got.bytes))
        throw std::runtime_error("a large packet has been lost");
    got.descriptors.close_last();
    return got;
}

}  // namespace cli
